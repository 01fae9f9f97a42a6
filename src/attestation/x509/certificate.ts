import 'reflect-metadata'
import { AsnEcSignatureFormatter, BasicConstraintsExtension, KeyUsagesExtension, X509Certificate } from '@peculiar/x509'
import { ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuseCertificate } from '../errors.ts'
import { P384 } from '../webcrypto.ts'

/** RFC 5280 key usage bits as `@peculiar/x509` numbers them. */
export const USAGE = { digitalSignature: 1, keyCertSign: 32 } as const

const OID_BASIC_CONSTRAINTS = '2.5.29.19'
const OID_KEY_USAGE = '2.5.29.15'
const UNDERSTOOD = new Set([OID_BASIC_CONSTRAINTS, OID_KEY_USAGE])

/** An X.509 v3 certificate with a P-384 key, signed by ECDSA with SHA-384; nothing about it is verified. */
export interface Certificate {
  /** Position in the chain, 0 the root. */
  readonly position: number
  readonly der: Uint8Array
  /** The signed bytes. */
  readonly tbs: Uint8Array<ArrayBuffer>
  /** r and s, IEEE P1363. */
  readonly signature: Uint8Array<ArrayBuffer>
  readonly spki: Uint8Array<ArrayBuffer>
  /** DER of the names: they are compared byte by byte. */
  readonly subject: Uint8Array
  readonly issuer: Uint8Array
  /** RFC 4514 text, for people. */
  readonly subjectText: string
  /** Milliseconds since 1970, both ends included. */
  readonly notBefore: number
  readonly notAfter: number
  readonly isCa: boolean
  readonly pathLength: number | undefined
  /** Zero where the extension is absent. */
  readonly usages: number
}

/** Parses DER. Critical extensions other than basic constraints and key usage are refused (RFC 5280, 4.2). */
export function parseCertificate(der: Uint8Array, position: number): Result<Certificate, AttestationError> {
  if (!isOneSequence(der))
    return refuseCertificate('malformed-certificate', position, 'one DER sequence', `${der.length} other bytes`)
  try {
    return readCertificate(der, position)
  } catch (cause) {
    return refuseCertificate('malformed-certificate', position, 'an X.509 v3 certificate', 'other bytes', cause)
  }
}

function readCertificate(der: Uint8Array, position: number): Result<Certificate, AttestationError> {
  const certificate = new X509Certificate(new Uint8Array(der))
  const key = certificate.publicKey.algorithm as { name?: string; namedCurve?: string }
  const signed = certificate.signatureAlgorithm as { name?: string; hash?: { name?: string } }
  if (key.name !== P384.name || key.namedCurve !== P384.namedCurve)
    return refuseCertificate('wrong-certificate-algorithm', position, 'a P-384 key', `${key.name} ${key.namedCurve}`)
  if (signed.name !== 'ECDSA' || signed.hash?.name !== 'SHA-384')
    return refuseCertificate(
      'wrong-certificate-algorithm',
      position,
      'ECDSA with SHA-384',
      `${signed.name} ${signed.hash?.name}`,
    )
  const types = certificate.extensions.map((extension) => extension.type)
  if (new Set(types).size !== types.length)
    return refuseCertificate('malformed-certificate', position, 'each extension once', types.join(', '))
  for (const extension of certificate.extensions)
    if (extension.critical && !UNDERSTOOD.has(extension.type))
      return refuseCertificate('unknown-critical-extension', position, [...UNDERSTOOD].join(', '), extension.type)

  const constraints = certificate.getExtension(BasicConstraintsExtension)
  const usage = certificate.getExtension(KeyUsagesExtension)
  const signature = new AsnEcSignatureFormatter().toWebSignature(P384, certificate.signature)
  if (signature === null) throw new TypeError('expected an ECDSA signature')
  return ok({
    position,
    der,
    tbs: signedPart(der),
    signature: new Uint8Array(signature),
    spki: new Uint8Array(certificate.publicKey.rawData),
    subject: new Uint8Array(certificate.subjectName.toArrayBuffer()),
    issuer: new Uint8Array(certificate.issuerName.toArrayBuffer()),
    subjectText: certificate.subject,
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    isCa: constraints?.ca ?? false,
    pathLength: constraints?.pathLength,
    usages: usage?.usages ?? 0,
  })
}

/** The library reads PEM, hexadecimal and what follows the first item too: only one DER sequence may pass. */
const isOneSequence = (der: Uint8Array): boolean => sequenceEnd(der, 0) === der.length

/** The first item inside the outer sequence, byte for byte as it was signed. */
function signedPart(der: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = der[1] === 0x81 ? 3 : 4
  const end = sequenceEnd(der, start)
  if (end === undefined) throw new TypeError('expected a sequence to be signed')
  return der.slice(start, end)
}

/** Where a DER sequence of 128 to 65535 bytes ends: certificates and what is signed in them are all in that range. */
function sequenceEnd(der: Uint8Array, start: number): number | undefined {
  const [tag, length, high, low] = der.subarray(start)
  if (tag !== 0x30 || high === undefined || low === undefined) return undefined
  if (length === 0x81) return high >= 0x80 ? start + 3 + high : undefined
  return length === 0x82 && high > 0 ? start + 4 + high * 256 + low : undefined
}
