import { utf8 } from '../../protocol/index.ts'
import { concatBytes } from '../bytes.ts'
import type { BodyLayout, Tee } from '../dcap/quote.ts'
import { P256_SHA256, type Subtle, type WebKey, type WebKeyPair } from '../webcrypto.ts'

/** Module 1.5, its fifth version, and what loads it in its second. */
export const SIMULATED_TEE_TCB_SVN: readonly number[] = [5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

export interface SimulatedEnclave {
  readonly mrsigner: Uint8Array
  readonly isvprodid: number
  readonly isvsvn: number
  readonly attributes: Uint8Array
  readonly miscselect: Uint8Array
}

const enclave = (isvprodid: number): SimulatedEnclave => ({
  mrsigner: new Uint8Array(32).fill(0x51),
  isvprodid,
  isvsvn: 4,
  attributes: Uint8Array.of(0x11, ...new Uint8Array(15)),
  miscselect: new Uint8Array(4),
})
/** The simulated quoting enclaves. */
export const SIMULATED_QE: Readonly<Record<Tee, SimulatedEnclave>> = { sgx: enclave(1), tdx: enclave(2) }

const littleEndian = (value: number, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** at) % 256)

/** An enclave's report (Intel SDM 3D, 38.15), 384 bytes. */
export function encodeEnclaveReport(
  { mrsigner, isvprodid, isvsvn, attributes, miscselect }: SimulatedEnclave,
  mrenclave: Uint8Array,
  reportData: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const report = new Uint8Array(384)
  report.set(miscselect, 16)
  report.set(attributes, 48)
  report.set(mrenclave, 64)
  report.set(mrsigner, 128)
  report.set(littleEndian(isvprodid, 2), 256)
  report.set(littleEndian(isvsvn, 2), 258)
  report.set(reportData, 320)
  return report
}

export interface SimulatedDomain {
  readonly mrtd: Uint8Array
  /** RTMR0 and on; those not given are zero. */
  readonly rtmrs: readonly Uint8Array[]
  /** 64 bytes. */
  readonly reportData: Uint8Array
}

/** A trust domain's report (DCAP, A.3.2), 584 bytes, or 648 with what the module 1.5 adds. */
export function encodeTdReport(
  layout: 'td10' | 'td15',
  { mrtd, rtmrs, reportData }: SimulatedDomain,
): Uint8Array<ArrayBuffer> {
  const report = new Uint8Array(layout === 'td10' ? 584 : 648)
  report.set(SIMULATED_TEE_TCB_SVN)
  report[123] = 0x10 // SEPT_VE_DISABLE
  report.set([0xe7, 0x02, 0x06], 128)
  report.set(mrtd, 136)
  for (const [index, rtmr] of rtmrs.entries()) report.set(rtmr, 328 + 48 * index)
  report.set(reportData, 520)
  if (layout === 'td15') report.set(SIMULATED_TEE_TCB_SVN, 584)
  return report
}

const QE_VENDOR = [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07]

/** 48 bytes. */
export function encodeQuoteHeader(version: number, tee: Tee): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(48)
  header[0] = version
  header[2] = 2
  header[4] = tee === 'tdx' ? 0x81 : 0
  header.set(QE_VENDOR, 12)
  return header
}

const BODY_TYPES: Readonly<Record<BodyLayout, number>> = { sgx: 1, td10: 2, td15: 3 }

/** From version 5 on the body is described before it. */
export const describeBody = (layout: BodyLayout, body: Uint8Array): Uint8Array =>
  concatBytes(littleEndian(BODY_TYPES[layout], 2), littleEndian(body.length, 4))

export interface QuoteRequest {
  readonly version: number
  /** Header, descriptor and body. */
  readonly signed: Uint8Array
  readonly attestationKeys: WebKeyPair
  /** The quoting enclave's report around the hash of the attestation key. */
  readonly qeReport: (reportData: Uint8Array) => Uint8Array
  readonly qeAuthData: Uint8Array
  readonly pckKey: WebKey
  /** Type and content of the certification data. */
  readonly certification: { readonly type: number; readonly data: Uint8Array }
}

/** Signs a quote with an attestation key that a quoting enclave's report vouches for. */
export async function signQuote(request: QuoteRequest, subtle: Subtle): Promise<Uint8Array<ArrayBuffer>> {
  const { version, signed, attestationKeys, qeAuthData, certification } = request
  const sign = async (key: WebKey, bytes: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await subtle.sign(P256_SHA256, key, new Uint8Array(bytes)))
  const raw = new Uint8Array(await subtle.exportKey('raw', attestationKeys.publicKey))
  const key = raw.subarray(1)
  const hash = await subtle.digest('SHA-256', concatBytes(key, qeAuthData))
  const qeReport = request.qeReport(concatBytes(new Uint8Array(hash), new Uint8Array(32)))
  const inner = concatBytes(
    qeReport,
    await sign(request.pckKey, qeReport),
    littleEndian(qeAuthData.length, 2),
    qeAuthData,
    littleEndian(certification.type, 2),
    littleEndian(certification.data.length, 4),
    certification.data,
  )
  const wrapped = version >= 4 ? concatBytes(littleEndian(6, 2), littleEndian(inner.length, 4), inner) : inner
  const data = concatBytes(await sign(attestationKeys.privateKey, signed), key, wrapped)
  return concatBytes(signed, littleEndian(data.length, 4), data)
}

/** What the simulated quoting enclave runs: nothing, and it says so. */
export const SIMULATED_QE_AUTH_DATA = utf8('SIMULATED - NOT AN ENCLAVE......')
