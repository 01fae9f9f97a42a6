import { hexToBytes, ok, type Result } from '../../protocol/index.ts'
import { MAX_INTEL_JSON_BYTES } from '../constants.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { isJsonObject, type JsonObject, parseJson } from '../json.ts'
import { type Certificate, nameText } from '../x509/certificate.ts'
import { isoOf } from '../x509/chain.ts'

/** A response of Intel's provisioning service: `{"NAME": BODY, "signature": "128 hex digits"}` (PCS API v4). */
export interface SignedJson {
  /** The exact bytes of the body, which the signature covers. */
  readonly signed: Uint8Array
  /** r and s. */
  readonly signature: Uint8Array
  readonly body: JsonObject
}

/** What every body says about itself. */
export interface Issue {
  /** Milliseconds since 1970. */
  readonly issueDate: number
  readonly nextUpdate: number
  /** Grows with every TCB recovery: of two bodies that are both valid, the greater one knows more. */
  readonly evaluationNumber: number
}

/** Members of the responses that are signed. */
export type SignedName = 'tcbInfo' | 'enclaveIdentity'

const HEADS: Readonly<Record<SignedName, RegExp>> = {
  tcbInfo: /^\s*\{\s*"tcbInfo"\s*:\s*/,
  enclaveIdentity: /^\s*\{\s*"enclaveIdentity"\s*:\s*/,
}
const TAIL = /\s*,\s*"signature"\s*:\s*"([0-9a-fA-F]{128})"\s*\}\s*$/
/** Characters in which the first member's name, and the signature's member, must find room with their white space. */
const HEAD_CHARACTERS = 64
const TAIL_CHARACTERS = 192

/** Cuts the body out of the response as it was served, and reads it: `malformed-collateral`, `duplicate-key`. */
export function parseSignedJson(response: Uint8Array, name: SignedName): Result<SignedJson, AttestationError> {
  if (response.length > MAX_INTEL_JSON_BYTES)
    return refuse('malformed-collateral', `at most ${MAX_INTEL_JSON_BYTES} bytes of ${name}`, `${response.length}`)
  const head = HEADS[name].exec(latin1(response.subarray(0, HEAD_CHARACTERS)))
  const tail = TAIL.exec(latin1(response.subarray(-TAIL_CHARACTERS)))
  const from = head?.[0].length ?? 0
  const to = response.length - (tail?.[0].length ?? 0)
  if (head === null || tail === null || to <= from)
    return refuse('malformed-collateral', `{"${name}": ..., "signature": "128 hex digits"}`, 'something else')
  const signed = response.subarray(from, to)
  const body = parseJson(signed, { malformed: 'malformed-collateral', maxBytes: MAX_INTEL_JSON_BYTES })
  if (!body.ok) return body
  if (!isJsonObject(body.value)) return refuse('malformed-collateral', `an object as ${name}`, typeof body.value)
  return ok({ signed, signature: hexToBytes(`0x${tail[1]}`), body: body.value })
}

const decoder = new TextDecoder('latin1')
const latin1 = (bytes: Uint8Array): string => decoder.decode(bytes)

/** `collateral-not-yet-valid`, `collateral-expired`, `collateral-below-floor`. */
export function checkIssue(
  { issueDate, nextUpdate, evaluationNumber }: Issue,
  name: string,
  rules: { readonly at: number; readonly floor: number },
): Result<undefined, AttestationError> {
  if (!(rules.at >= issueDate))
    return refuse('collateral-not-yet-valid', `${name} issued before ${isoOf(rules.at)}`, isoOf(issueDate))
  if (!(rules.at <= nextUpdate))
    return refuse('collateral-expired', `${name} in force at ${isoOf(rules.at)}`, `one until ${isoOf(nextUpdate)}`)
  if (!(evaluationNumber >= rules.floor))
    return refuse('collateral-below-floor', `${name} of evaluation ${rules.floor} or later`, String(evaluationNumber))
  return ok(undefined)
}

/** `bad-collateral-signature`; the signer's chain is the caller's. */
export async function verifySignedJson(
  { signed, signature }: SignedJson,
  signer: Certificate,
  name: string,
  crypto: AttestationCrypto,
): Promise<Result<undefined, AttestationError>> {
  if (await crypto.verify('ES256', signer.spki, signature, signed)) return ok(undefined)
  return refuse('bad-collateral-signature', `${name} signed by ${nameText(signer.subject)}`, 'another signature')
}
