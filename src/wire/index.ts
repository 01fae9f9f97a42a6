export * from './codec.ts'
export { WIRE_LIMITS, type WireLimit, type WireLimitName } from './constants.ts'
export * from './errors.ts'
export * from './messages.ts'
