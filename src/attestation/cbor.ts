import { decodeFirst } from 'cborg'
import { ok, type Result } from '../protocol/index.ts'
import { type AttestationError, type EvidenceCode, refuse } from './errors.ts'

export interface CborRules {
  /** The code of bytes that are no CBOR. */
  readonly malformed: EvidenceCode
  /** Whether indefinite lengths and non-minimal integers are read: inside what is signed, they change nothing. */
  readonly lenient: boolean
}

/**
 * One CBOR item and nothing after it. Maps become `Map`; a key that comes twice is `duplicate-key`, bytes after the
 * item are `trailing-bytes`. Tags are refused.
 */
export function decodeCbor(bytes: Uint8Array, rules: CborRules): Result<unknown, AttestationError> {
  const options = { useMaps: true, strict: !rules.lenient, allowIndefinite: rules.lenient }
  try {
    const [value, rest] = decodeFirst(bytes, { ...options, rejectDuplicateMapKeys: true })
    if (rest.length > 0) return refuse('trailing-bytes', 'nothing after the CBOR item', `${rest.length} bytes`)
    return ok(value)
  } catch (cause) {
    return repeatsKeys(bytes, options)
      ? refuse('duplicate-key', 'each map key once', 'a key twice', cause)
      : refuse(rules.malformed, 'well-formed CBOR', `${bytes.length} bytes that are not`, cause)
  }
}

function repeatsKeys(bytes: Uint8Array, options: Parameters<typeof decodeFirst>[1]): boolean {
  try {
    decodeFirst(bytes, options)
    return true
  } catch {
    return false
  }
}

export const describe = (value: unknown): string => {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Map) return `a map of ${value.size}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 64))
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value
}
