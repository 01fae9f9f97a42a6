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
import { MAX_AHEAD_MS, MAX_EVIDENCE_AGE_MS } from './constants.ts'
import { type AttestationError, mismatch, refuse } from './errors.ts'
import type { TrustProfile } from './trustRoots.ts'

/** Registers that a piece of evidence must show, by their names in its verdict; those not named may hold anything. */
export interface AllowedMeasurements {
  readonly kind: EvidenceKind
  readonly values: Readonly<Record<string, Hex>>
}

/** What a verifier accepts (R6, R14). Every list is an allow-list: an empty one accepts nothing. */
export interface EvidencePolicy {
  readonly assurances: readonly AssuranceName[]
  /** `any` accepts every program, and the verdict says that measurements were not checked. */
  readonly measurements: 'any' | readonly AllowedMeasurements[]
  /** Milliseconds between the evidence's own time and the time of appraisal. */
  readonly maxAgeMs: number
  readonly maxAheadMs: number
  /** Whether evidence may be judged without the report data it ought to carry (R5). */
  readonly allowUnbound: boolean
  /** SHA-256 of the DER of certificates that count as revoked, fed by the operator. */
  readonly revokedCertificates: readonly Digest[]
}

const allowedMeasurementsSchema = z
  .strictObject({
    kind: z.enum(Object.keys(EVIDENCE_KIND) as [EvidenceKind]),
    values: z.record(z.string(), z.custom<Hex>(isHex, 'expected 0x followed by whole bytes of lower-case hex')),
  })
  .refine((entry) => Object.keys(entry.values).length > 0, 'expected at least one register')

/** The shape of a policy in configuration; members left out take the defaults of production. */
export const evidencePolicySchema = z.strictObject({
  assurances: z.array(z.enum(Object.keys(ASSURANCE) as [AssuranceName])).default(() => [...HARDWARE]),
  measurements: z.union([z.literal('any'), z.array(allowedMeasurementsSchema)]).default(() => []),
  maxAgeMs: z.int().positive().max(MAX_EVIDENCE_AGE_MS).default(MAX_EVIDENCE_AGE_MS),
  maxAheadMs: z.int().nonnegative().max(MAX_AHEAD_MS).default(MAX_AHEAD_MS),
  allowUnbound: z.boolean().default(false),
  revokedCertificates: z.array(z.custom<Digest>(isDigest, 'expected 0x + 64 hex digits')).default(() => []),
})

const HARDWARE: readonly AssuranceName[] = ['hardware-aws', 'hardware-intel', 'hardware-amd', 'hardware-nvidia']

const PRODUCTION: EvidencePolicy = evidencePolicySchema.parse({})

/** Reads a policy from configuration: `bad-policy` names the first member at fault. */
export function parsePolicy(input: unknown): Result<EvidencePolicy, AttestationError> {
  const parsed = evidencePolicySchema.safeParse(input)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  return fail(
    mismatch('bad-policy', issue?.message ?? 'an evidence policy', `at ${issue?.path.join('.') || 'the top'}`),
  )
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
  measurements,
})

/** R6: to be called before a node starts. On anything but a devnet throws `policy-refused` for a policy too lax. */
export function assertPolicy(profile: TrustProfile, policy: EvidencePolicy): void {
  if (profile === 'devnet') return
  const weak = policy.assurances.filter((assurance) => !HARDWARE.includes(assurance))
  if (weak.length > 0) throw mismatch('policy-refused', 'hardware assurances on a production network', weak.join(', '))
  if (policy.allowUnbound) throw mismatch('policy-refused', 'allowUnbound false on a production network', 'true')
}

/** What stands behind a peer, evidence or none, against the policy. */
export function admitAssurance(policy: EvidencePolicy, assurance: AssuranceName): Result<undefined, AttestationError> {
  if (policy.assurances.includes(assurance)) return ok(undefined)
  return refuse('assurance-refused', policy.assurances.join(', ') || 'none at all', assurance)
}

/** Whether one entry of the allow-list is met in every register it names. */
export function admitMeasurements(
  policy: EvidencePolicy,
  kind: EvidenceKind,
  measurements: Readonly<Record<string, Hex>>,
): Result<undefined, AttestationError> {
  if (policy.measurements === 'any') return ok(undefined)
  const entries = policy.measurements.filter((entry) => entry.kind === kind)
  for (const { values } of entries) {
    const registers = Object.entries(values)
    if (registers.length > 0 && registers.every(([name, value]) => measurements[name] === value)) return ok(undefined)
  }
  return refuse('measurement-refused', `one of ${entries.length} allowed programs`, JSON.stringify(measurements))
}
