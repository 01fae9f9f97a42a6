import { encode } from 'cborg'
import { ok, type Result } from '../protocol/index.ts'
import { decodeCbor, describe } from './cbor.ts'
import type { AttestationCrypto } from './crypto.ts'
import { type AttestationError, refuse } from './errors.ts'
import { P384_SHA384, type Subtle, type WebKey } from './webcrypto.ts'

/** RFC 9052 header labels and RFC 9053's ECDSA with SHA-384. */
const LABEL_ALG = 1
const LABEL_CRIT = 2
export const COSE_ES384 = -35
const ES384_SIGNATURE_BYTES = 96

/** COSE_Sign1 (RFC 9052, 4.2), untagged, with everything in its protected header. */
export interface Sign1 {
  readonly protectedHeader: Uint8Array
  readonly payload: Uint8Array
  /** r and s, IEEE P1363. Both s and n - s verify: never an id. */
  readonly signature: Uint8Array
}

/** The structure and its header: ES384 in the protected header, no other parameter anywhere. */
export function parseSign1(bytes: Uint8Array): Result<Sign1, AttestationError> {
  const outer = decodeCbor(bytes, { malformed: 'malformed-cose', lenient: false })
  if (!outer.ok) return outer
  const parts = outer.value
  if (!Array.isArray(parts) || parts.length !== 4) return refuse('malformed-cose', 'an array of 4', describe(parts))
  const [protectedHeader, unprotectedHeader, payload, signature] = parts as unknown[]
  if (!(protectedHeader instanceof Uint8Array))
    return refuse('malformed-cose', 'a protected header in bytes', describe(protectedHeader))
  if (!(unprotectedHeader instanceof Map))
    return refuse('malformed-cose', 'a map of unprotected parameters', describe(unprotectedHeader))
  if (!(payload instanceof Uint8Array)) return refuse('malformed-cose', 'a payload in bytes', describe(payload))
  if (!(signature instanceof Uint8Array) || signature.length !== ES384_SIGNATURE_BYTES)
    return refuse('malformed-cose', `a signature of ${ES384_SIGNATURE_BYTES} bytes`, describe(signature))
  if (unprotectedHeader.size > 0)
    return refuse('unexpected-header', 'no unprotected parameter', describe(unprotectedHeader))

  const header = decodeCbor(protectedHeader, { malformed: 'malformed-cose', lenient: true })
  if (!header.ok) return header
  if (!(header.value instanceof Map))
    return refuse('malformed-cose', 'a map of protected parameters', describe(header.value))
  const parameters: Map<unknown, unknown> = header.value
  if (parameters.get(LABEL_ALG) !== COSE_ES384)
    return refuse('wrong-algorithm', `${COSE_ES384} (ES384)`, describe(parameters.get(LABEL_ALG)))
  if (parameters.has(LABEL_CRIT))
    return refuse('unknown-critical-header', 'no critical parameter', describe(parameters.get(LABEL_CRIT)))
  if (parameters.size !== 1) return refuse('unexpected-header', 'alg alone', describe(parameters))
  return ok({ protectedHeader, payload, signature })
}

/** Whether the key in `spki` (P-384) signed it: ES384 over Sig_structure (RFC 9052, 4.4) without external data. */
export async function verifySign1(message: Sign1, spki: Uint8Array, crypto: AttestationCrypto): Promise<boolean> {
  const covered = sigStructure(message.protectedHeader, message.payload)
  return crypto.verify('ES384', spki, message.signature, covered)
}

/** Encodes and signs; `parameters` defaults to ES384 alone. */
export async function signSign1(
  payload: Uint8Array,
  key: WebKey,
  subtle: Subtle,
  parameters: Map<unknown, unknown> = new Map([[LABEL_ALG, COSE_ES384]]),
): Promise<Uint8Array> {
  const protectedHeader = encode(parameters)
  const signature = await subtle.sign(P384_SHA384, key, sigStructure(protectedHeader, payload))
  return encode([protectedHeader, new Map(), payload, new Uint8Array(signature)])
}

const sigStructure = (protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(encode(['Signature1', protectedHeader, new Uint8Array(0), payload]))
