import { receiptFileOf } from '../node/index.ts'
import { type Domain, fail, formatReceiptFile, ok, type RequestFailure, type Result } from '../protocol/index.ts'
import type { InferenceOrder, Requester } from '../roles/index.ts'
import type { Problem } from './http/problem.ts'
import type { GatewayMetrics } from './metrics.ts'
import { problem } from './problems.ts'

/** Runs a job on the network and gives its receipt file. Problems `no-offer | job-failed | job-timed-out | answer-too-large`. */
export type RunJob = (order: InferenceOrder) => Promise<Result<Uint8Array, Problem>>

/** What one value of the store holds. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

export function createRunJob(
  components: { readonly requester: Pick<Requester, 'request'>; readonly metrics: GatewayMetrics },
  { domain }: { readonly domain: Domain },
): RunJob {
  const { requester, metrics } = components
  const { chainId, verifyingContract, networkId } = domain
  return async (order) => {
    const stop = metrics.jobSeconds.startTimer()
    const result = await requester.request(order)
    stop()
    if (!result.ok) return fail(problemOfFailure(result.error))
    const file = receiptFileOf(result.value, { chainId, stakeManager: verifyingContract, networkId })
    const bytes = formatReceiptFile(file)
    if (bytes.length <= MAX_ANSWER_BYTES) return ok(bytes)
    return fail(problem('answer-too-large', `a receipt file of at most ${MAX_ANSWER_BYTES} bytes`, `${bytes.length}`))
  }
}

/** Nothing of these is charged (R26). */
function problemOfFailure({ code, cause }: RequestFailure): Problem {
  const got = cause === undefined ? code : `${code} (${cause})`
  if (code === 'no-offer') {
    return { ...problem('no-offer', 'a provider that takes the job at its price', got), retryAfter: 10 }
  }
  return problem(code === 'timed-out' ? 'job-timed-out' : 'job-failed', 'a verified answer of the network', got)
}
