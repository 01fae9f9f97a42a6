import { z } from 'zod'
import {
  bytesToHex,
  canonicalBytes,
  type Digest,
  EVIDENCE_KIND,
  type EvidenceKind,
  fail,
  H,
  type Json,
  keccak,
  merkleRoot,
  ok,
  type Result,
  sha256,
} from '../protocol/index.ts'
import { equalBytes } from './bytes.ts'
import { MAX_POLICY_BYTES, MAX_POLICY_ENTRIES } from './constants.ts'
import { type AttestationError, mismatch, refuseSize } from './errors.ts'
import { parseJson } from './json.ts'
import {
  evidencePolicySchema,
  hasFoundation,
  NO_FOUNDATION,
  registersSchema,
  revokedCertificateSchema,
  revokedChipSchema,
} from './policy.ts'

/** What `MeasurementRegistry` says of an epoch's policy. */
export interface PolicyCommitment {
  readonly root: Digest
  /** SHA-256 of the document's bytes. */
  readonly digest: Digest
}

const shape = evidencePolicySchema.shape

/**
 * What the network asks of everybody in an epoch (R14), as RFC 8785 JSON. Lists are sorted and hold nothing twice, so a
 * policy has one spelling; rules left out are left to each node.
 */
const schema = z.strictObject({
  version: z.literal(1),
  measurements: z.array(
    z
      .strictObject({ kind: z.enum(Object.keys(EVIDENCE_KIND) as EvidenceKind[]), values: registersSchema })
      .refine(hasFoundation, NO_FOUNDATION),
  ),
  revokedChips: z.array(revokedChipSchema),
  revokedCertificates: z.array(revokedCertificateSchema),
  tcbFloors: shape.tcbFloors.unwrap(),
  assurances: shape.assurances.unwrap().optional(),
  tcbStatuses: shape.tcbStatuses.unwrap().optional(),
  maxAgeMs: shape.maxAgeMs.unwrap().optional(),
  allowSmt: z.boolean().optional(),
  allowSeptVe: z.boolean().optional(),
  requireGpuAppraisal: z.boolean().optional(),
  minimumVendors: shape.minimumVendors.unwrap().optional(),
})

export type EpochPolicy = z.output<typeof schema>

/** What a leaf of the tree is: rules are one leaf, everything that comes and goes has its own. */
const ENTRY = { rules: 1, measurement: 2, chip: 3, certificate: 4 } as const

/** Reads a policy document: `evidence-too-large`, `bad-policy`. No bytes but those `formatEpochPolicy` writes are taken. */
export function parseEpochPolicy(bytes: Uint8Array): Result<EpochPolicy, AttestationError> {
  if (bytes.length > MAX_POLICY_BYTES) return refuseSize(MAX_POLICY_BYTES, bytes.length)
  const json = parseJson(bytes, { malformed: 'malformed-evidence', maxBytes: MAX_POLICY_BYTES })
  if (!json.ok) return bad('JSON in UTF-8, each name once', json.error.message)
  const parsed = schema.safeParse(json.value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return bad(issue?.message ?? 'an epoch policy', `at ${issue?.path.join('.') || 'the top'}`)
  }
  const policy = parsed.data
  const entries = policy.measurements.length + policy.revokedChips.length + policy.revokedCertificates.length
  if (entries > MAX_POLICY_ENTRIES) return bad(`at most ${MAX_POLICY_ENTRIES} entries`, `${entries}`)
  if (!equalBytes(formatEpochPolicy(policy), bytes))
    return bad('RFC 8785 bytes with lists in order, nothing twice', 'another spelling')
  return ok(policy)
}

const bad = (expected: string, got: string) => fail(mismatch('bad-policy', expected, got))

/** The document's bytes: lists sorted by the bytes of their entries, nothing twice. */
export function formatEpochPolicy(policy: EpochPolicy): Uint8Array {
  const lists = Object.entries(policy).map(([name, value]) => [
    name,
    Array.isArray(value) ? sorted(value as Json[]) : value,
  ])
  return canonicalBytes(Object.fromEntries(lists))
}

/** What governance publishes for a document (`MeasurementRegistry.publishPolicy`). */
export const commitmentOf = (policy: EpochPolicy): PolicyCommitment => ({
  root: merkleRoot('policy', policyEntries(policy)),
  digest: sha256(formatEpochPolicy(policy)),
})

/**
 * The leaves under a policy's root: the rules, then measurements, chips and certificates as the document lists them, so
 * that one of them can be proved to somebody who holds the root alone.
 */
export function policyEntries(policy: EpochPolicy): Digest[] {
  const { measurements, revokedChips, revokedCertificates, ...rules } = policy
  const entry = (code: number, value: Json): Digest => H('OPG/policy/1', code, keccak(canonicalBytes(value)))
  return [
    entry(ENTRY.rules, rules as Json),
    ...measurements.map((each) => entry(ENTRY.measurement, each as Json)),
    ...revokedChips.map((each) => entry(ENTRY.chip, each)),
    ...revokedCertificates.map((each) => entry(ENTRY.certificate, each)),
  ]
}

/** A program by its kind and registers: what `MeasurementRegistry.allow` and `revoke` name. */
export const measurementDigest = ({ kind, values }: EpochPolicy['measurements'][number]): Digest =>
  H('OPG/measurement/1', EVIDENCE_KIND[kind], keccak(canonicalBytes(values)))

/** Whether a document is the one an epoch names: `policy-mismatch`. */
export function verifyCommitment(
  policy: EpochPolicy,
  published: PolicyCommitment,
): Result<undefined, AttestationError> {
  const { root, digest } = commitmentOf(policy)
  if (digest !== published.digest) return fail(mismatch('policy-mismatch', `the document ${published.digest}`, digest))
  return root === published.root ? ok(undefined) : fail(mismatch('policy-mismatch', `the root ${published.root}`, root))
}

function sorted<T extends Json>(list: readonly T[]): T[] {
  const byBytes = new Map(list.map((item) => [bytesToHex(canonicalBytes(item)), item]))
  return [...byBytes].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, item]) => item)
}
