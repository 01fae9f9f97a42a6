import {
  type AttestationCrypto,
  type Check,
  createVerdictCache,
  type EvidencePolicy,
  evidenceDigest,
  type TrustRoot,
  type VerdictCache,
  verifyPeerEvidence,
} from '../attestation/index.ts'
import type { BlockRef } from '../chain/index.ts'
import {
  ASSURANCE,
  bindingOf,
  type Digest,
  type Domain,
  digestOf,
  dropOldest,
  fail,
  NOT_CHECKED,
  ok,
  type Parameters,
  type Result,
  SESSION_GRANT,
  type Secp256k1,
  type SignedGrant,
} from '../protocol/index.ts'
import type { CommitteeLookup } from './committee.ts'

/** What a grant is worth (R4 to R6), found by this peer itself. */
export interface GrantVerdict {
  readonly digest: Digest
  /** The grant with the evidence that was checked. */
  readonly signed: SignedGrant
  /** Code of `ASSURANCE`. */
  readonly assurance: number
  /** Bits of `NOT_CHECKED`. */
  readonly notChecked: number
}

export interface GrantProblem {
  readonly code: string
  readonly message: string
}

export interface GrantChecker {
  /** R4 to R6, fail-closed: cheap checks first, evidence last. Verdicts are cached by the grant's digest. */
  check(signed: SignedGrant, now: number): Promise<Result<GrantVerdict, GrantProblem>>
}

export interface GrantCheckerComponents {
  readonly chain: { blockByNumber(number: number): Promise<BlockRef | undefined> }
  readonly crypto: Pick<Secp256k1, 'recover'>
  /** For signatures of evidence. */
  readonly attestation: AttestationCrypto
  readonly committee: Pick<CommitteeLookup, 'seatEpochAt'>
}

/** What evidence is judged by: the policy of the epoch a grant names (R14). */
export interface GrantPolicies {
  /** The same object while the policy is the same. A problem: it cannot be told now, and nothing is accepted. */
  at(epoch: number): Promise<Result<EvidencePolicy, GrantProblem>>
}

/** One policy for every epoch: a node's own. */
export const onePolicy = (policy: EvidencePolicy): GrantPolicies => ({ at: async () => ok(policy) })

export interface GrantCheckerInit {
  readonly domain: Domain
  readonly parameters: Parameters
  readonly trustRoots: readonly TrustRoot[]
  readonly policies: GrantPolicies
}

interface Known {
  readonly verdict: GrantVerdict
  readonly policy: EvidencePolicy
}

const MAX_CACHED_VERDICTS = 1_024

export function createGrantChecker(components: GrantCheckerComponents, init: GrantCheckerInit): GrantChecker {
  const verdicts = new Map<Digest, Known>()
  const cache = createVerdictCache()
  const digests = new WeakMap<SignedGrant['grant'], Digest>()
  const digestOnce = (grant: SignedGrant['grant']): Digest => {
    const digest = digests.get(grant) ?? digestOf(init.domain, SESSION_GRANT, grant)
    digests.set(grant, digest)
    return digest
  }
  /** Requests that start together wait for one appraisal of the same evidence. */
  const appraisals = new Map<Digest, Promise<Result<GrantVerdict, GrantProblem>>>()

  const appraiseOnce = async (
    signed: SignedGrant,
    digest: Digest,
    policy: EvidencePolicy,
  ): Promise<Result<GrantVerdict, GrantProblem>> => {
    const verdict = await appraise(components, init, { signed, digest, policy, cache })
    if (!verdict.ok) return verdict
    verdicts.delete(digest)
    verdicts.set(digest, { verdict: verdict.value, policy })
    dropOldest(verdicts, MAX_CACHED_VERDICTS)
    return verdict
  }

  return {
    check: async (signed, now) => {
      const digest = digestOnce(signed.grant)
      const timely = checkWindow(signed, now, init.parameters) ?? checkEpoch(signed, components.committee)
      if (timely !== undefined) return fail(timely)
      const known = verdicts.get(digest)
      const isSigned =
        known?.verdict.signed.signature === signed.signature ||
        components.crypto.recover(digest, signed.signature) === signed.grant.operator
      if (!isSigned) {
        return fail({ code: 'bad-grant', message: `expected the signature of the operator ${signed.grant.operator}` })
      }
      const policy = await init.policies.at(signed.grant.policyEpoch)
      if (!policy.ok) return policy
      if (known?.policy === policy.value) return ok(known.verdict)
      const whole = signed.evidence === undefined ? (known?.verdict.signed ?? signed) : signed
      if (whole.evidence === undefined) {
        return fail({ code: 'evidence-missing', message: 'expected the evidence the grant names' })
      }
      const running = appraisals.get(digest)
      if (running !== undefined) {
        const verdict = await running
        if (verdict.ok) return verdict
      }
      const appraisal = appraiseOnce(whole, digest, policy.value).finally(() => appraisals.delete(digest))
      appraisals.set(digest, appraisal)
      return appraisal
    },
  }
}

function checkWindow({ grant }: SignedGrant, now: number, parameters: Parameters): GrantProblem | undefined {
  if (grant.notAfter <= grant.notBefore || grant.notAfter - grant.notBefore > parameters.grantLife) {
    return { code: 'bad-grant', message: `expected a grant of at most ${parameters.grantLife} ms` }
  }
  if (grant.notBefore > now + parameters.futureTolerance) {
    return { code: 'grant-not-yet-valid', message: `expected a grant valid at ${now}, got one from ${grant.notBefore}` }
  }
  if (grant.notAfter <= now) {
    return { code: 'grant-expired', message: `expected a grant valid at ${now}, got one until ${grant.notAfter}` }
  }
  return undefined
}

/** R4, R14: the policy a grant names is the one in force when it begins, so a provider cannot stay under an older one. */
function checkEpoch({ grant }: SignedGrant, committee: GrantCheckerComponents['committee']): GrantProblem | undefined {
  const epoch = committee.seatEpochAt(grant.notBefore)
  if (grant.policyEpoch === epoch) return undefined
  return { code: 'stale-policy', message: `expected the policy of epoch ${epoch}, got that of ${grant.policyEpoch}` }
}

interface Appraisal {
  readonly signed: SignedGrant
  readonly digest: Digest
  readonly policy: EvidencePolicy
  readonly cache: VerdictCache
}

async function appraise(
  components: GrantCheckerComponents,
  init: GrantCheckerInit,
  { signed, digest, policy, cache }: Appraisal,
): Promise<Result<GrantVerdict, GrantProblem>> {
  const { grant, evidence } = signed
  if (evidence === undefined)
    return fail({ code: 'evidence-missing', message: 'expected the evidence the grant names' })
  if (evidenceDigest(evidence.kind, evidence.document) !== grant.evidence) {
    return fail({ code: 'evidence-digest', message: `expected evidence with digest ${grant.evidence}` })
  }
  const block = await components.chain.blockByNumber(evidence.blockNumber)
  if (block === undefined || block.hash !== evidence.blockHash) {
    return fail({ code: 'evidence-block', message: `expected a block of this chain at ${evidence.blockNumber}` })
  }
  const age = grant.notBefore - block.timestamp
  if (age > init.parameters.evidenceAge || age < -init.parameters.futureTolerance) {
    return fail({
      code: 'evidence-block-age',
      message: `expected a block at most ${init.parameters.evidenceAge} ms older than the grant, got ${age}`,
    })
  }
  const context = {
    now: grant.notBefore,
    boundAt: block.timestamp,
    trustRoots: init.trustRoots,
    binding: bindingOf(init.domain, grant, evidence),
    policy,
    crypto: components.attestation,
  }
  const verdict = await verifyPeerEvidence(evidence, context, cache.verify)
  if (!verdict.ok) return fail({ code: verdict.error.code, message: verdict.error.message })
  return ok({
    digest,
    signed,
    assurance: ASSURANCE[verdict.value.assurance],
    notChecked: notCheckedBits(verdict.value.notChecked),
  })
}

/** Checks whose absence a result must admit, by the bit that says so. */
const BIT_OF: Readonly<Partial<Record<Check, number>>> = {
  measurements: NOT_CHECKED.measurements,
  'certificate-revocation': NOT_CHECKED['evidence-collateral'],
  tcb: NOT_CHECKED['evidence-collateral'],
  'qe-identity': NOT_CHECKED['evidence-collateral'],
  'tdx-module': NOT_CHECKED['evidence-collateral'],
  rim: NOT_CHECKED['evidence-collateral'],
  ocsp: NOT_CHECKED['evidence-collateral'],
  'gpu-cpu-colocation': NOT_CHECKED['gpu-cpu-colocation'],
}

const notCheckedBits = (checks: readonly Check[]): number =>
  checks.reduce((bits, check) => bits | (BIT_OF[check] ?? 0), 0)
