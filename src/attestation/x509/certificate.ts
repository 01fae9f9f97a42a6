import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import type { SignatureAlgorithm } from '../crypto.ts'
import { context, DerError, DerReader, type Element, TAG } from '../der/reader.ts'
import { booleanValue, ecdsaSignature, namedBits, oidText, smallInteger, timeOf, wholeBits } from '../der/values.ts'
import { type AttestationError, refuseCertificate } from '../errors.ts'
import { COORDINATE_BYTES, KEY_OF, type KeyType, keyTypeOf, signatureAlgorithm } from './algorithms.ts'

/** RFC 5280, 4.2.1.3: bit n of the extension is 2^n here, as `@peculiar/x509` numbers them. */
export const USAGE = { digitalSignature: 1, keyCertSign: 1 << 5, cRLSign: 1 << 6 } as const

export const OID = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const

const MAX_CERTIFICATE_BYTES = 16_384
const MAX_EXTENSIONS = 64

export interface CertificateExtension {
  readonly critical: boolean
  /** Content of the OCTET STRING. */
  readonly value: Uint8Array
}

/** An X.509 v3 certificate in DER, of the algorithms in `SIGNATURE_ALGORITHMS`; nothing about it is verified. */
export interface Certificate {
  /** Position in the chain, 0 the root. */
  readonly position: number
  readonly der: Uint8Array
  /** The signed bytes. */
  readonly tbs: Uint8Array
  readonly algorithm: SignatureAlgorithm
  /** ECDSA as IEEE P1363. */
  readonly signature: Uint8Array
  readonly keyType: KeyType
  readonly spki: Uint8Array
  /** Content of the INTEGER, sign byte and all. */
  readonly serial: Uint8Array
  /** DER of the names: they are compared byte by byte. */
  readonly subject: Uint8Array
  readonly issuer: Uint8Array
  /** Milliseconds since 1970, both ends included. */
  readonly notBefore: number
  readonly notAfter: number
  readonly isCa: boolean
  readonly pathLength: number | undefined
  /** Bits of `USAGE`; undefined where the extension is absent. */
  readonly usages: number | undefined
  /** By dotted object identifier, each once. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>
}

/** Parses DER (RFC 5280, 4.1): one certificate and nothing after it, at most 16 KiB. `position` is for error messages. */
export function parseCertificate(der: Uint8Array, position: number): Result<Certificate, AttestationError> {
  if (der.length > MAX_CERTIFICATE_BYTES)
    return refuseCertificate(
      'malformed-certificate',
      position,
      `at most ${MAX_CERTIFICATE_BYTES} bytes`,
      `${der.length}`,
    )
  try {
    return readCertificate(der, position)
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuseCertificate('malformed-certificate', position, 'an X.509 v3 certificate', cause.message, cause)
  }
}

function readCertificate(der: Uint8Array, position: number): Result<Certificate, AttestationError> {
  const { signed, algorithm: outerAlgorithm, bits: signatureBits } = readSigned(der)
  const tbs = new DerReader(signed.content)
  const version = tbs.enter(context(0, true))
  if (smallInteger(version.expect(TAG.integer).content) !== 2) throw new DerError('a version other than 3')
  version.end()
  const serial = tbs.expect(TAG.integer).content
  const innerAlgorithm = tbs.expect(TAG.sequence).whole
  if (!equalBytes(innerAlgorithm, outerAlgorithm)) throw new DerError('two signature algorithms')
  const issuer = tbs.expect(TAG.sequence).whole
  const validity = tbs.enter(TAG.sequence)
  const notBefore = timeOf(validity.next())
  const notAfter = timeOf(validity.next())
  validity.end()
  const subject = tbs.expect(TAG.sequence).whole
  const spki = tbs.expect(TAG.sequence).whole
  tbs.optional(context(1, false))
  tbs.optional(context(2, false))
  const extensions = readExtensions(tbs.optional(context(3, true)))
  tbs.end()

  const algorithm = signatureAlgorithm(outerAlgorithm)
  if (algorithm === undefined)
    return refuseCertificate('wrong-certificate-algorithm', position, 'a signature of a known algorithm', 'another')
  const keyType = keyTypeOf(spki)
  if (keyType === undefined)
    return refuseCertificate('wrong-certificate-algorithm', position, 'a key on P-256 or P-384, or RSA', 'another')
  const { isCa, pathLength } = constraintsOf(extensions.get(OID.basicConstraints))
  return ok({
    position,
    der,
    tbs: signed.whole,
    algorithm,
    signature: signatureOf(algorithm, signatureBits),
    keyType,
    spki,
    serial,
    subject,
    issuer,
    notBefore,
    notAfter,
    isCa,
    pathLength,
    usages: usagesOf(extensions.get(OID.keyUsage)),
    extensions,
  })
}

interface SignedElement {
  readonly signed: Element
  /** DER of the AlgorithmIdentifier. */
  readonly algorithm: Uint8Array
  readonly bits: Uint8Array
}

/** What certificates and lists are on the outside (RFC 5280, 4.1 and 5.1). Throws DerError. */
export function readSigned(der: Uint8Array): SignedElement {
  const reader = new DerReader(der)
  const outer = reader.enter(TAG.sequence)
  reader.end()
  const signed = outer.expect(TAG.sequence)
  const algorithm = outer.expect(TAG.sequence).whole
  const bits = wholeBits(outer.expect(TAG.bitString).content)
  outer.end()
  return { signed, algorithm, bits }
}

/** A signature as its algorithm's verification takes it. Throws DerError. */
export function signatureOf(algorithm: SignatureAlgorithm, bits: Uint8Array): Uint8Array {
  const key = KEY_OF[algorithm]
  return key === 'RSA' ? bits : ecdsaSignature(bits, COORDINATE_BYTES[key])
}

/** Extensions of a certificate or a CRL, each once. Throws DerError. */
export function readExtensions(element: Element | undefined): ReadonlyMap<string, CertificateExtension> {
  const extensions = new Map<string, CertificateExtension>()
  if (element === undefined) return extensions
  const outer = new DerReader(element.content)
  const list = outer.enter(TAG.sequence)
  outer.end()
  while (!list.done) {
    const extension = list.enter(TAG.sequence)
    const oid = oidText(extension.expect(TAG.oid).content)
    const critical = extension.optional(TAG.boolean)
    const value = extension.expect(TAG.octetString).content
    extension.end()
    if (extensions.has(oid) || extensions.size >= MAX_EXTENSIONS) throw new DerError(`extension ${oid} once more`)
    extensions.set(oid, { critical: critical !== undefined && booleanValue(critical.content), value })
  }
  return extensions
}

function constraintsOf(extension: CertificateExtension | undefined): {
  readonly isCa: boolean
  readonly pathLength: number | undefined
} {
  if (extension === undefined) return { isCa: false, pathLength: undefined }
  const reader = new DerReader(extension.value)
  const constraints = reader.enter(TAG.sequence)
  reader.end()
  const ca = constraints.optional(TAG.boolean)
  const pathLength = constraints.optional(TAG.integer)
  constraints.end()
  return {
    isCa: ca !== undefined && booleanValue(ca.content),
    pathLength: pathLength && smallInteger(pathLength.content),
  }
}

function usagesOf(extension: CertificateExtension | undefined): number | undefined {
  if (extension === undefined) return undefined
  const reader = new DerReader(extension.value)
  const bits = namedBits(reader.expect(TAG.bitString).content)
  reader.end()
  return bits
}

const TEXT_TAGS: ReadonlySet<number> = new Set([TAG.utf8String, TAG.printableString, TAG.ia5String])
const ATTRIBUTES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
}

/** Attributes of a name that are text, in the order written. Throws DerError. */
function attributesOf(name: Uint8Array): (readonly [type: string, text: string])[] {
  const attributes: (readonly [string, string])[] = []
  const sets = new DerReader(name).enter(TAG.sequence)
  while (!sets.done) {
    const attribute = sets.enter(TAG.set).enter(TAG.sequence)
    const oid = oidText(attribute.expect(TAG.oid).content)
    const value = attribute.next()
    if (TEXT_TAGS.has(value.tag)) attributes.push([ATTRIBUTES[oid] ?? oid, new TextDecoder().decode(value.content)])
  }
  return attributes
}

/** The first attribute of this type, e.g. `CN`. Throws DerError. */
export const nameAttribute = (name: Uint8Array, type: string): string | undefined =>
  attributesOf(name).find(([each]) => each === type)?.[1]

/** A name for people, e.g. `CN=NVIDIA Device Identity CA, O=NVIDIA`; never compared. */
export function nameText(name: Uint8Array): string {
  try {
    return attributesOf(name)
      .map(([type, text]) => `${type}=${text}`)
      .join(', ')
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return 'an unreadable name'
  }
}
