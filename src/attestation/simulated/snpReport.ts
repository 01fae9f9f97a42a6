import type { SnpProduct, SnpTcb } from '../policy.ts'
import {
  SIGNING_KEYS,
  type SigningKey,
  SNP_COORDINATE_FIELD,
  SNP_REPORT_BYTES,
  SNP_SIGNED_BYTES,
  type SnpCpuid,
} from '../snp/report.ts'
import { TCB_LAYOUT } from '../snp/tcb.ts'
import { P384_SHA384, type Subtle, type WebKey } from '../webcrypto.ts'

/** What a simulated report says; everything else in it is as a guest on idle firmware would see it. */
export interface SimulatedSnpReport {
  readonly product: SnpProduct
  readonly signingKey: SigningKey
  /** 64 bytes, zero where the chip's owner masks them. */
  readonly chipId: Uint8Array
  readonly tcb: SnpTcb
  /** 48 bytes. */
  readonly measurement: Uint8Array
  /** 32 bytes. */
  readonly hostData: Uint8Array
  /** 64 bytes. */
  readonly reportData: Uint8Array
}

/** Layout of today's firmware on each product. */
const VERSION: Readonly<Record<SnpProduct, number>> = { Milan: 3, Genoa: 3, Turin: 5 }
const CPUID: Readonly<Record<SnpProduct, SnpCpuid>> = {
  Milan: { family: 0x19, model: 0x01, stepping: 0x01 },
  Genoa: { family: 0x19, model: 0x11, stepping: 0x01 },
  Turin: { family: 0x1a, model: 0x02, stepping: 0x01 },
}
/** SMT allowed, and the bit that must be one. */
const POLICY = 0x30000n
/** Build, minor and major version. */
const FIRMWARE = [1, 55, 1]
const COORDINATE = 48

/** A TCB_VERSION in the product's layout. */
export const encodeTcb = (product: SnpProduct, tcb: SnpTcb): Uint8Array =>
  Uint8Array.from(
    TCB_LAYOUT[product],
    (component) => (component.startsWith('spl') ? 0 : tcb[component as keyof SnpTcb]) ?? 0,
  )

/** A report without its signature (SEV-SNP ABI, table 23). */
export function encodeSnpReport(report: SimulatedSnpReport): Uint8Array {
  const bytes = new Uint8Array(SNP_REPORT_BYTES)
  const view = new DataView(bytes.buffer)
  const { product } = report
  view.setUint32(0x00, VERSION[product], true)
  view.setBigUint64(0x08, POLICY, true)
  view.setUint32(0x34, 1, true)
  view.setUint32(0x48, SIGNING_KEYS.indexOf(report.signingKey) << 2, true)
  bytes.set(report.reportData, 0x50)
  bytes.set(report.measurement, 0x90)
  bytes.set(report.hostData, 0xc0)
  bytes.set(report.measurement.subarray(0, 32), 0x140)
  bytes.fill(0xff, 0x160, 0x180)
  const { family, model, stepping } = CPUID[product]
  bytes.set([family, model, stepping], 0x188)
  bytes.set(report.chipId, 0x1a0)
  for (const at of [0x38, 0x180, 0x1e0, 0x1f0]) bytes.set(encodeTcb(product, report.tcb), at)
  for (const at of [0x1e8, 0x1ec]) bytes.set(FIRMWARE, at)
  return bytes
}

/** Signs in place: r and s, least significant byte first, in fields of 72 bytes (SEV-SNP ABI, table 141). */
export async function signSnpReport(bytes: Uint8Array, privateKey: WebKey, subtle: Subtle): Promise<Uint8Array> {
  const signed = bytes.slice(0, SNP_SIGNED_BYTES)
  const signature = new Uint8Array(await subtle.sign(P384_SHA384, privateKey, signed))
  for (const index of [0, 1])
    bytes.set(
      signature.slice(index * COORDINATE, (index + 1) * COORDINATE).reverse(),
      SNP_SIGNED_BYTES + index * SNP_COORDINATE_FIELD,
    )
  return bytes
}
