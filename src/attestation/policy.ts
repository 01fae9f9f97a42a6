import { z } from 'zod'
import {
  ASSURANCE,
  type AssuranceName,
  type Digest,
  EVIDENCE_KIND,
  type EvidenceKind,
  fail,
  type Hex,
  isDigest,
  isHex,
  ok,
  type Result,
} from '../protocol/index.ts'
import { type Assurance, CLOUD_ASSURANCES } from './assurance.ts'
import { MAX_AHEAD_MS, MAX_EVIDENCE_AGE_MS } from './constants.ts'
import { type AttestationError, mismatch, refuse } from './errors.ts'
import { type DocumentKind, TCB_STATUSES, type TcbStatus, TOKEN_KINDS } from './evidence.ts'
import type { TrustProfile } from './trustRoots.ts'

/** Registers that a piece of evidence must show, by their names in its verdict; those not named may hold anything. */
export interface AllowedMeasurements {
  readonly kind: DocumentKind
  readonly values: Readonly<Record<string, Hex>>
}

/** Least security versions of AMD's `reported_tcb` (SEV-SNP ABI, 2.2); `fmc` on Turin alone. */
export interface SnpTcb {
  readonly fmc?: number | undefined
  readonly bootloader: number
  readonly tee: number
  readonly snp: number
  readonly microcode: number
}

/** AMD's processor generations, each with its own security versions. */
export const SNP_PRODUCTS = ['Milan', 'Genoa', 'Turin'] as const
export type SnpProduct = (typeof SNP_PRODUCTS)[number]

/** The security versions below which evidence does not count, whatever the vendor still signs. */
export interface TcbFloors {
  /** Least `tcbEvaluationDataNumber` of Intel's TCB info and QE identity: collateral that is old but not expired. */
  readonly tcbEvaluationDataNumber: number
  readonly snp: { readonly [P in SnpProduct]?: SnpTcb | undefined }
}

/**
 * Keys that may sign an issuer's tokens. A key set travels with the evidence, so whoever sent one could have made the
 * other: what counts is that we knew the key before, by its thumbprint.
 */
export interface TrustedKeySet {
  /** `iss` of the tokens, e.g. `https://nras.attestation.nvidia.com`. */
  readonly issuer: string
  /** Audiences we answer to; without any, the token's is not compared. */
  readonly audiences?: readonly string[] | undefined
  /** SHA-256 thumbprints of the keys (RFC 7638). */
  readonly thumbprints: readonly Digest[]
}

/** What a verifier accepts (R6, R14). Every list is an allow-list: an empty one accepts nothing. */
export interface EvidencePolicy {
  readonly assurances: readonly Assurance[]
  /** `any` accepts every program, and the verdict says that measurements were not checked. */
  readonly measurements: 'any' | readonly AllowedMeasurements[]
  /** Milliseconds between the evidence's own time and the time of appraisal. */
  readonly maxAgeMs: number
  readonly maxAheadMs: number
  /** Whether evidence may be judged without the report data it ought to carry (R5). */
  readonly allowUnbound: boolean
  /** SHA-256 of the DER of certificates that count as revoked, fed by the operator. */
  readonly revokedCertificates: readonly Digest[]
  /** Machines nobody may use any more, as `instanceId` names them. */
  readonly revokedChips: readonly string[]
  /** Statuses that pass; `Unknown` accepts evidence without the collateral that would tell. */
  readonly tcbStatuses: readonly TcbStatus[]
  readonly tcbFloors: TcbFloors
  /** Whether SEV-SNP evidence needs a floor for its product: AMD publishes no list that would tell old firmware. */
  readonly requireSnpFloor: boolean
  /** Whether a host with simultaneous multithreading may run an SNP guest. */
  readonly allowSmt: boolean
  /** Whether a TDX host may raise #VE in its guest by taking pages away (SEPT_VE_DISABLE clear). */
  readonly allowSeptVe: boolean
  /** Whether GPU evidence must come with appraised reference measurements and a fresh OCSP answer. */
  readonly requireGpuAppraisal: boolean
  /** Least distinct hardware vendors behind one peer, CPU and GPU together. */
  readonly minimumVendors: number
  /** Keys of clouds' verifiers, by issuer: without them no token is accepted. */
  readonly trustedKeySets: readonly TrustedKeySet[]
}

export const registersSchema = z
  .record(z.string(), z.custom<Hex>(isHex, 'expected 0x followed by whole bytes of lower-case hex'))
  .refine((values) => Object.keys(values).length > 0, 'expected at least one register')

/**
 * Registers that say what a machine was started with, any group of which an entry must name: the others are written by
 * what was started, or by the host, and anybody's own software can write into them what ours does.
 */
const FOUNDATIONS: Readonly<Partial<Record<DocumentKind, readonly (readonly string[])[]>>> = {
  nitro: [['pcr0'], ['pcr1', 'pcr2'], ['pcr8']],
  tdx: [['mrtd']],
  sgx: [['mrenclave'], ['mrsigner']],
  'sev-snp': [['measurement'], ['idkeydigest'], ['authorkeydigest']],
  'azure-snp-vtpm': [['measurement'], ['idkeydigest']],
  'azure-tdx-vtpm': [['mrtd']],
  'tdx-dstack': [['mrtd', 'rtmr1', 'rtmr2']],
}

/** Whether an entry pins what was started. */
export const hasFoundation = ({ kind, values }: AllowedMeasurements): boolean =>
  FOUNDATIONS[kind]?.some((names) => names.every((name) => Object.hasOwn(values, name))) ?? true
export const NO_FOUNDATION = 'expected the registers that say what was started, e.g. mrtd or measurement'

const allowedMeasurementsSchema = z
  .strictObject({
    kind: z.enum([...(Object.keys(EVIDENCE_KIND) as EvidenceKind[]), ...TOKEN_KINDS]),
    values: registersSchema,
  })
  .refine(hasFoundation, NO_FOUNDATION)

export const revokedCertificateSchema = z.custom<Digest>(isDigest, 'expected 0x + 64 hex digits')
export const revokedChipSchema = z.string().min(1).max(256)

const trustedKeySetSchema = z.strictObject({
  issuer: z.url({ protocol: /^https$/ }).max(256),
  audiences: z.array(z.string().min(1).max(512)).min(1).max(16).optional(),
  thumbprints: z.array(z.custom<Digest>(isDigest, 'expected 0x + 64 hex digits')).max(256),
})

const version = z.int().min(0).max(255)
const snpTcbSchema = z.strictObject({
  fmc: version.optional(),
  bootloader: version,
  tee: version,
  snp: version,
  microcode: version,
})
export const tcbFloorsSchema = z.strictObject({
  tcbEvaluationDataNumber: z.int().min(0).max(65_535).default(0),
  snp: z
    .strictObject({ Milan: snpTcbSchema.optional(), Genoa: snpTcbSchema.optional(), Turin: snpTcbSchema.optional() })
    .default({}),
})

/** The shape of a policy in configuration; members left out take the defaults of production. */
export const evidencePolicySchema = z.strictObject({
  assurances: z
    .array(z.enum([...(Object.keys(ASSURANCE) as AssuranceName[]), ...CLOUD_ASSURANCES]))
    .default(() => [...HARDWARE]),
  measurements: z.union([z.literal('any'), z.array(allowedMeasurementsSchema)]).default(() => []),
  maxAgeMs: z.int().positive().max(MAX_EVIDENCE_AGE_MS).default(MAX_EVIDENCE_AGE_MS),
  maxAheadMs: z.int().nonnegative().max(MAX_AHEAD_MS).default(MAX_AHEAD_MS),
  allowUnbound: z.boolean().default(false),
  revokedCertificates: z.array(revokedCertificateSchema).default(() => []),
  revokedChips: z.array(revokedChipSchema).default(() => []),
  tcbStatuses: z.array(z.enum(TCB_STATUSES)).default((): TcbStatus[] => ['UpToDate', 'SWHardeningNeeded']),
  tcbFloors: tcbFloorsSchema.prefault({}),
  requireSnpFloor: z.boolean().default(true),
  allowSmt: z.boolean().default(true),
  allowSeptVe: z.boolean().default(false),
  requireGpuAppraisal: z.boolean().default(false),
  minimumVendors: z.int().min(1).max(4).default(1),
  trustedKeySets: z
    .array(trustedKeySetSchema)
    .max(64)
    .default(() => []),
})

const HARDWARE: readonly AssuranceName[] = ['hardware-aws', 'hardware-intel', 'hardware-amd', 'hardware-nvidia']

const PRODUCTION: EvidencePolicy = evidencePolicySchema.parse({})

/** Reads a policy from configuration: `bad-policy` names the first member at fault. */
export function parsePolicy(input: unknown): Result<EvidencePolicy, AttestationError> {
  const parsed = evidencePolicySchema.safeParse(input)
  if (parsed.success) return ok(parsed.data)
  return fail(policyMismatch(parsed.error))
}

/** Of what fits none of several forms, the problem that lies deepest: that of the form that was meant. */
export function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue
  const found = issue.errors.flatMap(([inner]) => (inner === undefined ? [] : [innermost(inner)]))
  const deepest = found.toSorted((left, right) => right.path.length - left.path.length)[0]
  return deepest === undefined ? issue : { ...deepest, path: [...issue.path, ...deepest.path] }
}

/** The first thing at fault, and where it stands. */
export function policyMismatch({ issues: [first] }: z.ZodError): AttestationError {
  const issue = first === undefined ? undefined : innermost(first)
  const place = issue?.path.join('.') || 'the top'
  if (issue?.code === 'unrecognized_keys') {
    return mismatch('bad-policy', `members of an evidence policy alone at ${place}`, issue.keys.join(', '))
  }
  // As in `Invalid input: expected object, received array`.
  const words = /^(?:[^:]+: )?expected (.+?)(?:, received (.+))?$/.exec(issue?.message ?? '')
  const expected = words?.[1] ?? issue?.message ?? 'an evidence policy'
  return mismatch('bad-policy', `${expected} at ${place}`, words?.[2] ?? 'something else')
}

/** Hardware roots and the given programs only; without a list nothing is accepted. */
export const productionPolicy = (measurements: readonly AllowedMeasurements[] = []): EvidencePolicy => ({
  ...PRODUCTION,
  measurements,
})

/** Simulated roots as well, and any program: for networks whose tokens are worth nothing. */
export const devnetPolicy = (measurements: EvidencePolicy['measurements'] = 'any'): EvidencePolicy => ({
  ...PRODUCTION,
  assurances: [...HARDWARE, 'simulated'],
  requireSnpFloor: false,
  measurements,
})

/** R6: to be called before a node starts. On anything but a devnet throws `policy-refused` for a policy too lax. */
export function assertPolicy(profile: TrustProfile, policy: EvidencePolicy): void {
  if (profile === 'devnet') return
  const weak = policy.assurances.filter((assurance) => !HARDWARE.some((hardware) => hardware === assurance))
  if (weak.length > 0) throw mismatch('policy-refused', 'hardware assurances on a production network', weak.join(', '))
  if (policy.allowUnbound) throw mismatch('policy-refused', 'allowUnbound false on a production network', 'true')
  if (!policy.requireSnpFloor) throw mismatch('policy-refused', 'requireSnpFloor true on a production network', 'false')
  const lax = policy.tcbStatuses.filter((status) => status === 'Revoked' || status === 'Unknown')
  if (lax.length > 0) throw mismatch('policy-refused', 'known TCB statuses on a production network', lax.join(', '))
}

/** What stands behind a peer, evidence or none, against the policy. */
export function admitAssurance(policy: EvidencePolicy, assurance: Assurance): Result<undefined, AttestationError> {
  if (policy.assurances.includes(assurance)) return ok(undefined)
  return refuse('assurance-refused', policy.assurances.join(', ') || 'none at all', assurance)
}

/** A vendor's status against the policy; formats without one pass. */
export function admitTcb(policy: EvidencePolicy, status: TcbStatus | undefined): Result<undefined, AttestationError> {
  if (status === undefined || policy.tcbStatuses.includes(status)) return ok(undefined)
  if (status === 'Unknown') return refuse('collateral-missing', 'collateral that tells the security version', 'none')
  return refuse('tcb-status-refused', policy.tcbStatuses.join(', ') || 'no status at all', status)
}

/** Whether a machine's name, as its verdict has it, is on the list: tools write the hex in names in either case. */
export const isRevokedChip = ({ revokedChips }: Pick<EvidencePolicy, 'revokedChips'>, name: string): boolean =>
  revokedChips.some((chip) => chip.length === name.length && chip.toLowerCase() === name.toLowerCase())

/** An entry that nothing meets. */
const NO_GPU: AllowedMeasurements = { kind: 'nvidia-gpu', values: {} }

/** Whether a list speaks of GPUs: one that names none leaves them to their maker's signed manifests. */
export const namesGpus = (list: readonly { readonly kind: DocumentKind }[]): boolean =>
  list.some(({ kind }) => kind === 'nvidia-gpu')

/** What is left of a list. With its last GPU gone no GPU is accepted, rather than every one. */
export const narrowed = <T extends AllowedMeasurements>(list: readonly T[], left: readonly T[]): readonly T[] =>
  namesGpus(list) && !namesGpus(left) ? [...left, NO_GPU as T] : left

/** Whether one entry of the allow-list is met in every register it names. */
export function admitMeasurements(
  policy: EvidencePolicy,
  kind: DocumentKind,
  measurements: Readonly<Record<string, Hex>>,
): Result<undefined, AttestationError> {
  if (policy.measurements === 'any') return ok(undefined)
  const entries = policy.measurements.filter((entry) => entry.kind === kind)
  for (const { values } of entries) {
    const registers = Object.entries(values)
    if (registers.length > 0 && registers.every(([name, value]) => measurements[name] === value)) return ok(undefined)
  }
  const asked = new Set(entries.flatMap(({ values }) => Object.keys(values)))
  const shown = [...asked].map((name) => `${name} ${measurements[name] ?? 'absent'}`).join(', ')
  return refuse('measurement-refused', `one of ${entries.length} allowed programs`, shown || `an unlisted ${kind}`)
}
