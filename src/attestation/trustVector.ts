import type { EvidenceVerdict, TcbStatus } from './evidence.ts'

/** draft-ietf-rats-ar4si, 2.3.4: what a trustworthiness vector can speak of. */
export const TRUST_CLAIMS = [
  'instance-identity',
  'configuration',
  'executables',
  'file-system',
  'hardware',
  'runtime-opaque',
  'storage-opaque',
  'sourced-data',
] as const
type TrustClaim = (typeof TRUST_CLAIMS)[number]
export type TrustVector = Readonly<Record<TrustClaim, number>>

/** draft-ietf-rats-ar4si, 2.3.2: tiers, from nothing said to the worst. */
export const EAR_STATUSES = ['none', 'affirming', 'warning', 'contraindicated'] as const
type EarStatus = (typeof EAR_STATUSES)[number]

/** Values of the claims that are made here (draft-ietf-rats-ar4si, 2.3.4), 0 for none. */
const NO_CLAIM = 0
const TRUSTWORTHY_INSTANCE = 2
const APPROVED_CONFIGURATION = 2
const UNSAFE_CONFIGURATION = 32
const APPROVED_BOOT = 3
const GENUINE_HARDWARE = 2
const UNSAFE_HARDWARE = 32
const CONTRAINDICATED_HARDWARE = 96
const UNRECOGNIZED_HARDWARE = 97
const ENCRYPTED_MEMORY = 2
const ISOLATED_MEMORY = 32

/**
 * What a verdict says in AR4SI's terms. A claim is made where the check behind it was: file systems, storage and sources
 * of data are never looked at. A simulated root is hardware that nobody recognises, whatever else was checked; the word
 * of a cloud's verifier is no claim of ours about anything.
 */
export function trustVector(verdict: EvidenceVerdict): TrustVector {
  const nothing = Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, NO_CLAIM])) as Record<TrustClaim, number>
  if (!verdict.assurance.startsWith('hardware-'))
    return verdict.assurance === 'simulated' ? { ...nothing, hardware: UNRECOGNIZED_HARDWARE } : nothing
  return {
    ...nothing,
    'instance-identity': verdict.checked.includes('report-data') ? TRUSTWORTHY_INSTANCE : NO_CLAIM,
    configuration: configurationOf(verdict),
    executables: verdict.checked.some((check) => check === 'measurements' || check === 'rim')
      ? APPROVED_BOOT
      : NO_CLAIM,
    hardware: hardwareOf(verdict),
    'runtime-opaque': opacityOf(verdict),
  }
}

const CONFIGURATION: readonly (TcbStatus | undefined)[] = [
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDateConfigurationNeeded',
]

function configurationOf({ tcbStatus, checked }: EvidenceVerdict): number {
  if (CONFIGURATION.includes(tcbStatus)) return UNSAFE_CONFIGURATION
  return checked.includes('compose') && checked.includes('measurements') ? APPROVED_CONFIGURATION : NO_CLAIM
}

/** Genuine and without known holes; where security versions or debug mode were not looked at, nothing can be said. */
function hardwareOf({ tcbStatus, checked, notChecked }: EvidenceVerdict): number {
  if (!checked.includes('hardware')) return NO_CLAIM
  if (tcbStatus === 'Revoked') return CONTRAINDICATED_HARDWARE
  if (tcbStatus === 'Unknown' || notChecked.includes('tcb') || notChecked.includes('not-debug')) return NO_CLAIM
  return tcbStatus === undefined || tcbStatus === 'UpToDate' ? GENUINE_HARDWARE : UNSAFE_HARDWARE
}

/** TDX, SGX and SEV-SNP encrypt memory; a Nitro enclave's is shut off, and its evidence speaks of no encryption. */
function opacityOf({ assurance }: EvidenceVerdict): number {
  if (assurance === 'hardware-intel' || assurance === 'hardware-amd') return ENCRYPTED_MEMORY
  return assurance === 'hardware-aws' ? ISOLATED_MEMORY : NO_CLAIM
}

/** The worst tier of a vector's claims. */
export function tierOf(vector: Partial<TrustVector>): EarStatus {
  const tiers = Object.values(vector).map((value) => EAR_STATUSES.indexOf(tierOfValue(value)))
  return EAR_STATUSES[Math.max(0, ...tiers)] ?? 'contraindicated'
}

/** draft-ietf-rats-ar4si, 2.3.2; negative values mirror the positive ones. */
function tierOfValue(value: number): EarStatus {
  const size = value < 0 ? -1 - value : value
  if (size < 2) return 'none'
  if (size < 32) return 'affirming'
  return size < 96 ? 'warning' : 'contraindicated'
}

/** Affirmed when hardware, instance and executables all are: one of them alone is no reason to trust. */
export function statusOf(vector: TrustVector): EarStatus {
  const worst = tierOf(vector)
  if (worst !== 'affirming') return worst
  const all = (['hardware', 'instance-identity', 'executables'] as const).every(
    (claim) => tierOfValue(vector[claim]) === 'affirming',
  )
  return all ? 'affirming' : 'none'
}
