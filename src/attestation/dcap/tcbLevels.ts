import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { TcbStatus } from '../evidence.ts'
import type { Appraisal, SvnLevel } from './fields.ts'
import { equalMasked } from './masks.ts'
import type { PckPlatform } from './pck.ts'
import type { Quote } from './quote.ts'
import { tdxModuleAttributes, tdxModuleSigner, teeTcbSvn } from './reports.ts'
import type { PlatformLevel, TcbInfo } from './tcbInfo.ts'

/** The first level that this version reaches: `tcb-level-not-found`. */
export function svnLevelOf(
  levels: readonly SvnLevel[],
  isvsvn: number,
  what: string,
): Result<Appraisal, AttestationError> {
  const level = levels.find((candidate) => isvsvn >= candidate.isvsvn)
  return level === undefined ? refuse('tcb-level-not-found', `a level for ${what}`, `version ${isvsvn}`) : ok(level)
}

const reaches = (got: ArrayLike<number>, least: readonly number[], from = 0): boolean =>
  least.every((svn, at) => at < from || (got[at] ?? 0) >= svn)

/** `collateral-mismatch`, `tcb-level-not-found`: the level of the platform, by Intel's rules (PCS API v4, "Get TCB info"). */
export function appraisePlatform(
  platform: PckPlatform,
  info: TcbInfo,
  quote: Pick<Quote, 'layout' | 'body'>,
): Result<Appraisal, AttestationError> {
  if (platform.fmspc !== info.fmspc)
    return refuse('collateral-mismatch', `TCB info of FMSPC ${platform.fmspc}`, info.fmspc)
  if (platform.pceid !== info.pceid)
    return refuse('collateral-mismatch', `TCB info of PCE ${platform.pceid}`, info.pceid)
  const svn = quote.layout === 'sgx' ? undefined : teeTcbSvn(quote.body)
  const level = info.levels.find((candidate) => isReached(candidate, platform, svn))
  if (level !== undefined) return ok(level)
  const versions = `components ${platform.components.join(' ')}, PCE ${platform.pcesvn}`
  return refuse('tcb-level-not-found', 'a level for the platform', svn ? `${versions}, TDX ${svn.join(' ')}` : versions)
}

/** From module version 1 on, components 0 and 1 are the module's own and judged by its identity. */
function isReached(level: PlatformLevel, platform: PckPlatform, svn: Uint8Array | undefined): boolean {
  if (!reaches(platform.components, level.sgx) || platform.pcesvn < level.pcesvn) return false
  return svn === undefined || reaches(svn, level.tdx, moduleVersion(svn) > 0 ? 2 : 0)
}

const moduleVersion = (svn: Uint8Array): number => svn[1] ?? 0

/** Whether Intel made the TDX module, and what its version is worth: `tdx-module-mismatch`, `tcb-level-not-found`. */
export function appraiseModule(
  info: TcbInfo,
  quote: Pick<Quote, 'body'>,
): Result<Appraisal | undefined, AttestationError> {
  const svn = teeTcbSvn(quote.body)
  const version = moduleVersion(svn)
  const id = `TDX_${version.toString(16).toUpperCase().padStart(2, '0')}`
  const identity = version > 0 ? info.moduleIdentities.find((candidate) => candidate.id === id) : undefined
  const signer = version > 0 ? identity : info.module
  if (signer === undefined) return refuse('tdx-module-mismatch', `the identity of module ${id}`, 'none')
  const mrsigner = tdxModuleSigner(quote.body)
  if (!equalMasked(mrsigner, signer.mrsigner))
    return refuse('tdx-module-mismatch', `MRSIGNERSEAM ${bytesToHex(signer.mrsigner)}`, bytesToHex(mrsigner))
  const attributes = tdxModuleAttributes(quote.body)
  if (!equalMasked(attributes, signer.attributes, signer.attributesMask))
    return refuse('tdx-module-mismatch', `SEAMATTRIBUTES ${bytesToHex(signer.attributes)}`, bytesToHex(attributes))
  return identity === undefined ? ok(undefined) : svnLevelOf(identity.levels, svn[0] ?? 0, `module ${id}`)
}

interface Needs {
  readonly revoked: boolean
  readonly outOfDate: boolean
  readonly configuration: boolean
  readonly hardening: boolean
}

const needsOf = (status: TcbStatus): Needs => ({
  revoked: status === 'Revoked',
  outOfDate: status.startsWith('OutOfDate'),
  configuration: status.includes('Configuration'),
  hardening: status.includes('SWHardening'),
})

/**
 * The status of a whole from those of its parts, as Intel's verification library converges platform, TDX module and
 * quoting enclave: whatever one part needs, the whole needs; an outdated platform is not told to harden its software.
 */
export function convergeStatus(statuses: readonly TcbStatus[]): TcbStatus {
  const needs = statuses.map(needsOf)
  const any = (need: keyof Needs): boolean => needs.some((part) => part[need])
  if (statuses.includes('Unknown')) return 'Unknown'
  if (any('revoked')) return 'Revoked'
  if (any('outOfDate')) return any('configuration') ? 'OutOfDateConfigurationNeeded' : 'OutOfDate'
  if (any('configuration')) return any('hardening') ? 'ConfigurationAndSWHardeningNeeded' : 'ConfigurationNeeded'
  return any('hardening') ? 'SWHardeningNeeded' : 'UpToDate'
}
