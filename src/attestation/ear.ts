import { SignJWT } from 'jose'
import { z } from 'zod'
import { ok, type Result } from '../protocol/index.ts'
import type { PeerVerdict } from './composite.ts'
import { MAX_EVIDENCE_AGE_MS } from './constants.ts'
import type { AttestationCrypto } from './crypto.ts'
import { type AttestationError, refuse } from './errors.ts'
import type { EvidenceVerdict } from './evidence.ts'
import type { EvidencePolicy } from './policy.ts'
import { readTimes } from './token/claims.ts'
import { parseTokenDocument, verifyJws } from './token/jws.ts'
import { EAR_STATUSES, statusOf, TRUST_CLAIMS, tierOf, trustVector } from './trustVector.ts'
import type { WebKey } from './webcrypto.ts'

/** draft-ietf-rats-ear, 3. */
const EAR_PROFILE = 'tag:github.com,2023:veraison/ear'

const vectorSchema = z.partialRecord(z.enum(TRUST_CLAIMS), z.int().min(-128).max(127))
const checksSchema = z.array(z.string().min(1).max(64)).max(64)
const appraisalSchema = z.looseObject({
  'ear.status': z.enum(EAR_STATUSES),
  'ear.trustworthiness-vector': vectorSchema,
  'ear.appraisal-policy-id': z.string().min(1).max(512),
  'opg.kind': z.string().min(1).max(64),
  'opg.assurance': z.string().min(1).max(64),
  'opg.root': z.string().min(1).max(256),
  'opg.tcb-status': z.string().max(64).optional(),
  'opg.report-data': z.string().max(256),
  'opg.checked': checksSchema,
  'opg.not-checked': checksSchema,
})
const earSchema = z.looseObject({
  eat_profile: z.literal(EAR_PROFILE),
  iat: z.int().nonnegative(),
  exp: z.int().nonnegative(),
  'ear.verifier-id': z.strictObject({ developer: z.string().min(1).max(256), build: z.string().min(1).max(256) }),
  submods: z.record(z.string().min(1).max(64), appraisalSchema),
  'opg.assurance': z.string().min(1).max(64),
  'opg.checked': checksSchema,
  'opg.not-checked': checksSchema,
})

/** What we found about one piece of evidence, in the terms of AR4SI, and in ours beside them. */
export type EarAppraisal = z.infer<typeof appraisalSchema>
/** Claims of an EAT Attestation Result (draft-ietf-rats-ear) with extensions named `opg.*`; times in seconds. */
export type EarClaims = z.infer<typeof earSchema>

export interface EarInit {
  readonly verifier: { readonly developer: string; readonly build: string }
  /** A URI of the policy that the verdict was given under. */
  readonly policyId: string
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

/**
 * The result for a piece of evidence (submodule `evidence`) or for a peer (`cpu`, and `gpu` where there is one). It
 * holds for an hour, or for as long as the verdict, whichever ends first. Nothing that was not checked is affirmed.
 */
export function earClaims(verdict: EvidenceVerdict | PeerVerdict, init: EarInit): EarClaims {
  const parts: readonly (readonly [string, EvidenceVerdict])[] =
    'cpu' in verdict
      ? [['cpu', verdict.cpu], ...(verdict.gpu === undefined ? [] : [['gpu', verdict.gpu] as const])]
      : [['evidence', verdict]]
  return {
    eat_profile: EAR_PROFILE,
    iat: Math.floor(init.issuedAt / 1000),
    exp: Math.floor(Math.min(init.issuedAt + MAX_EVIDENCE_AGE_MS, verdict.expiresAt) / 1000),
    'ear.verifier-id': { ...init.verifier },
    submods: Object.fromEntries(parts.map(([name, part]) => [name, appraisalOf(part, init.policyId)])),
    'opg.assurance': verdict.assurance,
    'opg.checked': [...verdict.checked],
    'opg.not-checked': [...verdict.notChecked],
  }
}

function appraisalOf(verdict: EvidenceVerdict, policyId: string): EarAppraisal {
  const vector = trustVector(verdict)
  return {
    'ear.status': statusOf(vector),
    'ear.trustworthiness-vector': vector,
    'ear.appraisal-policy-id': policyId,
    'opg.kind': verdict.kind,
    'opg.assurance': verdict.assurance,
    'opg.root': verdict.root.name,
    ...(verdict.tcbStatus === undefined ? {} : { 'opg.tcb-status': verdict.tcbStatus }),
    'opg.report-data': verdict.reportData,
    'opg.checked': [...verdict.checked],
    'opg.not-checked': [...verdict.notChecked],
  }
}

/** The claims as a JWT under ES256, by a P-256 key for signatures. */
export const signEar = async (claims: EarClaims, privateKey: WebKey, kid: string): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid }).sign(privateKey)

export interface EarContext {
  /** Milliseconds since 1970. */
  readonly now: number
  /** SubjectPublicKeyInfo of the verifier whose word is taken. */
  readonly publicKey: Uint8Array
  readonly policy: Pick<EvidencePolicy, 'maxAheadMs'>
  readonly crypto: AttestationCrypto
}

/**
 * A result signed by a verifier we know: token codes, and `malformed-token` where it is no result of this profile or its
 * status says better than its own vector.
 */
export async function verifyEar(
  token: Uint8Array,
  { now, publicKey, policy, crypto }: EarContext,
): Promise<Result<EarClaims, AttestationError>> {
  const parsed = parseTokenDocument(token, { algorithm: 'ES256' })
  if (!parsed.ok) return parsed
  const claims = earSchema.safeParse(parsed.value.payload)
  if (!claims.success) {
    const [issue] = claims.error.issues
    return refuse('malformed-token', issue?.message ?? 'an attestation result', `at ${issue?.path.join('.') ?? ''}`)
  }
  const times = readTimes(parsed.value.payload, { now, policy })
  if (!times.ok) return times
  for (const [name, appraisal] of Object.entries(claims.data.submods)) {
    const [status, worst] = [appraisal['ear.status'], tierOf(appraisal['ear.trustworthiness-vector'])]
    if (EAR_STATUSES.indexOf(status) < EAR_STATUSES.indexOf(worst) && status !== 'none')
      return refuse('malformed-token', `${worst} or worse for ${name}, as its vector says`, status)
  }
  const signed = await verifyJws(parsed.value, publicKey, crypto)
  return signed.ok ? ok(claims.data) : signed
}
