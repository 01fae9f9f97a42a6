import {
  ASSURANCE,
  MODE,
  NOT_CHECKED,
  nameOfCode,
  PRIVACY,
  REASON,
  type RequestFailure,
  type Result,
  TIER,
} from '../../src/protocol/index.ts'
import type { InferenceOrder, RequestAnswer, Requester, RequestProgress } from '../../src/roles/index.ts'
import { type Narrator, short } from './narrator.ts'

export interface DemoJob {
  readonly name: string
  readonly order: InferenceOrder
}

export type DemoJobInput = Pick<InferenceOrder, 'model' | 'input' | 'only'> & { readonly maxOutputUnits: number }

const TIMEOUT_MS = 120_000

/** One-shot results wait for the committee (R11). */
export const quorumJob = (name: string, input: DemoJobInput): DemoJob => ({
  name,
  order: {
    ...input,
    parameters: {},
    tier: TIER.replay,
    privacy: PRIVACY.committee,
    mode: MODE.quorum,
    timeoutMs: TIMEOUT_MS,
  },
})

/** Input sealed to the provider's session, answer sealed to the requester (R5). */
export const sealedJob = (name: string, input: DemoJobInput): DemoJob => ({
  name,
  order: { ...quorumJob(name, input).order, tier: TIER['tee+replay'] },
})

export async function runJob(
  requester: Requester,
  job: DemoJob,
  narrator: Narrator,
): Promise<Result<RequestAnswer, RequestFailure>> {
  return await requester.request(job.order, {
    onProgress: (progress) => narrator.tell(`${job.name}: ${lineOf(progress)}`),
  })
}

function lineOf(progress: RequestProgress): string {
  switch (progress.type) {
    case 'offers':
      return `${progress.count} live offers fit`
    case 'offer-chosen': {
      const { signed, ceiling } = progress.offer
      return `offer of ${short(signed.offer.operator)} chosen, at most ${ceiling} wei`
    }
    case 'evidence-checked': {
      const assurance = nameOfCode(ASSURANCE, progress.assurance)
      return `grant and evidence of ${short(progress.provider)} checked, assurance: ${assurance}`
    }
    case 'job-sent':
      return `job ${short(progress.jobId)} sent`
    case 'chunk':
      return `chunk ${progress.index}, ${progress.bytes} bytes`
    case 'head':
      return `head ${progress.index} ${short(progress.head)}, signed by the session key`
    case 'receipt':
      return `receipt checked: chain, heads, usage and fee of ${progress.fee} wei`
    case 'certificate': {
      const { status, votes, committee, reason } = progress.verdict
      const because = reason === undefined ? '' : `, reason: ${nameOfCode(REASON, reason)}`
      return `${votes} of ${committee} votes: ${status}${because}`
    }
    case 'channel':
      return `channel ${short(progress.channel)} holds the ${progress.maxFee} wei it may cost`
    case 'voucher':
      return `voucher: ${progress.authorized} wei authorized on the channel`
    case 'resumed':
      return `stream lost; job ${short(progress.jobId)} asked for again`
    case 'failover':
      return `provider ${short(progress.provider)} dropped: ${progress.code}, ${progress.message}`
  }
}

/** Names of the bits of `notChecked`. */
export const notCheckedNames = (mask: number): string[] =>
  Object.entries(NOT_CHECKED).flatMap(([name, bit]) => ((mask & bit) === 0 ? [] : [name]))
