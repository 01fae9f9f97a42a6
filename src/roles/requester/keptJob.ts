import {
  type AnswerInit,
  type Digest,
  type Domain,
  digestOf,
  JOB,
  type RankedOffer,
  type Secp256k1,
  type SignedJob,
  type SignedOffer,
  termsDigest,
} from '../../protocol/index.ts'

/** All that is needed to ask for a job again, or to judge what its provider shows of it (R27). Holds the input. */
export interface KeptJob extends SignedJob {
  readonly offer: SignedOffer
  readonly inputSalt: Digest
  readonly input: Uint8Array
  /** RFC 8785 bytes. */
  readonly parameters: Uint8Array
  readonly assurance: number
  readonly notChecked: number
}

/** The offer a kept job was made for; undefined when its terms are not in it. */
export function rankedOfKept(domain: Domain, { job, offer }: KeptJob): RankedOffer | undefined {
  const termsIndex = offer.terms.findIndex((terms) => termsDigest(domain, terms) === job.terms)
  const terms = offer.terms[termsIndex]
  return terms && { signed: offer, terms, termsIndex, termsDigest: job.terms, ceiling: job.maxFee }
}

/** What an answer to a kept job is checked with. */
export function answerInitOf(domain: Domain, crypto: Secp256k1, kept: KeptJob): AnswerInit | undefined {
  const ranked = rankedOfKept(domain, kept)
  if (ranked === undefined) return undefined
  const { sessionKey, evidence } = kept.offer.grant.grant
  const { job, assurance } = kept
  return {
    domain,
    crypto,
    jobId: digestOf(domain, JOB, job),
    job,
    terms: ranked.terms,
    sessionKey,
    evidence,
    assurance,
  }
}
