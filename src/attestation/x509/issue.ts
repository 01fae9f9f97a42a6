import 'reflect-metadata'
import { BasicConstraintsExtension, type Extension, KeyUsagesExtension, X509CertificateGenerator } from '@peculiar/x509'
import { bytesToHex } from '../../protocol/index.ts'
import { P384, P384_SHA384, type Subtle, type WebKey, type WebKeyPair } from '../webcrypto.ts'
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
}

/** A new P-384 key pair. */
export async function generateP384(subtle: Subtle): Promise<WebKeyPair> {
  return (await subtle.generateKey(P384, true, ['sign', 'verify'])) as WebKeyPair
}

/** Basic constraints and key usage, critical where RFC 5280 wants them so. */
export const roleExtensions = (role: Role): Extension[] =>
  role.ca
    ? [
        new BasicConstraintsExtension(true, role.pathLength, true),
        new KeyUsagesExtension(USAGE.digitalSignature | USAGE.keyCertSign, true),
      ]
    : [new BasicConstraintsExtension(false, undefined, true), new KeyUsagesExtension(USAGE.digitalSignature, true)]

/** DER of an X.509 v3 certificate signed by ECDSA with SHA-384. */
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
      signingAlgorithm: P384_SHA384,
      extensions: [...request.extensions],
    },
    { subtle } as never,
  )
  return new Uint8Array(certificate.rawData)
}
