import { canonicalBytes, type Json } from './canonical.ts'
import { fail, ok, type Result } from './errors.ts'
import { keccak } from './hash.ts'
import { bytesToHex, type Digest } from './hex.ts'

export const MAX_PARAMETER_BYTES = 16_384

/** Parameters of a tensor job: none yet. Every member that ever counts is covered by `parametersHash` (section 2). */
export type TensorParameters = { readonly [name: string]: never }

export interface ParametersProblem {
  readonly code: 'bad-parameters'
  readonly expected: string
  readonly got: string
}

/** Reads the parameters of a tensor job: exact RFC 8785 bytes, unknown members refused. */
export function parseTensorParameters(bytes: Uint8Array): Result<TensorParameters, ParametersProblem> {
  if (bytes.length > MAX_PARAMETER_BYTES) return refuse(`at most ${MAX_PARAMETER_BYTES} bytes`, `${bytes.length} bytes`)
  let value: Json
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json
  } catch {
    return refuse('RFC 8785 JSON', 'bytes that are not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('an object', typeof value)
  const unknown = Object.keys(value)[0]
  if (unknown !== undefined) return refuse('no members (a tensor model takes none)', `member "${unknown}"`)
  if (bytesToHex(canonicalBytes(value)) !== bytesToHex(bytes)) {
    return refuse('canonical RFC 8785 bytes', 'other bytes of the same value')
  }
  return ok({})
}

const refuse = (expected: string, got: string): Result<never, ParametersProblem> =>
  fail({ code: 'bad-parameters', expected, got })

export const parametersHashOf = (canonical: Uint8Array): Digest => keccak(canonical)
