import { createHash } from 'node:crypto'
import { encodeCollateral, type TrustRoot } from '../../src/attestation/index.ts'
import { createIntelMint } from './intelMint.ts'
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
  /** Applied to the TD report in the paravisor's, and to Intel's quote. */
  readonly tdReport?: (bytes: Uint8Array) => void
  readonly quote?: (bytes: Uint8Array) => Uint8Array
  /** Applied to the document's JSON. */
  readonly json?: (json: Record<string, unknown>) => unknown
}

export interface MintedAzure {
  readonly document: Uint8Array
  readonly collateral: Uint8Array
}

export interface AzureMint {
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

/** A virtual TPM with its paravisor's runtime data. */
async function createVtpm() {
  const { subtle } = globalThis.crypto
  const keys = await subtle.generateKey(RSA, true, ['sign', 'verify'])
  const { n, e, kty } = await subtle.exportKey('jwk', keys.publicKey)
  const runtimeData = JSON.stringify({
    keys: [{ kid: 'HCLAkPub', key_ops: ['sign'], kty, e, n }],
    'vm-configuration': { 'secure-boot': true },
    'user-data': '00'.repeat(64),
  })
  return {
    digest: sha256(new TextEncoder().encode(runtimeData)),
    async document(
      deviation: AzureDeviation,
      inner: { readonly report: Uint8Array; readonly type: 2 | 4; readonly endorsement: Record<string, string> },
    ): Promise<Uint8Array> {
      const told = new TextEncoder().encode(deviation.runtimeData?.(runtimeData) ?? runtimeData)
      const hclReport = encodeHclReport(inner.report, told, inner.type)
      deviation.hclReport?.(hclReport)
      const plain = vtpmMessage(REPORT_DATA, PCRS)
      const message = deviation.message?.(plain) ?? plain
      const signature = new Uint8Array(await subtle.sign(RSA, keys.privateKey, Buffer.from(message)))
      const json = {
        version: 1,
        hcl_report: base64Url(hclReport),
        tpm_quote: { message: hex(message), signature: hex(signature), pcrs: (deviation.pcrs ?? PCRS).map(hex) },
        ...inner.endorsement,
      }
      return new TextEncoder().encode(JSON.stringify(deviation.json?.(json) ?? json))
    },
  }
}

/** An Azure confidential VM on a minted chip, its virtual TPM bound to `REPORT_DATA`. */
export async function createAzureSnpMint(): Promise<AzureMint> {
  const [snp, vtpm] = await Promise.all([createSnpMint('Milan'), createVtpm()])
  return {
    root: snp.root,
    async mint(deviation = {}) {
      const inner = await snp.mint({
        report: (bytes, view) => {
          view.setUint32(0x30, deviation.vmpl ?? 0, true)
          bytes.set(vtpm.digest, 0x50)
          bytes.fill(0, 0x70, 0x90)
        },
      })
      const vcek = base64Url(inner.collateral.get('amd/vek') ?? new Uint8Array(0))
      const document = await vtpm.document(deviation, { report: inner.document, type: 2, endorsement: { vcek } })
      const collateral = new Map(inner.collateral)
      collateral.delete('amd/vek')
      return { document, collateral: encodeCollateral(collateral) }
    },
  }
}

/** The TD report that a quote's body of the module 1.0 was made of. */
export function tdReportOf(body: Uint8Array): Uint8Array {
  const report = new Uint8Array(1_024)
  report[0] = 0x81
  report.fill(3, 16, 32)
  report.set(body.subarray(520, 584), 128)
  report.fill(4, 224, 256)
  report.fill(0xff, 256, 264)
  report.set(body.subarray(0, 16), 264)
  report.set(body.subarray(16, 112), 280)
  report.set(body.subarray(112, 120), 376)
  report.set(body.subarray(120, 520), 512)
  report.set(createHash('sha384').update(report.subarray(256, 495)).digest(), 32)
  report.set(createHash('sha384').update(report.subarray(512)).digest(), 80)
  return report
}

/** An Azure confidential VM on a minted trust domain, with Intel's collateral. */
export async function createAzureTdxMint(): Promise<AzureMint> {
  const [tdx, vtpm] = await Promise.all([createIntelMint('tdx'), createVtpm()])
  return {
    root: tdx.root,
    async mint(deviation = {}) {
      let body = new Uint8Array(0)
      const inner = await tdx.mint({
        body: (bytes) => {
          bytes.set(vtpm.digest, 520)
          bytes.fill(0, 552, 584)
          body = bytes.slice()
        },
      })
      const report = tdReportOf(body)
      deviation.tdReport?.(report)
      const endorsement = { td_quote: base64Url(deviation.quote?.(inner.document) ?? inner.document) }
      return {
        document: await vtpm.document(deviation, { report, type: 4, endorsement }),
        collateral: inner.collateral,
      }
    },
  }
}
