import { createHash } from 'node:crypto'
import type { Collateral, TrustRoot } from '../../src/attestation/index.ts'
import { REPORT_DATA } from './nitroMint.ts'
import { createSnpMint } from './snpMint.ts'

/** Where a minted document departs from a good one. */
export interface AzureDeviation {
  readonly runtimeData?: (text: string) => string
  /** Applied to the paravisor's report. */
  readonly hclReport?: (bytes: Uint8Array) => void
  /** Privilege level in the SNP report. */
  readonly vmpl?: number
  /** Applied to the quote before its signature. */
  readonly message?: (bytes: Uint8Array) => Uint8Array
  readonly pcrs?: readonly Uint8Array[]
  /** Applied to the document's JSON. */
  readonly json?: (json: Record<string, unknown>) => unknown
}

export interface MintedAzure {
  readonly document: Uint8Array
  readonly collateral: Collateral
}

export interface AzureSnpMint {
  readonly root: TrustRoot
  mint(deviation?: AzureDeviation): Promise<MintedAzure>
}

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

const big = (bytes: number, value: number): Uint8Array => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}

const sized = (bytes: Uint8Array): Uint8Array => Buffer.concat([big(2, bytes.length), bytes])

/** TPMS_ATTEST of a quote over all 24 registers of the SHA-256 bank. */
export const vtpmMessage = (extraData: Uint8Array, pcrs: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([
    big(4, 0xff544347),
    big(2, 0x8018),
    sized(Buffer.concat([big(2, 0x000b), new Uint8Array(32).fill(9)])),
    sized(extraData),
    new Uint8Array(17).fill(1),
    new Uint8Array(8).fill(2),
    big(4, 1),
    big(2, 0x000b),
    Uint8Array.of(3, 0xff, 0xff, 0xff),
    sized(sha256(...pcrs)),
  ])

/** A paravisor's report around a hardware report. */
export function encodeHclReport(hardwareReport: Uint8Array, runtimeData: Uint8Array, type: 2 | 4): Uint8Array {
  const report = Buffer.alloc(2_600)
  const end = 1_236 + runtimeData.length
  report.write('HCLA', 0)
  report.writeUInt32LE(2, 4)
  report.writeUInt32LE(end, 8)
  report.writeUInt32LE(2, 12)
  report.set(hardwareReport, 32)
  for (const [index, word] of [end - 1_216, 1, type, 1, runtimeData.length].entries())
    report.writeUInt32LE(word, 1_216 + 4 * index)
  report.set(runtimeData, 1_236)
  return new Uint8Array(report)
}

export const PCRS = Array.from({ length: 24 }, (_, index) => new Uint8Array(32).fill(index))

const RSA = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2_048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' }
const base64Url = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes).toString('base64url')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** An Azure confidential VM on a minted chip, its virtual TPM bound to `REPORT_DATA`. */
export async function createAzureSnpMint(): Promise<AzureSnpMint> {
  const snp = await createSnpMint('Milan')
  const { subtle } = globalThis.crypto
  const keys = await subtle.generateKey(RSA, true, ['sign', 'verify'])
  const { n, e, kty } = await subtle.exportKey('jwk', keys.publicKey)
  const usual = JSON.stringify({
    keys: [{ kid: 'HCLAkPub', key_ops: ['sign'], kty, e, n }],
    'vm-configuration': { 'secure-boot': true },
    'user-data': '00'.repeat(64),
  })
  return {
    root: snp.root,
    async mint(deviation = {}) {
      const runtimeData = new TextEncoder().encode(usual)
      const inner = await snp.mint({
        report: (bytes, view) => {
          view.setUint32(0x30, deviation.vmpl ?? 0, true)
          bytes.set(sha256(runtimeData), 0x50)
          bytes.fill(0, 0x70, 0x90)
        },
      })
      const told = new TextEncoder().encode(deviation.runtimeData?.(usual) ?? usual)
      const hclReport = encodeHclReport(inner.document, told, 2)
      deviation.hclReport?.(hclReport)
      const pcrs = deviation.pcrs ?? PCRS
      const plain = vtpmMessage(REPORT_DATA, PCRS)
      const message = deviation.message?.(plain) ?? plain
      const signature = new Uint8Array(await subtle.sign(RSA, keys.privateKey, Buffer.from(message)))
      const json = {
        version: 1,
        hcl_report: base64Url(hclReport),
        tpm_quote: { message: hex(message), signature: hex(signature), pcrs: pcrs.map(hex) },
        vcek: base64Url(inner.collateral.get('amd/vek') ?? new Uint8Array(0)),
      }
      const collateral = new Map(inner.collateral)
      collateral.delete('amd/vek')
      return { document: new TextEncoder().encode(JSON.stringify(deviation.json?.(json) ?? json)), collateral }
    },
  }
}
