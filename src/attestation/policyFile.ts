import { z } from 'zod'
import { bytesToHex, canonicalBytes, fail, type Json, ok, type Result } from '../protocol/index.ts'
import type { EpochPolicy } from './epochPolicy.ts'
import type { AttestationError } from './errors.ts'
import {
  type AllowedMeasurements,
  devnetPolicy,
  type EvidencePolicy,
  evidencePolicySchema,
  namesGpus,
  narrowed,
  policyMismatch,
  productionPolicy,
  SNP_PRODUCTS,
  type SnpTcb,
  type TcbFloors,
} from './policy.ts'
import type { TrustProfile } from './trustRoots.ts'

/** Who says which programs, floors and revocations count: this file alone, or the epoch's policy besides (R14). */
export const POLICY_SOURCES = ['local', 'chain'] as const
export type PolicySource = (typeof POLICY_SOURCES)[number]

/** A requester's or a verifier's own policy. Without `measurements` the source decides which programs count. */
export const policyFileSchema = evidencePolicySchema.extend({
  source: z.enum(POLICY_SOURCES).default('local'),
  measurements: evidencePolicySchema.shape.measurements.unwrap().optional(),
})
export interface PolicyFile extends Omit<EvidencePolicy, 'measurements'> {
  readonly source: PolicySource
  readonly measurements?: EvidencePolicy['measurements'] | undefined
}

/** Reads a policy file's JSON: `bad-policy` names the first member at fault. */
export function parsePolicyFile(input: unknown): Result<PolicyFile, AttestationError> {
  const parsed = policyFileSchema.safeParse(input)
  if (parsed.success) return ok(parsed.data)
  return fail(policyMismatch(parsed.error))
}

/** What a node without a policy file goes by: on a production network the chain, on a devnet anything bound. */
export function defaultPolicyFile(profile: TrustProfile): PolicyFile {
  if (profile === 'devnet') return { ...devnetPolicy(), source: 'local' }
  const { measurements: _, ...policy } = productionPolicy()
  return { ...policy, source: 'chain' }
}

/**
 * The policy evidence is judged by: the file's, and with the source `chain` the epoch's as well, whichever is stricter.
 * A file of its own that lists no programs takes none; where the chain has no policy yet, a devnet takes any program.
 */
export function policyUnder(
  { source, measurements, ...own }: PolicyFile,
  profile: TrustProfile,
  published?: EpochPolicy,
): EvidencePolicy {
  if (source === 'local') return { ...own, measurements: measurements ?? [] }
  if (published !== undefined) return mergePolicies({ ...own, measurements: measurements ?? 'any' }, published)
  return { ...own, measurements: measurements ?? (profile === 'devnet' ? 'any' : []) }
}

/** The stricter of both in every member: intersections of what passes, unions of what is revoked, the higher floors. */
export function mergePolicies(own: EvidencePolicy, epoch: EpochPolicy): EvidencePolicy {
  return {
    ...own,
    assurances: both(own.assurances, epoch.assurances),
    measurements:
      own.measurements === 'any' ? epoch.measurements : commonPrograms(own.measurements, epoch.measurements),
    maxAgeMs: Math.min(own.maxAgeMs, epoch.maxAgeMs ?? own.maxAgeMs),
    revokedCertificates: [...new Set([...own.revokedCertificates, ...epoch.revokedCertificates])],
    revokedChips: [...new Set([...own.revokedChips, ...epoch.revokedChips])],
    tcbStatuses: both(own.tcbStatuses, epoch.tcbStatuses),
    tcbFloors: higherFloors(own.tcbFloors, epoch.tcbFloors),
    allowSmt: own.allowSmt && epoch.allowSmt !== false,
    allowSeptVe: own.allowSeptVe && epoch.allowSeptVe !== false,
    requireGpuAppraisal: own.requireGpuAppraisal || epoch.requireGpuAppraisal === true,
    minimumVendors: Math.max(own.minimumVendors, epoch.minimumVendors ?? 1),
  }
}

const both = <T>(own: readonly T[], epoch: readonly T[] | undefined): readonly T[] =>
  epoch === undefined ? own : own.filter((each) => epoch.includes(each))

/** Programs in both lists; of GPUs those of the one list, where the other names none. */
function commonPrograms(own: readonly AllowedMeasurements[], epoch: readonly AllowedMeasurements[]) {
  const idOf = (entry: AllowedMeasurements): string => bytesToHex(canonicalBytes(entry as unknown as Json))
  const known = new Set(epoch.map(idOf))
  const common = own.filter((entry) => known.has(idOf(entry)))
  if (namesGpus(own) && namesGpus(epoch)) return narrowed(own, common)
  return [...common, ...[...own, ...epoch].filter((entry) => namesGpus([entry]))]
}

function higherFloors(own: TcbFloors, epoch: TcbFloors): TcbFloors {
  const snp: { [product: string]: SnpTcb } = {}
  for (const product of SNP_PRODUCTS) {
    const [left, right] = [own.snp[product], epoch.snp[product]]
    const floor = left === undefined || right === undefined ? (left ?? right) : higher(left, right)
    if (floor !== undefined) snp[product] = floor
  }
  return { tcbEvaluationDataNumber: Math.max(own.tcbEvaluationDataNumber, epoch.tcbEvaluationDataNumber), snp }
}

function higher(left: SnpTcb, right: SnpTcb): SnpTcb {
  const fmc = left.fmc === undefined && right.fmc === undefined ? {} : { fmc: Math.max(left.fmc ?? 0, right.fmc ?? 0) }
  return {
    ...fmc,
    bootloader: Math.max(left.bootloader, right.bootloader),
    tee: Math.max(left.tee, right.tee),
    snp: Math.max(left.snp, right.snp),
    microcode: Math.max(left.microcode, right.microcode),
  }
}
