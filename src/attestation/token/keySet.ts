import { bytesToHex, type Digest, ok, type Result } from '../../protocol/index.ts'
import { base64UrlToBytes, bytesToBase64Url } from '../base64Url.ts'
import { concatBytes, equalBytes } from '../bytes.ts'
import { MAX_JWKS_BYTES, MAX_JWKS_KEYS } from '../constants.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { DerError } from '../der/reader.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { isJsonObject, type JsonObject, memberOf, parseJson } from '../json.ts'
import { keyTypeOf, pointSpki, RSA_EXPONENT, rsaModulus, rsaSpki } from '../x509/algorithms.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { certificatesOf, type TokenAlgorithm } from './jws.ts'

/** A public key of a set, in the forms that verifiers and policies speak of. */
export interface VerificationKey {
  readonly spki: Uint8Array
  /** RFC 7638, SHA-256. */
  readonly thumbprint: Digest
}

const CURVE_OF = { ES256: 'P-256', ES384: 'P-384' } as const
/** Certificates beside one key: Microsoft and NVIDIA send 1 to 3. */
const MAX_KEY_CERTIFICATES = 8

/** The keys of a JSON Web Key Set (RFC 7517), as objects: `malformed-collateral`, `duplicate-key`, `evidence-too-large`. */
export function parseKeySet(bytes: Uint8Array): Result<readonly JsonObject[], AttestationError> {
  const parsed = parseJson(bytes, { malformed: 'malformed-collateral', maxBytes: MAX_JWKS_BYTES })
  if (!parsed.ok) return parsed
  const keys = memberOf(parsed.value, 'keys')
  if (!Array.isArray(keys) || keys.length > MAX_JWKS_KEYS || !keys.every(isJsonObject))
    return refuse('malformed-collateral', `a JSON Web Key Set of at most ${MAX_JWKS_KEYS} keys`, 'another document')
  return ok(keys)
}

/**
 * The key of a JWK for signatures by `algorithm`: by its parameters, or, as Microsoft publishes its own, by its first
 * certificate alone. Private keys, keys for other uses and parameters that differ from the certificate are refused.
 */
export function readKey(
  jwk: JsonObject,
  algorithm: TokenAlgorithm,
  crypto: AttestationCrypto,
): Result<VerificationKey, AttestationError> {
  const fault = (expected: string): Result<never, AttestationError> =>
    refuse('malformed-collateral', expected, `another key ${JSON.stringify(memberOf(jwk, 'kid') ?? null).slice(0, 64)}`)
  const { use, alg } = { use: memberOf(jwk, 'use'), alg: memberOf(jwk, 'alg') }
  if (memberOf(jwk, 'd') !== undefined || memberOf(jwk, 'k') !== undefined) return fault('a public key')
  if ((use !== undefined && use !== 'sig') || (alg !== undefined && alg !== algorithm))
    return fault(`a key for ${algorithm} signatures`)
  const given = algorithm === 'RS256' ? rsaKey(jwk, crypto) : ecKey(jwk, CURVE_OF[algorithm], crypto)
  const chain = memberOf(jwk, 'x5c')
  if (chain === undefined) return given === undefined ? fault(`a key for ${algorithm}`) : ok(given)
  const [der] = certificatesOf(chain, MAX_KEY_CERTIFICATES) ?? []
  const certificate = der && parseCertificate(der, 0)
  if (certificate === undefined || !certificate.ok) return fault('certificates in x5c')
  const { spki } = certificate.value
  if (given !== undefined) return equalBytes(given.spki, spki) ? ok(given) : fault('the key of its certificate')
  const bare = algorithm === 'RS256' && memberOf(jwk, 'kty') === 'RSA' && memberOf(jwk, 'n') === undefined
  const certified = bare ? keyOfSpki(spki, crypto) : undefined
  return certified === undefined ? fault(`a key for ${algorithm}`) : ok(certified)
}

/** An RSA key by its SubjectPublicKeyInfo; undefined for one that is none or has another exponent than 65,537. */
export function keyOfSpki(spki: Uint8Array, crypto: AttestationCrypto): VerificationKey | undefined {
  try {
    if (keyTypeOf(spki) !== 'RSA') return undefined
    const modulus = rsaModulus(spki)
    return modulus && { spki, thumbprint: rsaThumbprint(bytesToBase64Url(modulus), crypto) }
  } catch (cause) {
    if (cause instanceof DerError) return undefined
    throw cause
  }
}

/** An RSA key by `n` and `e` (RFC 7518, 6.3.1); undefined for one that is none, too small or too large. */
export function rsaKey(jwk: unknown, crypto: AttestationCrypto): VerificationKey | undefined {
  const n = memberOf(jwk, 'n')
  if (memberOf(jwk, 'kty') !== 'RSA' || typeof n !== 'string' || memberOf(jwk, 'e') !== RSA_EXPONENT) return undefined
  const modulus = base64UrlToBytes(n)
  const spki = modulus && rsaSpki(modulus)
  return spki && { spki, thumbprint: rsaThumbprint(n, crypto) }
}

function ecKey(jwk: unknown, curve: 'P-256' | 'P-384', crypto: AttestationCrypto): VerificationKey | undefined {
  const { x, y } = { x: memberOf(jwk, 'x'), y: memberOf(jwk, 'y') }
  if (memberOf(jwk, 'kty') !== 'EC' || memberOf(jwk, 'crv') !== curve) return undefined
  const [left, right] = [x, y].map((each) => (typeof each === 'string' ? base64UrlToBytes(each) : undefined))
  const width = curve === 'P-256' ? 32 : 48
  if (left?.length !== width || right?.length !== width) return undefined
  return {
    spki: pointSpki(curve, concatBytes(left, right)),
    thumbprint: thumbprint(`{"crv":"${curve}","kty":"EC","x":"${x}","y":"${y}"}`, crypto),
  }
}

const rsaThumbprint = (n: string, crypto: AttestationCrypto): Digest =>
  thumbprint(`{"e":"${RSA_EXPONENT}","kty":"RSA","n":"${n}"}`, crypto)

/** RFC 7638: over the required members in the order of their names. */
const thumbprint = (canonical: string, crypto: AttestationCrypto): Digest =>
  bytesToHex(crypto.digest('sha256', new TextEncoder().encode(canonical)))
