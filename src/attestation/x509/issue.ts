import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsagesExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509'
import { bytesToHex, type Random } from '../../protocol/index.ts'
import {
  P256,
  type P256_SHA256,
  P384,
  P384_SHA384,
  type PSS_SHA384,
  type Subtle,
  type WebKey,
  type WebKeyPair,
} from '../webcrypto.ts'
import { USAGE } from './certificate.ts'

/** CA certificates say how many CA may follow below them; end entities sign. */
export type Role = { readonly ca: true; readonly pathLength: number | undefined } | { readonly ca: false }

export interface CertificateRequest {
  /** RFC 4514 names. */
  readonly subject: string
  readonly issuer: string
  /** Milliseconds since 1970; certificates hold whole seconds. */
  readonly notBefore: number
  readonly notAfter: number
  readonly serial: Uint8Array
  readonly publicKey: WebKey
  readonly signingKey: WebKey
  readonly extensions: readonly Extension[]
  /** How `signingKey` signs: ECDSA with SHA-384 where it does not say. */
  readonly signingAlgorithm?: typeof P256_SHA256 | typeof P384_SHA384 | typeof PSS_SHA384
}

/** A new P-256 key pair. */
export async function generateP256(subtle: Subtle): Promise<WebKeyPair> {
  return (await subtle.generateKey(P256, true, ['sign', 'verify'])) as WebKeyPair
}

/** A new P-384 key pair. */
export async function generateP384(subtle: Subtle): Promise<WebKeyPair> {
  return (await subtle.generateKey(P384, true, ['sign', 'verify'])) as WebKeyPair
}

/** A new RSA key pair for PS384; `modulusLength` in bits. */
export async function generateRsa(subtle: Subtle, modulusLength: number): Promise<WebKeyPair> {
  const algorithm = { name: 'RSA-PSS', hash: 'SHA-384', modulusLength, publicExponent: Uint8Array.of(1, 0, 1) }
  return (await subtle.generateKey(algorithm, true, ['sign', 'verify'])) as WebKeyPair
}

/** Basic constraints and key usage, critical where RFC 5280 wants them so. */
export const roleExtensions = (role: Role): Extension[] =>
  role.ca
    ? [
        new BasicConstraintsExtension(true, role.pathLength, true),
        new KeyUsagesExtension(USAGE.digitalSignature | USAGE.keyCertSign, true),
      ]
    : [new BasicConstraintsExtension(false, undefined, true), new KeyUsagesExtension(USAGE.digitalSignature, true)]

/** DER of an X.509 v3 certificate. */
export async function issueCertificate(request: CertificateRequest, subtle: Subtle): Promise<Uint8Array> {
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: bytesToHex(request.serial).slice(2),
      subject: request.subject,
      issuer: request.issuer,
      notBefore: new Date(request.notBefore),
      notAfter: new Date(request.notAfter),
      publicKey: request.publicKey,
      signingKey: request.signingKey,
      signingAlgorithm: request.signingAlgorithm ?? P384_SHA384,
      extensions: [...request.extensions],
    },
    { subtle } as never,
  )
  return new Uint8Array(certificate.rawData)
}

export interface RevocationListRequest {
  /** RFC 4514 name. */
  readonly issuer: string
  /** Milliseconds since 1970; lists hold whole seconds. */
  readonly thisUpdate: number
  readonly nextUpdate: number
  /** Serial numbers that are revoked. */
  readonly revoked: readonly Uint8Array[]
  readonly signingKey: WebKey
  readonly signingAlgorithm: typeof P256_SHA256
}

/** DER of a version 2 CRL. */
export async function issueRevocationList(request: RevocationListRequest, subtle: Subtle): Promise<Uint8Array> {
  const list = await X509CrlGenerator.create(
    {
      issuer: request.issuer,
      thisUpdate: new Date(request.thisUpdate),
      nextUpdate: new Date(request.nextUpdate),
      entries: request.revoked.map((serial) => ({
        serialNumber: bytesToHex(serial).slice(2),
        revocationDate: new Date(request.thisUpdate),
      })),
      signingKey: request.signingKey,
      signingAlgorithm: request.signingAlgorithm,
    },
    { subtle } as never,
  )
  return new Uint8Array(list.rawData)
}

const SERIAL_BYTES = 16

/** A random serial number: positive and without leading zeros, as DER integers are. */
export function newSerial(random: Random): Uint8Array {
  const bytes = new Uint8Array(random(SERIAL_BYTES))
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes
}
