export { SpendingError, type SpendingErrorCode, type SpendingErrorDetail } from './errors.ts'
export * from './policy.ts'
export { type BookResult, openSpendingBook, type SpendingBook } from './spendingBook.ts'
export { type Spending, SpendingLedger, type SpendingRequest, type SpendingTotals } from './spendingLedger.ts'
