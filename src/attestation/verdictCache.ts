import { bytesToHex, canonicalBytes, dropOldest, type Json, ok } from '../protocol/index.ts'
import type { EvidenceJudge } from './composite.ts'
import { MAX_CACHED_VERDICTS } from './constants.ts'
import type { EvidenceInput, EvidenceVerdict, VerifierContext } from './evidence.ts'
import { verifyEvidence } from './verifyEvidence.ts'

interface Cached {
  readonly verdict: EvidenceVerdict
  /** Milliseconds since 1970: from the time it was judged at, and before certificates end or it gets too old. */
  readonly from: number
  readonly until: number
}

/**
 * Good verdicts by what they follow from: the bytes, the report data asked for, policy and roots. The least recently used
 * goes first, and one that would not hold any more goes at once. Refusals are judged anew each time. Policies and lists
 * of roots are told apart by their contents, which must not change once they were used.
 */
export function createVerdictCache(capacity = MAX_CACHED_VERDICTS, judge: EvidenceJudge = verifyEvidence) {
  const entries = new Map<string, Cached>()
  const contents = new WeakMap<object, string>()

  const idOf = (value: object, { crypto }: VerifierContext): string => {
    const known = contents.get(value)
    if (known !== undefined) return known
    const id = bytesToHex(crypto.digest('sha256', canonicalBytes(value as Json)))
    contents.set(value, id)
    return id
  }

  const keyOf = (evidence: EvidenceInput, context: VerifierContext): string => {
    const { policy, trustRoots, expectedReportData, boundAt, crypto } = context
    const { kind, document, collateral } = evidence
    const hash = (bytes: Uint8Array | undefined) => bytes && bytesToHex(crypto.digest('sha256', bytes))
    const bound = expectedReportData && bytesToHex(expectedReportData)
    return [
      kind,
      hash(document),
      hash(collateral),
      bound,
      boundAt,
      idOf(policy, context),
      idOf(trustRoots, context),
    ].join()
  }

  const verify: EvidenceJudge = async (evidence, context) => {
    const key = keyOf(evidence, context)
    const known = entries.get(key)
    if (known !== undefined) {
      entries.delete(key)
      if (context.now < known.until) entries.set(key, known)
      if (context.now >= known.from && context.now < known.until) return ok(asOf(known.verdict, context.now))
    }
    const judged = await judge(evidence, context)
    if (!judged.ok) return judged
    const until = endOf(judged.value, context)
    if (context.now < until) entries.set(key, { verdict: judged.value, from: context.now, until })
    dropOldest(entries, capacity)
    return judged
  }

  return {
    /** `verifyEvidence`, with the answer of an earlier call where it still holds. */
    verify,
    get size() {
      return entries.size
    },
  }
}

export type VerdictCache = ReturnType<typeof createVerdictCache>

const endOf = ({ expiresAt, freshness }: EvidenceVerdict, { policy }: VerifierContext): number =>
  freshness.basis === 'none' ? expiresAt : Math.min(expiresAt, freshness.at + policy.maxAgeMs + 1)

const asOf = (verdict: EvidenceVerdict, now: number): EvidenceVerdict => {
  const { freshness } = verdict
  return freshness.basis === 'none' ? verdict : { ...verdict, freshness: { ...freshness, ageMs: now - freshness.at } }
}
