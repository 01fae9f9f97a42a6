import { type Address, MODE, PRIVACY, TIER } from '../../src/protocol/index.ts'
import type { InferenceOrder, Requester, RequestProgress } from '../../src/roles/index.ts'
import type { DemoJobInput } from './jobs.ts'
import type { Narrator } from './narrator.ts'

/** A provider of `devnet/adversaries` and the code its evidence must be refused with. */
export interface BadEvidence {
  readonly adversary: string
  readonly what: string
  readonly code: string
}

export const BAD_EVIDENCE: readonly BadEvidence[] = [
  { adversary: 'wrongMeasurement', what: 'runs a program nobody allows', code: 'measurement-refused' },
  { adversary: 'expiredEvidence', what: 'shows evidence two hours old', code: 'evidence-too-old' },
  { adversary: 'borrowedEvidence', what: 'shows the evidence of another peer', code: 'report-data-mismatch' },
]

const TIMEOUT_MS = 60_000

/** R5: a job for one such provider alone; the input must never leave. */
export async function checkRefused(
  requester: Requester,
  provider: Address,
  bad: BadEvidence,
  input: DemoJobInput,
  narrator: Narrator,
): Promise<void> {
  const seen: RequestProgress[] = []
  const order: InferenceOrder = {
    ...input,
    only: [provider],
    parameters: {},
    tier: TIER['tee+replay'],
    privacy: PRIVACY.committee,
    mode: MODE.local,
    timeoutMs: TIMEOUT_MS,
  }
  const answer = await requester.request(order, { onProgress: (progress) => void seen.push(progress) })
  const refusal = seen.find((progress) => progress.type === 'failover')
  const sent = seen.some((progress) => progress.type === 'job-sent')
  if (refusal?.type === 'failover') narrator.tell(`${bad.adversary}: ${refusal.message}`)
  narrator.check(
    `a provider that ${bad.what} is refused (${bad.code}), before the input leaves`,
    !answer.ok && !sent && refusal?.type === 'failover' && refusal.code === bad.code,
  )
}
