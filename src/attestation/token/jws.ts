import { base64ToBytes, ok, type Result } from '../../protocol/index.ts'
import { base64UrlToBytes } from '../base64Url.ts'
import { MAX_TOKEN_BYTES } from '../constants.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse, refuseSize } from '../errors.ts'
import { isJsonObject, type JsonObject, memberOf, parseJson } from '../json.ts'
import { shown } from './claims.ts'

/** What clouds' verifiers sign with. */
export type TokenAlgorithm = 'ES256' | 'ES384' | 'RS256'

/** A compact JWS (RFC 7515, 7.1) over a JSON object, shape checked, nothing authenticated. */
export interface Jws {
  readonly algorithm: TokenAlgorithm
  readonly kid: string | undefined
  /** DER, leaf first, where the rules allow the header to carry a chain. */
  readonly x5c: readonly Uint8Array[] | undefined
  readonly payload: JsonObject
  readonly signature: Uint8Array
  readonly signed: Uint8Array
}

export interface JwsRules {
  /** The one algorithm of this issuer: the token does not choose. */
  readonly algorithm: TokenAlgorithm
  /** Whether the header may carry its certificates, to be verified against a pinned root. */
  readonly x5c?: boolean
}

/**
 * Members a header may have. `jku` is Microsoft's, and a place where an attacker would put his own keys: it is never
 * followed, as keys are pinned by policy. `jwk` and `x5u` have no honest use here.
 */
const HEADER_MEMBERS = ['alg', 'kid', 'typ', 'jku', 'x5t', 'x5t#S256']

const MAX_KID = 256
const MAX_X5C = 4
const MAX_HEADER_BYTES = 32_768
const ES384_BYTES = 96
const ES256_BYTES = 64
const RSA_BYTES = [256, 1_024] as const

/** Codes: `malformed-token`, `duplicate-key`, `unknown-critical-header`, `unexpected-header`, `wrong-algorithm`, `evidence-too-large`. */
export function parseJws(token: string, rules: JwsRules): Result<Jws, AttestationError> {
  if (token.length > MAX_TOKEN_BYTES) return refuseSize(MAX_TOKEN_BYTES, token.length)
  const [headerText = '', payloadText = '', signatureText = '', ...more] = token.split('.')
  const headerBytes = base64UrlToBytes(headerText)
  const payloadBytes = base64UrlToBytes(payloadText)
  const signature = base64UrlToBytes(signatureText)
  if (headerBytes === undefined || payloadBytes === undefined || signature === undefined || more.length > 0)
    return refuse('malformed-token', 'three parts of base64url', 'other text')

  const header = parseJson(headerBytes, { malformed: 'malformed-token', maxBytes: MAX_HEADER_BYTES })
  if (!header.ok) return header
  const checked = checkHeader(header.value, rules)
  if (!checked.ok) return checked
  if (!fits(signature.length, rules.algorithm))
    return refuse('malformed-token', `a signature of ${rules.algorithm}`, `${signature.length} bytes`)
  const payload = parseJson(payloadBytes, { malformed: 'malformed-token', maxBytes: MAX_TOKEN_BYTES })
  if (!payload.ok) return payload
  if (!isJsonObject(payload.value)) return refuse('malformed-token', 'claims in an object', typeof payload.value)
  return ok({
    ...checked.value,
    algorithm: rules.algorithm,
    payload: payload.value,
    signature,
    signed: new TextEncoder().encode(`${headerText}.${payloadText}`),
  })
}

/** A document that is a compact token and nothing else. */
export function parseTokenDocument(document: Uint8Array, rules: JwsRules): Result<Jws, AttestationError> {
  if (document.length > MAX_TOKEN_BYTES) return refuseSize(MAX_TOKEN_BYTES, document.length)
  return parseJws(new TextDecoder('latin1').decode(document), rules)
}

export async function verifyJws(
  jws: Jws,
  spki: Uint8Array,
  crypto: AttestationCrypto,
): Promise<Result<undefined, AttestationError>> {
  if (await crypto.verify(jws.algorithm, spki, jws.signature, jws.signed)) return ok(undefined)
  return refuse('bad-signature', `${jws.algorithm} by the key ${jws.kid ?? 'of the chain'}`, 'another')
}

function checkHeader(header: unknown, rules: JwsRules): Result<Pick<Jws, 'kid' | 'x5c'>, AttestationError> {
  if (!isJsonObject(header)) return refuse('malformed-token', 'a header in an object', typeof header)
  if (Object.hasOwn(header, 'crit')) return refuse('unknown-critical-header', 'no critical header', shown(header.crit))
  const algorithm = memberOf(header, 'alg')
  if (algorithm !== rules.algorithm) return refuse('wrong-algorithm', rules.algorithm, shown(algorithm))
  const allowed = rules.x5c === true ? [...HEADER_MEMBERS, 'x5c'] : HEADER_MEMBERS
  const foreign = Object.keys(header).find((name) => !allowed.includes(name))
  if (foreign !== undefined) return refuse('unexpected-header', allowed.join(', '), foreign.slice(0, 64))
  const type = memberOf(header, 'typ')
  if (type !== undefined && type !== 'JWT') return refuse('unexpected-header', 'typ JWT', shown(type))
  const kid = memberOf(header, 'kid')
  if (kid !== undefined && !(typeof kid === 'string' && kid.length > 0 && kid.length <= MAX_KID))
    return refuse('malformed-token', `kid of 1 to ${MAX_KID} characters`, typeof kid)
  const chain = memberOf(header, 'x5c')
  if (chain === undefined) return ok({ kid, x5c: undefined })
  const x5c = certificatesOf(chain, MAX_X5C)
  if (x5c === undefined) return refuse('malformed-token', `x5c of 1 to ${MAX_X5C} certificates in base64`, 'another')
  return ok({ kid, x5c })
}

function fits(length: number, algorithm: TokenAlgorithm): boolean {
  if (algorithm === 'RS256') return length >= RSA_BYTES[0] && length <= RSA_BYTES[1]
  return length === (algorithm === 'ES256' ? ES256_BYTES : ES384_BYTES)
}

/** DER of a `x5c` member (RFC 7515, 4.1.6; RFC 7517, 4.7): base64, not base64url. */
export function certificatesOf(value: unknown, most: number): readonly Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > most) return undefined
  const ders = value.map((each) => (typeof each === 'string' ? base64ToBytes(each) : undefined))
  return ders.every((der) => der !== undefined) ? ders : undefined
}
