import { encode } from 'cborg'
import { signSign1 } from '../../src/attestation/cose.ts'
import {
  devnetPolicy,
  type EvidencePolicy,
  type TrustRoot,
  trustRoot,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import type { Subtle, WebKeyPair } from '../../src/attestation/webcrypto.ts'
import {
  type CertificateRequest,
  generateP384,
  issueCertificate,
  roleExtensions,
} from '../../src/attestation/x509/issue.ts'
import { nodeAttestationCrypto } from '../../src/node/attestationCrypto.ts'

export const subtle: Subtle = globalThis.crypto.subtle
export const crypto = nodeAttestationCrypto()
export const random = (length: number): Uint8Array<ArrayBuffer> =>
  globalThis.crypto.getRandomValues(new Uint8Array(length))

export const NOW = Date.UTC(2026, 5, 1, 12)
export const HOUR = 3_600_000
export const REPORT_DATA = new Uint8Array(32).fill(0xab)
export const ROOT_NAME = 'CN=OPG test SIMULATED - NOT A TEE'

const NAMES = [ROOT_NAME, 'CN=regional', 'CN=zonal', 'CN=instance', 'CN=leaf']
const LEAF = NAMES.length - 1

/** Where a minted document departs from a good one. */
export interface Deviation {
  /** Applied to the request of each certificate, root first. */
  readonly certificate?: (request: CertificateRequest, position: number) => CertificateRequest
  /** Applied to each certificate's DER after its signature. */
  readonly der?: (der: Uint8Array, position: number) => Uint8Array
  readonly fields?: (payload: Map<unknown, unknown>) => void
  /** The payload's bytes instead of the encoded fields. */
  readonly payload?: (encoded: Uint8Array) => Uint8Array
  readonly protectedHeader?: Map<unknown, unknown>
  /** Applied to the finished document. */
  readonly document?: (bytes: Uint8Array) => Uint8Array
  /** Sign the document with the key of this position instead of the leaf's. */
  readonly signer?: number
}

export interface Mint {
  readonly root: TrustRoot
  readonly keys: readonly WebKeyPair[]
  mint(deviation?: Deviation): Promise<Uint8Array>
  rootDer(): Promise<Uint8Array>
}

/** A devnet authority taken apart, so that every part of what it signs can be wrong. */
export async function createMint(): Promise<Mint> {
  const keys = await Promise.all(NAMES.map(() => generateP384(subtle)))
  const keyAt = (position: number): WebKeyPair => keys[position]!
  const request = (position: number): CertificateRequest => ({
    subject: NAMES[position]!,
    issuer: NAMES[Math.max(0, position - 1)]!,
    notBefore: NOW - HOUR,
    notAfter: NOW + 2 * HOUR,
    serial: new Uint8Array(16).fill(0x41 + position),
    publicKey: keyAt(position).publicKey,
    signingKey: keyAt(Math.max(0, position - 1)).privateKey,
    extensions: roleExtensions(
      position === LEAF ? { ca: false } : { ca: true, pathLength: position === 0 ? undefined : LEAF - 1 - position },
    ),
  })
  const root = await issueCertificate(request(0), subtle)
  const unchanged = await Promise.all(
    NAMES.map((_, position) => (position === 0 ? root : issueCertificate(request(position), subtle))),
  )
  const issue = async (position: number, deviation: Deviation): Promise<Uint8Array> => {
    const usual = request(position)
    const wanted = deviation.certificate?.(usual, position) ?? usual
    const der = wanted === usual ? unchanged[position]! : await issueCertificate(wanted, subtle)
    return deviation.der?.(der, position) ?? der
  }
  return {
    root: trustRoot('test', 'aws', root),
    keys,
    rootDer: async () => root,
    async mint(deviation = {}) {
      const ders = await Promise.all(NAMES.map((_, position) => issue(position, deviation)))
      const pcrs = new Map(
        Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48).fill(index < 3 ? 7 : 0)]),
      )
      const payload = new Map<unknown, unknown>([
        ['module_id', 'i-test-enc1'],
        ['digest', 'SHA384'],
        ['timestamp', NOW],
        ['pcrs', pcrs],
        ['certificate', ders[LEAF]],
        ['cabundle', ders.slice(0, LEAF)],
        ['public_key', null],
        ['user_data', REPORT_DATA],
        ['nonce', null],
      ])
      deviation.fields?.(payload)
      const encoded = encode(payload)
      const bytes = await signSign1(
        deviation.payload?.(encoded) ?? encoded,
        keyAt(deviation.signer ?? LEAF).privateKey,
        subtle,
        deviation.protectedHeader,
      )
      return deviation.document?.(bytes) ?? bytes
    },
  }
}

export const POLICY: EvidencePolicy = devnetPolicy()

/** The verdict's assurance, or the error's code. */
export async function judge(
  document: Uint8Array,
  trustRoots: readonly TrustRoot[],
  over: { readonly now?: number; readonly policy?: EvidencePolicy; readonly expectedReportData?: Uint8Array } = {},
): Promise<string> {
  const result = await verifyEvidence(
    { kind: 'nitro', document },
    { now: NOW, policy: POLICY, expectedReportData: REPORT_DATA, trustRoots, crypto, ...over },
  )
  return result.ok ? result.value.assurance : result.error.code
}
