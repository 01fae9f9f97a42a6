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

const TAIL = /\s*,\s*"signature"\s*:\s*"([0-9a-fA-F]{128})"\s*\}\s*$/
/** Characters in which the signature's member and white space must find room. */
const TAIL_CHARACTERS = 256

/** Cuts the body out of the response as it was served, and reads it: `malformed-collateral`, `duplicate-key`. */
export function parseSignedJson(response: Uint8Array, name: string): Result<SignedJson, AttestationError> {
  if (response.length > MAX_INTEL_JSON_BYTES)
    return refuse('malformed-collateral', `at most ${MAX_INTEL_JSON_BYTES} bytes of ${name}`, `${response.length}`)
  const head = new RegExp(`^\\s*\\{\\s*"${name}"\\s*:\\s*`).exec(latin1(response.subarray(0, TAIL_CHARACTERS)))
  const end = latin1(response.subarray(-TAIL_CHARACTERS))
  const tail = TAIL.exec(end)
  const from = head?.[0].length ?? 0
  const to = response.length - (tail?.[0].length ?? 0)
  if (head === null || tail === null || to <= from)
    return refuse('malformed-collateral', `{"${name}": ..., "signature": "128 hex digits"}`, end.slice(-64))
  const signed = response.subarray(from, to)
  const body = parseJson(signed, { malformed: 'malformed-collateral', maxBytes: MAX_INTEL_JSON_BYTES })
  if (!body.ok) return body
  if (!isJsonObject(body.value)) return refuse('malformed-collateral', `an object as ${name}`, typeof body.value)
  return ok({ signed, signature: hexToBytes(`0x${tail[1]}`), body: body.value })
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

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
