import 'reflect-metadata'
import { PemConverter } from '@peculiar/x509'
import type { Random } from '../../protocol/index.ts'
import { P256, P256_SHA256, PSS_SHA384, type Subtle, type WebKey } from '../webcrypto.ts'

/** The files a devnet directory keeps of an authority; the private keys are worth all the evidence under it. */
export interface AuthorityPem {
  readonly certificate: string
  readonly privateKey: string
}

const PROBE_BYTES = 16

/** How each authority's keys sign, and what they are imported as. */
const KEYS = {
  PS384: { key: { name: 'RSA-PSS', hash: 'SHA-384' }, use: PSS_SHA384 },
  ES256: { key: P256, use: P256_SHA256 },
} as const
type AuthorityAlgorithm = keyof typeof KEYS

export const certificatePem = (der: Uint8Array): string =>
  `${PemConverter.encode(new Uint8Array(der), PemConverter.CertificateTag)}\n`

export const privateKeyPem = async (key: WebKey, subtle: Subtle): Promise<string> =>
  `${PemConverter.encode(await subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag)}\n`

/** What stands between the markers, in order. Throws TypeError for another number of blocks. */
export function pemBlocks(pem: string, count: number): Uint8Array<ArrayBuffer>[] {
  const blocks = PemConverter.decode(pem).map((block) => new Uint8Array(block))
  if (blocks.length !== count) throw new TypeError(`expected ${count} PEM blocks, got ${blocks.length}`)
  return blocks
}

/** A private key from PKCS #8, exportable as it was. */
export const importPrivateKey = (
  pkcs8: Uint8Array<ArrayBuffer>,
  algorithm: AuthorityAlgorithm,
  subtle: Subtle,
): Promise<WebKey> => subtle.importKey('pkcs8', pkcs8, KEYS[algorithm].key, true, ['sign'])

/** The public key of `spki`, where `key` signs for it; undefined where another does. */
export async function publicKeyOf(
  key: WebKey,
  { spki, algorithm }: { readonly spki: Uint8Array; readonly algorithm: AuthorityAlgorithm },
  { subtle, random }: { readonly subtle: Subtle; readonly random: Random },
): Promise<WebKey | undefined> {
  const { key: kind, use } = KEYS[algorithm]
  const probe = new Uint8Array(random(PROBE_BYTES))
  const signature = await subtle.sign(use, key, probe)
  const publicKey = await subtle.importKey('spki', new Uint8Array(spki), kind, true, ['verify'])
  return (await subtle.verify(use, publicKey, signature, probe)) ? publicKey : undefined
}
