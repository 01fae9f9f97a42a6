import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { isZero } from '../bytes.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { EvidencePolicy } from '../policy.ts'
import type { Quote } from './quote.ts'

/** What the quoting enclave and SGX enclaves report (Intel SDM 3D, 38.15), 384 bytes; views. */
export interface EnclaveReport {
  readonly miscselect: Uint8Array
  readonly attributes: Uint8Array
  readonly mrenclave: Uint8Array
  readonly mrsigner: Uint8Array
  readonly isvprodid: number
  readonly isvsvn: number
  readonly reportData: Uint8Array
}

const twoBytes = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256

export const enclaveReport = (body: Uint8Array): EnclaveReport => ({
  miscselect: body.subarray(16, 20),
  attributes: body.subarray(48, 64),
  mrenclave: body.subarray(64, 96),
  mrsigner: body.subarray(128, 160),
  isvprodid: twoBytes(body, 256),
  isvsvn: twoBytes(body, 258),
  reportData: body.subarray(320, 384),
})

/** Registers of a trust domain's report (DCAP, A.3.2): where each lies. */
const TD_FIELDS = {
  mrseam: [16, 64],
  mrsignerseam: [64, 112],
  seamattributes: [112, 120],
  tdattributes: [120, 128],
  xfam: [128, 136],
  mrtd: [136, 184],
  mrconfigid: [184, 232],
  mrowner: [232, 280],
  mrownerconfig: [280, 328],
  rtmr0: [328, 376],
  rtmr1: [376, 424],
  rtmr2: [424, 472],
  rtmr3: [472, 520],
} as const
/** What the module 1.5 adds. */
const TD15_FIELDS = { teetcbsvn2: [584, 600], mrservicetd: [600, 648] } as const

const fieldOf = (body: Uint8Array, [from, to]: readonly [number, number]): Uint8Array => body.subarray(from, to)

/** Security versions of the TDX module and of what loads it, 16 bytes. */
export const teeTcbSvn = (body: Uint8Array): Uint8Array => body.subarray(0, 16)
export const tdxModuleSigner = (body: Uint8Array): Uint8Array => fieldOf(body, TD_FIELDS.mrsignerseam)
export const tdxModuleAttributes = (body: Uint8Array): Uint8Array => fieldOf(body, TD_FIELDS.seamattributes)

/** What a report says, in the terms of a verdict. */
export interface ReportClaims {
  readonly measurements: Readonly<Record<string, Hex>>
  readonly debug: boolean
  readonly reportData: Uint8Array
}

export function claimsOf({ layout, body }: Pick<Quote, 'layout' | 'body'>): ReportClaims {
  if (layout === 'sgx') return enclaveClaims(enclaveReport(body))
  const measurements: Record<string, Hex> = {}
  for (const [name, range] of Object.entries(TD_FIELDS)) measurements[name] = bytesToHex(fieldOf(body, range))
  if (layout === 'td15')
    for (const [name, range] of Object.entries(TD15_FIELDS)) measurements[name] = bytesToHex(fieldOf(body, range))
  const [underDebug] = fieldOf(body, TD_FIELDS.tdattributes)
  return { measurements, debug: underDebug !== 0, reportData: body.subarray(520, 584) }
}

const SGX_DEBUG = 2

/** Numbers as two bytes, the low one first, as they stand in the report. */
const numberHex = (value: number): Hex => bytesToHex(Uint8Array.of(value & 0xff, value >> 8))

function enclaveClaims(report: EnclaveReport): ReportClaims {
  return {
    measurements: {
      mrenclave: bytesToHex(report.mrenclave),
      mrsigner: bytesToHex(report.mrsigner),
      isvprodid: numberHex(report.isvprodid),
      isvsvn: numberHex(report.isvsvn),
      attributes: bytesToHex(report.attributes),
      miscselect: bytesToHex(report.miscselect),
    },
    debug: ((report.attributes[0] ?? 0) & SGX_DEBUG) !== 0,
    reportData: report.reportData,
  }
}

/**
 * Bits of TD attributes that say nothing against a domain (TDX module ABI, "ATTRIBUTES"): LASS, SEPT_VE_DISABLE, PKS and
 * KL of the SEC group, PERFMON of the others. Those of the TUD group, the first byte, mean debug; MIGRATABLE and what
 * later modules define mean more than this verifier knows.
 */
const KNOWN_ATTRIBUTES = [0xff, 0x00, 0x00, 0xd8, 0x00, 0x00, 0x00, 0x80]
const SEPT_VE_DISABLE = 0x10

/**
 * What makes a domain other than its measurements say: `td-attributes` for reserved bits, for one that another host may
 * take over, or, unless the policy allows it, whose host may raise #VE in it by taking pages away; `service-td` where a
 * further domain, which is not measured here, has a hold on it.
 */
export function checkTrustDomain(
  { layout, body }: Pick<Quote, 'layout' | 'body'>,
  policy: Pick<EvidencePolicy, 'allowSeptVe'>,
): Result<undefined, AttestationError> {
  if (layout === 'sgx') return ok(undefined)
  const attributes = fieldOf(body, TD_FIELDS.tdattributes)
  if (attributes.some((byte, at) => (byte & ~(KNOWN_ATTRIBUTES[at] ?? 0)) !== 0))
    return refuse('td-attributes', 'reserved and migration bits zero', bytesToHex(attributes))
  if (!policy.allowSeptVe && ((attributes[3] ?? 0) & SEPT_VE_DISABLE) === 0)
    return refuse('td-attributes', 'SEPT_VE_DISABLE', bytesToHex(attributes))
  const service = layout === 'td15' ? fieldOf(body, TD15_FIELDS.mrservicetd) : new Uint8Array(0)
  if (!isZero(service)) return refuse('service-td', 'no service TD', bytesToHex(service))
  return ok(undefined)
}
