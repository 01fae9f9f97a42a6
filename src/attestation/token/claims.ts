import { bytesToHex, type Hex, hexToBytes, ok, type Result } from '../../protocol/index.ts'
import { MAX_TIME_MS } from '../constants.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { type JsonObject, memberOf } from '../json.ts'
import type { EvidencePolicy } from '../policy.ts'

/** Milliseconds since 1970. */
export interface TokenTimes {
  readonly issuedAt: number
  readonly expiresAt: number
}

/** `iat`, `nbf` and `exp` (RFC 7519, 4.1) in whole seconds, against the time of appraisal; `nbf` may be absent. */
export function readTimes(
  payload: JsonObject,
  { now, policy }: { readonly now: number; readonly policy: Pick<EvidencePolicy, 'maxAheadMs'> },
): Result<TokenTimes, AttestationError> {
  const [issuedAt, expiresAt] = [memberOf(payload, 'iat'), memberOf(payload, 'exp')].map(millisecondsOf)
  const notBefore = memberOf(payload, 'nbf') === undefined ? issuedAt : millisecondsOf(memberOf(payload, 'nbf'))
  if (issuedAt === undefined || expiresAt === undefined || notBefore === undefined)
    return refuse('malformed-token', 'iat, exp and nbf in seconds', 'others')
  if (!(now >= notBefore - policy.maxAheadMs))
    return refuse('token-not-yet-valid', `a time after ${new Date(notBefore).toISOString()}`, `${now} ms`)
  if (!(now < expiresAt))
    return refuse('token-expired', `a time before ${new Date(expiresAt).toISOString()}`, `${now} ms`)
  return ok({ issuedAt, expiresAt })
}

function millisecondsOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return undefined
  return value * 1000 <= MAX_TIME_MS ? value * 1000 : undefined
}

const MAX_SHOWN = 64

/** A claim in an error: any JSON, also an object whose own `toString` is no function. */
export const shown = (value: unknown): string => JSON.stringify(value ?? null).slice(0, MAX_SHOWN)

/** Text of at most 1,024 characters that is not empty. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length > 0 && value.length <= 1_024 ? value : undefined

/** Bytes of a claim in hexadecimal without a prefix, in either case. */
export function hexClaim(value: unknown, length?: number): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^(?:[0-9a-fA-F]{2})+$/.test(value)) return undefined
  return length === undefined || value.length === 2 * length ? hexToBytes(`0x${value}`) : undefined
}

/** A text among measurements: its UTF-8, so that an allow-list can pin it. */
export const textMeasurement = (text: string): Hex => bytesToHex(new TextEncoder().encode(text))

/** The 32 bytes in front of a report data field of 64 if zeros follow, else the field: then it matches nothing of ours. */
export function reportDataOf(field: Uint8Array): Uint8Array {
  const padded = field.length === 64 && field.subarray(32).every((byte) => byte === 0)
  return padded ? field.subarray(0, 32) : field
}
