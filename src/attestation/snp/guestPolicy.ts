import { ok, type Result } from '../../protocol/index.ts'
import { isZero } from '../bytes.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { SnpAbi, SnpReport } from './report.ts'

/** Bits of the guest policy (SEV-SNP ABI, 4.3); the lower 16 hold the least firmware version. */
const POLICY = { smt: 1n << 16n, reservedOne: 1n << 17n, migrationAgent: 1n << 18n, debug: 1n << 19n } as const
/** The highest bit in use is 25, PAGE_SWAP_DISABLE. */
const POLICY_BITS = 26n

/** Bits of PLATFORM_INFO in use: SMT, TSME, ECC, RAPL, ciphertext hiding, alias check, and trusted I/O (bit 7). */
const PLATFORM_INFO = 0xbfn
const PLATFORM_SMT = 1n

const NO_ID = 0xff

/** Whether the host can read the guest's memory. */
export const allowsDebug = (report: SnpReport): boolean => (report.policy & POLICY.debug) !== 0n

/**
 * What the guest allowed its host to do, and what the host then did: `malformed-evidence` for bits never defined,
 * `migration-agent`, `smt-refused`, `abi-below-policy`.
 */
export function checkGuestPolicy(report: SnpReport, allowSmt: boolean): Result<undefined, AttestationError> {
  const { policy, platformInfo } = report
  if (policy >> POLICY_BITS !== 0n || (policy & POLICY.reservedOne) === 0n)
    return refuse('malformed-evidence', 'reserved policy bits as defined (bit 17 one)', `0x${policy.toString(16)}`)
  if ((platformInfo & ~PLATFORM_INFO) !== 0n)
    return refuse('malformed-evidence', 'known bits of platform info', `0x${platformInfo.toString(16)}`)
  if (!report.authorKeyEnabled && !isZero(report.authorKeyDigest))
    return refuse('malformed-evidence', 'no author key digest without an author key', 'one')

  if ((policy & POLICY.migrationAgent) !== 0n || !isUnassociated(report.migrationAgentReportId))
    return refuse('migration-agent', 'a guest that no agent may move', 'one with a migration agent')
  const guestSmt = (policy & POLICY.smt) !== 0n
  const hostSmt = (platformInfo & PLATFORM_SMT) !== 0n
  if (hostSmt && !guestSmt) return refuse('smt-refused', 'a host without SMT, as the guest policy says', 'SMT')
  if (guestSmt && !allowSmt) return refuse('smt-refused', 'a guest policy without SMT', 'one that allows it')

  const least: SnpAbi = { major: Number((policy >> 8n) & 0xffn), minor: Number(policy & 0xffn), build: 0 }
  if (!isAbiAtMost(least, report.currentAbi))
    return refuse('abi-below-policy', `firmware ${abiText(least)} or later`, abiText(report.currentAbi))
  if (!isAbiAtMost(report.committedAbi, report.currentAbi))
    return refuse('tcb-inconsistent', 'firmware no older than the committed', abiText(report.currentAbi))
  return ok(undefined)
}

/** Firmware writes FFh throughout where there is no migration agent; zeros say the same. */
const isUnassociated = (id: Uint8Array): boolean => isZero(id) || id.every((byte) => byte === NO_ID)

const rank = ({ major, minor, build }: SnpAbi): number => (major * 256 + minor) * 256 + build
const isAbiAtMost = (left: SnpAbi, right: SnpAbi): boolean => rank(left) <= rank(right)
const abiText = ({ major, minor, build }: SnpAbi): string => `${major}.${minor}.${build}`
