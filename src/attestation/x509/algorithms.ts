import { hexToBytes } from '../../protocol/index.ts'
import { concatBytes } from '../bytes.ts'
import type { SignatureAlgorithm } from '../crypto.ts'
import { context, DerError, DerReader, TAG } from '../der/reader.ts'
import { oidText, smallInteger, unsignedBytes, wholeBits } from '../der/values.ts'

/** Keys of the certificates read here. */
export type KeyType = 'P-256' | 'P-384' | 'RSA'

/** The key each signature algorithm is made with. */
export const KEY_OF: Readonly<Record<SignatureAlgorithm, KeyType>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  PS384: 'RSA',
  RS256: 'RSA',
  RS384: 'RSA',
}

/** Bytes of r and of s (IEEE P1363). */
export const COORDINATE_BYTES = { 'P-256': 32, 'P-384': 48 } as const

const SIGNATURES: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.10045.4.3.2': 'ES256',
  '1.2.840.10045.4.3.3': 'ES384',
  '1.2.840.113549.1.1.11': 'RS256',
  '1.2.840.113549.1.1.12': 'RS384',
}
const RSASSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const SHA384 = '2.16.840.1.101.3.4.2.2'
const SHA384_BYTES = 48

const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1'
const CURVES: Readonly<Record<string, 'P-256' | 'P-384'>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
}

/** Least bytes of an RSA modulus (2,048 bits) and most (8,192): dearer keys cost us, weaker ones cost the reader. */
const RSA_MODULUS_BYTES = [256, 1_024] as const

/** An AlgorithmIdentifier of a signature (RFC 3279, 4055, 5758); undefined for one not read here. Throws DerError. */
export function signatureAlgorithm(identifier: Uint8Array): SignatureAlgorithm | undefined {
  const reader = new DerReader(identifier).enter(TAG.sequence)
  const oid = oidText(reader.expect(TAG.oid).content)
  if (oid === RSASSA_PSS) return isPssWithSha384(reader) ? 'PS384' : undefined
  const algorithm = SIGNATURES[oid]
  if (algorithm?.startsWith('RS')) reader.optional(TAG.null)
  reader.end()
  return algorithm
}

/** RSASSA-PSS-params with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes: all there is in AMD's certificates. */
function isPssWithSha384(identifier: DerReader): boolean {
  const parameters = identifier.enter(TAG.sequence)
  identifier.end()
  const hash = parameters.enter(context(0, true))
  const mask = parameters.enter(context(1, true)).enter(TAG.sequence)
  const salt = smallInteger(parameters.enter(context(2, true)).expect(TAG.integer).content)
  const trailer = parameters.optional(context(3, true))
  parameters.end()
  const known = trailer === undefined || smallInteger(new DerReader(trailer.content).expect(TAG.integer).content) === 1
  const generator = oidText(mask.expect(TAG.oid).content)
  return known && salt === SHA384_BYTES && hashOf(hash) === SHA384 && generator === MGF1 && hashOf(mask) === SHA384
}

function hashOf(reader: DerReader): string {
  const identifier = reader.enter(TAG.sequence)
  reader.end()
  const oid = oidText(identifier.expect(TAG.oid).content)
  identifier.optional(TAG.null)
  identifier.end()
  return oid
}

/**
 * What key a SubjectPublicKeyInfo holds; undefined for one not read here. Throws DerError. Points are uncompressed, and
 * RSA exponents odd, above 1 and of 32 bits: beyond that OpenSSL and the browsers' libraries differ in what they take.
 */
export function keyTypeOf(spki: Uint8Array): KeyType | undefined {
  const whole = new DerReader(spki)
  const reader = whole.enter(TAG.sequence)
  whole.end()
  const identifier = reader.enter(TAG.sequence)
  const oid = oidText(identifier.expect(TAG.oid).content)
  const key = wholeBits(reader.expect(TAG.bitString).content)
  reader.end()
  if (oid === EC_PUBLIC_KEY) {
    const curve = CURVES[oidText(identifier.expect(TAG.oid).content)]
    identifier.end()
    const isPoint = curve !== undefined && key[0] === 4 && key.length === 1 + 2 * COORDINATE_BYTES[curve]
    return isPoint ? curve : undefined
  }
  if (oid !== RSA_ENCRYPTION) return undefined
  identifier.expect(TAG.null)
  identifier.end()
  const numbers = new DerReader(key).enter(TAG.sequence)
  const modulus = unsignedBytes(numbers.expect(TAG.integer).content).length
  const exponent = smallInteger(numbers.expect(TAG.integer).content)
  numbers.end()
  const isUsable = exponent > 1 && exponent < 2 ** 32 && exponent % 2 === 1
  return isUsable && modulus >= RSA_MODULUS_BYTES[0] && modulus <= RSA_MODULUS_BYTES[1] ? 'RSA' : undefined
}

/** The public exponent 65,537 as a JSON Web Key writes it: the one that every vendor here uses. */
export const RSA_EXPONENT = 'AQAB'

/** SubjectPublicKeyInfo of an RSA key (RFC 3279, 2.3.1) with exponent 65,537; undefined for a modulus out of bounds. */
export function rsaSpki(modulus: Uint8Array): Uint8Array | undefined {
  const [least, most] = RSA_MODULUS_BYTES
  if (modulus.length < least || modulus.length > most || modulus[0] === 0) return undefined
  const sign = (modulus[0] ?? 0) >= 0x80 ? 1 : 0
  const number = long(TAG.integer, concatBytes(new Uint8Array(sign), modulus))
  const key = long(TAG.sequence, concatBytes(number, Uint8Array.of(TAG.integer, 3, 1, 0, 1)))
  return long(TAG.sequence, concatBytes(RSA_IDENTIFIER, long(TAG.bitString, concatBytes(new Uint8Array(1), key))))
}

/** The modulus of an RSA key with exponent 65,537; undefined for another exponent. Throws DerError. */
export function rsaModulus(spki: Uint8Array): Uint8Array | undefined {
  const reader = new DerReader(spki).enter(TAG.sequence)
  reader.expect(TAG.sequence)
  const numbers = new DerReader(wholeBits(reader.expect(TAG.bitString).content)).enter(TAG.sequence)
  const modulus = unsignedBytes(numbers.expect(TAG.integer).content)
  return smallInteger(numbers.expect(TAG.integer).content) === 65_537 ? modulus : undefined
}

/** An element of 256 to 65,535 bytes of content. */
const long = (tag: number, content: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(tag, 0x82, content.length >> 8, content.length & 0xff), content)

/** `rsaEncryption` with its NULL. */
const RSA_IDENTIFIER = Uint8Array.of(0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0)

/** SubjectPublicKeyInfo of an uncompressed point, x and y (RFC 5480): vendors put bare points into their structures. */
export function pointSpki(curve: 'P-256' | 'P-384', point: Uint8Array): Uint8Array {
  const width = COORDINATE_BYTES[curve]
  if (point.length !== 2 * width) throw new DerError(`a point of ${point.length} bytes on ${curve}`)
  const prefix = curve === 'P-256' ? P256_PREFIX : P384_PREFIX
  const spki = new Uint8Array(prefix.length + point.length)
  spki.set(prefix)
  spki.set(point, prefix.length)
  return spki
}

/** Everything of a SubjectPublicKeyInfo before x and y: RFC 5480, 2.1.1. */
const P256_PREFIX = hexToBytes('0x3059301306072a8648ce3d020106082a8648ce3d03010703420004')
const P384_PREFIX = hexToBytes('0x3076301006072a8648ce3d020106052b8104002203620004')
