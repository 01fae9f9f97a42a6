import {
  ASSURANCE,
  type AssuranceName,
  bytesToHex,
  type EvidenceKind,
  gpuNonce,
  hexToBytes,
  ok,
  type PeerBinding,
  type Result,
  reportData,
  TRUST_VENDORS,
  type TrustVendor,
} from '../protocol/index.ts'
import { type AttestationError, refuse } from './errors.ts'
import {
  type Check,
  type EvidenceInput,
  type EvidenceVerdict,
  evidenceDigest,
  padReportData,
  type VerifierContext,
} from './evidence.ts'
import { type EvidencePolicy, namesGpus } from './policy.ts'
import { verifyEvidence } from './verifyEvidence.ts'

/** Formats that can stand behind a grant alone: they attest the processor that holds the session key (R5). */
export const GRANT_KINDS = [
  'nitro',
  'tdx',
  'sgx',
  'sev-snp',
  'azure-snp-vtpm',
  'azure-tdx-vtpm',
  'tdx-dstack',
] as const satisfies readonly EvidenceKind[]

/** The evidence of a grant: the processor's, and where a GPU stands behind it that one's. */
export interface PeerEvidence extends EvidenceInput {
  readonly gpu?: Omit<EvidenceInput, 'kind'>
}

export interface PeerContext extends Omit<VerifierContext, 'expectedReportData'> {
  /** What the evidence must speak for; both report data and the GPU's nonce follow from it. */
  readonly binding: PeerBinding
}

/** Judges one document: `verifyEvidence`, or a cache in front of it. */
export type EvidenceJudge = typeof verifyEvidence

/** What a grant's evidence is worth as a whole (R5, R6). */
export interface PeerVerdict {
  /** The weakest of the roots behind it: a GPU adds to a processor's assurance, and a simulated one takes it away. */
  readonly assurance: AssuranceName
  /** The evidence whose report data binds the session key. */
  readonly cpu: EvidenceVerdict
  readonly gpu: EvidenceVerdict | undefined
  /** Whose hardware stands behind the peer, each once; a devnet root stands in its vendor's place. */
  readonly vendors: readonly TrustVendor[]
  readonly checked: readonly Check[]
  readonly notChecked: readonly Check[]
  /** Milliseconds since 1970: the earlier end of the two. */
  readonly expiresAt: number
}

/**
 * R5: the evidence of a grant. A GPU's report alone, or a cloud's statement, binds no session key and is refused. A GPU
 * beside a processor counts only when each names the other: the GPU's digest in the report data, and the rest of the
 * binding as its nonce. Codes are those of `verifyEvidence`, `gpu-unbound` and `too-few-vendors`.
 */
export async function verifyPeerEvidence(
  evidence: PeerEvidence,
  context: PeerContext,
  judge: EvidenceJudge = verifyEvidence,
): Promise<Result<PeerVerdict, AttestationError>> {
  if (evidence.kind === 'nvidia-gpu' || evidence.kind === 'nvidia-switch')
    return refuse('gpu-unbound', 'a processor’s evidence that binds the GPU', `${evidence.kind} alone`)
  if (!GRANT_KINDS.some((kind) => kind === evidence.kind))
    return refuse('unsupported-kind', GRANT_KINDS.join(', '), evidence.kind)
  const cpu = await judgeCpu(evidence, context, judge)
  if (!cpu.ok) return cpu
  if (evidence.gpu === undefined) return conclude(cpu.value, undefined, context)
  const gpu = await judgeGpu(evidence.gpu, context, judge)
  return gpu.ok ? conclude(cpu.value, gpu.value, context) : gpu
}

/**
 * The same evidence with the same bundles, judged as of another time, milliseconds since 1970: the answer depends on
 * nothing else, so whoever stores both can ask again (R6).
 */
export const reappraise = (
  evidence: PeerEvidence,
  asOf: number,
  context: Omit<PeerContext, 'now'>,
): Promise<Result<PeerVerdict, AttestationError>> => verifyPeerEvidence(evidence, { ...context, now: asOf })

async function judgeCpu(
  { kind, document, collateral, gpu }: PeerEvidence,
  { binding, ...context }: PeerContext,
  judge: EvidenceJudge,
): Promise<Result<EvidenceVerdict, AttestationError>> {
  const expected = reportData(
    gpu === undefined ? binding : { ...binding, gpuEvidenceDigest: evidenceDigest('nvidia-gpu', gpu.document) },
  )
  const input = { kind, document, ...(collateral === undefined ? {} : { collateral }) }
  const verdict = await judge(input, { ...context, expectedReportData: hexToBytes(expected) })
  if (verdict.ok || gpu === undefined || verdict.error.detail.code !== 'report-data-mismatch') return verdict
  const withoutGpu = bytesToHex(padReportData(kind, hexToBytes(reportData(binding))))
  if (verdict.error.detail.got !== withoutGpu) return verdict
  return refuse('gpu-unbound', 'the GPU evidence’s digest in the processor’s report data', 'report data without a GPU')
}

async function judgeGpu(
  gpu: Omit<EvidenceInput, 'kind'>,
  { binding, ...context }: PeerContext,
  judge: EvidenceJudge,
): Promise<Result<EvidenceVerdict, AttestationError>> {
  const expectedReportData = hexToBytes(gpuNonce(binding))
  const verdict = await judge(
    { ...gpu, kind: 'nvidia-gpu' },
    { ...context, policy: gpuPolicyOf(context.policy), expectedReportData },
  )
  if (verdict.ok || verdict.error.detail.code !== 'report-data-mismatch') return verdict
  const { expected, got } = verdict.error.detail
  return refuse('gpu-unbound', `the nonce ${expected} of this binding in the GPU’s report`, got, verdict.error)
}

const gpuPolicies = new WeakMap<EvidencePolicy, EvidencePolicy>()

/** The vendor's signed manifests say what runs on a GPU; a list counts where it names any. One object for each policy. */
function gpuPolicyOf(policy: EvidencePolicy): EvidencePolicy {
  if (policy.measurements === 'any' || namesGpus(policy.measurements)) return policy
  const known = gpuPolicies.get(policy)
  if (known !== undefined) return known
  const derived: EvidencePolicy = { ...policy, measurements: 'any' }
  gpuPolicies.set(policy, derived)
  return derived
}

function conclude(
  cpu: EvidenceVerdict,
  gpu: EvidenceVerdict | undefined,
  { policy }: Pick<PeerContext, 'policy'>,
): Result<PeerVerdict, AttestationError> {
  const assurance = [cpu, ...(gpu === undefined ? [] : [gpu])].some((each) => each.assurance === 'simulated')
    ? 'simulated'
    : cpu.assurance
  if (!isAssuranceName(assurance)) return refuse('assurance-refused', Object.keys(ASSURANCE).join(', '), assurance)
  const found = [cpu, ...(gpu === undefined ? [] : [gpu])].map(({ root }) => root.vendor)
  const vendors = TRUST_VENDORS.filter((vendor) => found.includes(vendor))
  if (vendors.length < policy.minimumVendors)
    return refuse('too-few-vendors', `hardware of ${policy.minimumVendors} vendors`, vendors.join(', '))
  const { checked, notChecked } = checksOf(cpu, gpu)
  const expiresAt = Math.min(cpu.expiresAt, gpu?.expiresAt ?? cpu.expiresAt)
  return ok({ assurance, cpu, gpu, vendors, checked, notChecked, expiresAt })
}

/** What was looked at in both; whatever one of them left out was not checked. */
function checksOf(cpu: EvidenceVerdict, gpu: EvidenceVerdict | undefined): Pick<PeerVerdict, 'checked' | 'notChecked'> {
  if (gpu === undefined) return cpu
  // What a GPU runs is `rim`; `measurements` speaks of the program beside it, unless a list names the GPU's as well.
  const missing = gpu.notChecked.filter((check) => check !== 'measurements')
  const notChecked = new Set<Check>([...cpu.notChecked, ...missing, 'gpu-cpu-colocation'])
  const checked = new Set<Check>([...cpu.checked, ...gpu.checked, 'gpu-cpu-binding'])
  return { checked: [...checked].filter((check) => !notChecked.has(check)), notChecked: [...notChecked] }
}

const isAssuranceName = (assurance: string): assurance is AssuranceName => Object.hasOwn(ASSURANCE, assurance)
