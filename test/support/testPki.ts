import type { Extension } from '@peculiar/x509'
import type { Subtle, WebKeyPair } from '../../src/attestation/webcrypto.ts'
import { generateP384, issueCertificate, roleExtensions } from '../../src/attestation/x509/issue.ts'
import { NOW } from './nitroMint.ts'

export const subtle: Subtle = globalThis.crypto.subtle
const YEAR = 365 * 86_400_000

/** Who holds a certificate and its P-384 key. */
export interface Party {
  readonly subject: string
  readonly keys: WebKeyPair
  readonly der: Uint8Array
}

export interface PartyRequest {
  readonly subject: string
  /** The party itself where none is given. */
  readonly issuer?: Party
  readonly ca: boolean
  readonly pathLength?: number
  readonly extensions?: readonly Extension[]
  /** Instead of those of the role. */
  readonly role?: readonly Extension[]
  readonly notBefore?: number
  readonly notAfter?: number
  readonly serial?: Uint8Array
  readonly keys?: WebKeyPair
}

let serials = 0

/** A throw-away certificate, valid for a year on both sides of NOW. */
export async function issueParty(request: PartyRequest): Promise<Party> {
  const { subject, issuer, ca, pathLength, extensions = [] } = request
  const keys = request.keys ?? (await generateP384(subtle))
  serials += 1
  const der = await issueCertificate(
    {
      subject,
      issuer: issuer?.subject ?? subject,
      notBefore: request.notBefore ?? NOW - YEAR,
      notAfter: request.notAfter ?? NOW + YEAR,
      serial: request.serial ?? Uint8Array.of(0x41, serials >> 8, serials & 0xff),
      publicKey: keys.publicKey,
      signingKey: (issuer?.keys ?? keys).privateKey,
      extensions: [...(request.role ?? roleExtensions(ca ? { ca, pathLength } : { ca })), ...extensions],
    },
    subtle,
  )
  return { subject, keys, der }
}

/** ECDSA P-384 with SHA-384, r and s of fixed length. */
export async function signBytes(bytes: Uint8Array, by: Party): Promise<Uint8Array> {
  const algorithm = { name: 'ECDSA', hash: 'SHA-384' }
  return new Uint8Array(await subtle.sign(algorithm, by.keys.privateKey, new Uint8Array(bytes)))
}

export const pemOf = (certificates: readonly Uint8Array[]): string =>
  certificates
    .map((bytes) => {
      const lines =
        Buffer.from(bytes)
          .toString('base64')
          .match(/.{1,64}/g) ?? []
      return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
    })
    .join('')
