import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { NOW } from './tokenMint.ts'

const RSA = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2_048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' }
const DAY = 86_400_000
const NAMES = ['CN=root', 'CN=intermediate', 'CN=leaf']
const LEAF = NAMES.length - 1

/** Where a minted chain departs from a good one. */
export interface ChainDeviation {
  /** Position, 0 the root, of a certificate that is the other of CA and end entity. */
  readonly swapRole?: number
  /** Position of a certificate that has ended. */
  readonly expired?: number
}

export interface RsaChain {
  /** Base64 DER, leaf first, as `x5c` has it. */
  x5c(deviation?: ChainDeviation): Promise<readonly string[]>
  /** A token signed by the leaf's key over any header. */
  sign(header: Record<string, unknown>, claims: Record<string, unknown>): Promise<string>
}

/** A root, an intermediate and a leaf of RSA keys under RS256. */
export async function createRsaChain(): Promise<RsaChain> {
  const { subtle } = globalThis.crypto
  const keys = await Promise.all(NAMES.map(() => subtle.generateKey(RSA, true, ['sign', 'verify'])))
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    async x5c(deviation = {}) {
      const ders = await Promise.all(
        NAMES.map(async (subject, position) => {
          const above = Math.max(0, position - 1)
          const isCa = (position !== LEAF) !== (deviation.swapRole === position)
          const usage = isCa ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature
          const extensions: Extension[] = [
            new BasicConstraintsExtension(isCa, undefined, true),
            new KeyUsagesExtension(usage, true),
          ]
          const certificate = await X509CertificateGenerator.create(
            {
              serialNumber: `0${position + 1}`,
              subject,
              issuer: NAMES[above] ?? '',
              notBefore: new Date(NOW - DAY),
              notAfter: new Date(deviation.expired === position ? NOW - 1_000 : NOW + DAY),
              publicKey: keys[position]!.publicKey,
              signingKey: keys[above]!.privateKey,
              signingAlgorithm: RSA,
              extensions,
            },
            globalThis.crypto,
          )
          return Buffer.from(certificate.rawData).toString('base64')
        }),
      )
      return ders.reverse()
    },
    async sign(header, claims) {
      const signed = `${encode(header)}.${encode(claims)}`
      const signature = await subtle.sign(RSA, keys[LEAF]!.privateKey, Buffer.from(signed))
      return `${signed}.${Buffer.from(signature).toString('base64url')}`
    },
  }
}
