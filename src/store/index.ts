export { StoreError, type StoreErrorCode, type StoreErrorDetail } from './errors.ts'
export type {
  Entry,
  ImportedHistory,
  Range,
  Signed,
  SigningKind,
  Store,
  StoreInit,
  StoreLogger,
  Write,
} from './interface.ts'
export { SIGNING_KIND } from './interface.ts'
export { type Key, type KeyPrefix, TABLES, type Table } from './layout.ts'
export { openStore } from './levelStore.ts'
