import { ok, type Result } from '../../protocol/index.ts'
import { isZero } from '../bytes.ts'
import { type AttestationError, refuse, refuseSize } from '../errors.ts'
import { TCB_BYTES } from './tcb.ts'

/** Bytes of an ATTESTATION_REPORT, the signature included (SEV-SNP ABI, table 23). */
export const SNP_REPORT_BYTES = 1_184
/** The signature covers everything before it. */
export const SNP_SIGNED_BYTES = 0x2a0
/** Bytes of r and of s in the report's signature, least significant first (SEV-SNP ABI, table 141). */
export const SNP_COORDINATE_FIELD = 72
const COORDINATE = 48

/** Layouts read here: 2 of Milan's first firmware, 3 with the processor's CPUID, 5 with mitigation vectors. */
const VERSIONS = [2, 3, 4, 5]
/** ECDSA on P-384 with SHA-384 (SEV-SNP ABI, table 139). */
const ECDSA_P384_SHA384 = 1
/** VMPL of a report that the host asked for, not the guest (SNP_HV_REPORT_REQ). */
const HOST_VMPL = 0xffff_ffff
const MAX_VMPL = 3

/** Which key signed a report (bits 2 to 4 at 48h). */
export const SIGNING_KEYS = ['VCEK', 'VLEK'] as const
export type SigningKey = (typeof SIGNING_KEYS)[number]

/** CPUID of the processor (Fn8000_0001, combined family and model), since version 3. */
export interface SnpCpuid {
  readonly family: number
  readonly model: number
  readonly stepping: number
}

/** A firmware's version. */
export interface SnpAbi {
  readonly major: number
  readonly minor: number
  readonly build: number
}

/** A report, shape checked, nothing authenticated. Byte fields are views of the document, in its order. */
export interface SnpReport {
  readonly version: number
  readonly guestSvn: number
  /** Guest policy (SEV-SNP ABI, 4.3). */
  readonly policy: bigint
  readonly familyId: Uint8Array
  readonly imageId: Uint8Array
  readonly vmpl: number
  readonly platformInfo: bigint
  readonly authorKeyEnabled: boolean
  readonly maskChipKey: boolean
  readonly signingKey: SigningKey
  readonly reportData: Uint8Array
  readonly measurement: Uint8Array
  readonly hostData: Uint8Array
  readonly idKeyDigest: Uint8Array
  readonly authorKeyDigest: Uint8Array
  readonly reportId: Uint8Array
  readonly migrationAgentReportId: Uint8Array
  readonly chipId: Uint8Array
  readonly cpuid: SnpCpuid | undefined
  readonly currentTcb: Uint8Array
  readonly reportedTcb: Uint8Array
  readonly committedTcb: Uint8Array
  readonly launchTcb: Uint8Array
  readonly currentAbi: SnpAbi
  readonly committedAbi: SnpAbi
  /** Bytes under the signature. */
  readonly signed: Uint8Array
  /** r and s as IEEE P1363. */
  readonly signature: Uint8Array
}

/** Ranges that must be zero, ends excluded (SEV-SNP ABI, table 23). */
const RESERVED: readonly (readonly [number, number])[] = [
  [0x4c, 0x50],
  [0x18b, 0x1a0],
  [0x1eb, 0x1ec],
  [0x1ef, 0x1f0],
  [0x208, SNP_SIGNED_BYTES],
  [SNP_SIGNED_BYTES + COORDINATE, SNP_SIGNED_BYTES + SNP_COORDINATE_FIELD],
  [SNP_SIGNED_BYTES + SNP_COORDINATE_FIELD + COORDINATE, SNP_REPORT_BYTES],
]
const CPUID_RANGE = [0x188, 0x18b] as const
/** LAUNCH_MIT_VECTOR and CURRENT_MIT_VECTOR. */
const MITIGATION_RANGE = [0x1f8, 0x208] as const

/** Reads a report: `malformed-evidence`, `unsupported-version`, `wrong-algorithm`, `wrong-signing-key`, `host-requested`. */
export function parseSnpReport(bytes: Uint8Array): Result<SnpReport, AttestationError> {
  if (bytes.length > SNP_REPORT_BYTES) return refuseSize(SNP_REPORT_BYTES, bytes.length)
  if (bytes.length !== SNP_REPORT_BYTES)
    return refuse('malformed-evidence', `a report of ${SNP_REPORT_BYTES} bytes`, `${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const version = view.getUint32(0, true)
  if (!VERSIONS.includes(version)) return refuse('unsupported-version', VERSIONS.join(', '), String(version))
  const algorithm = view.getUint32(0x34, true)
  if (algorithm !== ECDSA_P384_SHA384)
    return refuse('wrong-algorithm', 'signature algorithm 1, ECDSA P-384 with SHA-384', String(algorithm))
  const reserved = checkReserved(bytes, version)
  if (!reserved.ok) return reserved
  const vmpl = view.getUint32(0x30, true)
  if (vmpl === HOST_VMPL) return refuse('host-requested', 'a report that the guest asked for', 'one for its host')
  if (vmpl > MAX_VMPL) return refuse('malformed-evidence', `a VMPL of at most ${MAX_VMPL}`, String(vmpl))
  const flags = view.getUint32(0x48, true)
  if (flags >>> 5 !== 0) return refuse('malformed-evidence', 'reserved flags at 48h zero', `0x${flags.toString(16)}`)
  const signingKey = SIGNING_KEYS[(flags >>> 2) & 7]
  if (signingKey === undefined)
    return refuse('wrong-signing-key', SIGNING_KEYS.join(' or '), `signing key ${(flags >>> 2) & 7}`)
  return ok({
    ...readFields(bytes, view),
    version,
    vmpl,
    authorKeyEnabled: (flags & 1) !== 0,
    maskChipKey: (flags & 2) !== 0,
    signingKey,
    cpuid: version === 2 ? undefined : readCpuid(bytes),
  })
}

function checkReserved(bytes: Uint8Array, version: number): Result<undefined, AttestationError> {
  const ranges = [...RESERVED]
  if (version < 3) ranges.push(CPUID_RANGE)
  if (version < 4) ranges.push(MITIGATION_RANGE)
  for (const [from, to] of ranges)
    if (!isZero(bytes.subarray(from, to)))
      return refuse('malformed-evidence', `bytes ${from.toString(16)}h to ${to.toString(16)}h zero`, 'others')
  return ok(undefined)
}

const readCpuid = (bytes: Uint8Array): SnpCpuid => {
  const [family = 0, model = 0, stepping = 0] = bytes.subarray(...CPUID_RANGE)
  return { family, model, stepping }
}

const readAbi = (bytes: Uint8Array, at: number): SnpAbi => {
  const [build = 0, minor = 0, major = 0] = bytes.subarray(at, at + 3)
  return { build, minor, major }
}

type Fields = Omit<SnpReport, 'version' | 'vmpl' | 'authorKeyEnabled' | 'maskChipKey' | 'signingKey' | 'cpuid'>

function readFields(bytes: Uint8Array, view: DataView): Fields {
  const field = (at: number, length: number): Uint8Array => bytes.subarray(at, at + length)
  return {
    guestSvn: view.getUint32(0x04, true),
    policy: view.getBigUint64(0x08, true),
    familyId: field(0x10, 16),
    imageId: field(0x20, 16),
    currentTcb: field(0x38, TCB_BYTES),
    platformInfo: view.getBigUint64(0x40, true),
    reportData: field(0x50, 64),
    measurement: field(0x90, 48),
    hostData: field(0xc0, 32),
    idKeyDigest: field(0xe0, 48),
    authorKeyDigest: field(0x110, 48),
    reportId: field(0x140, 32),
    migrationAgentReportId: field(0x160, 32),
    reportedTcb: field(0x180, TCB_BYTES),
    chipId: field(0x1a0, 64),
    committedTcb: field(0x1e0, TCB_BYTES),
    currentAbi: readAbi(bytes, 0x1e8),
    committedAbi: readAbi(bytes, 0x1ec),
    launchTcb: field(0x1f0, TCB_BYTES),
    signed: field(0, SNP_SIGNED_BYTES),
    signature: readSignature(bytes),
  }
}

function readSignature(bytes: Uint8Array): Uint8Array {
  const signature = new Uint8Array(2 * COORDINATE)
  for (const [index, at] of [SNP_SIGNED_BYTES, SNP_SIGNED_BYTES + SNP_COORDINATE_FIELD].entries())
    signature.set(bytes.slice(at, at + COORDINATE).reverse(), index * COORDINATE)
  return signature
}
