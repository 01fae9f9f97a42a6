import {
  type Clock,
  checkHeadAlone,
  checkReceiptAlone,
  type Digest,
  type Domain,
  fail,
  type JobAccount,
  MODE,
  ok,
  type Result,
  type Secp256k1,
  type SignedHead,
  type SignedReceipt,
} from '../../protocol/index.ts'
import type { InferCertificate } from '../../wire/index.ts'
import type { CommitteeLookup } from '../committee.ts'
import type { RoleLogger } from '../logger.ts'
import { checkCertificate } from './certificateCheck.ts'
import { answerInitOf, type KeptJob } from './keptJob.ts'
import type { Payer } from './payer.ts'
import type { InferStream } from './streamPool.ts'

export interface RecallComponents {
  readonly payer: Payer
  readonly crypto: Secp256k1
  readonly committee: CommitteeLookup
  readonly clock: Clock
  readonly logger: RoleLogger
}

/** What a provider shows of a job. */
interface Recalled {
  readonly head: SignedHead | undefined
  readonly receipt: SignedReceipt | undefined
  readonly certificate: InferCertificate | undefined
  /** Of the terminal frame: an outcome or the code of a refusal. */
  readonly end: string
}

const RECALL_TIMEOUT_MS = 30_000

/**
 * Settles a job whose stream was lost, by what its provider has signed (R26, R27). One that is not kept never left, as
 * its provider confirms. What cannot be decided yet stays pending. Returns `over-ceiling` of a job that costs more than a
 * recall alone can show: what is verified when it is asked for again is owed. Rejects with FrameFault or NetError.
 */
export async function recallJob(
  components: RecallComponents,
  domain: Domain,
  stream: InferStream,
  account: JobAccount,
  kept: KeptJob | undefined,
): Promise<'over-ceiling' | undefined> {
  const { payer, clock, logger } = components
  const { jobId } = account
  const shown = await ask(stream, jobId)
  if (payer.ledger.job(jobId) === undefined) return undefined
  const fee = await costOf(components, domain, kept, shown)
  if (!fee.ok) {
    logger.warn({ jobId, code: fee.error }, 'a job stays pending')
    return undefined
  }
  const { ledger } = payer
  const now = clock()
  if (fee.value === 0n) {
    const { entries } = ledger.settle(jobId, 'refunded', now)
    await payer.settle(jobId, undefined, entries)
    return undefined
  }
  const within = ledger.recalled(jobId, fee.value)
  if (!within.ok) {
    logger.warn({ jobId, ...within.error }, 'a job costs more than its recall shows')
    return 'over-ceiling'
  }
  const { entries, voucher } = ledger.settle(jobId, 'paid', now)
  await payer.settle(jobId, fee.value, entries)
  if (voucher !== undefined) await stream.write({ kind: 'voucher', value: voucher })
  return undefined
}

async function ask(stream: InferStream, jobId: Digest): Promise<Recalled> {
  await stream.write({ kind: 'recall', value: { jobId } })
  let shown: Omit<Recalled, 'end'> = { head: undefined, receipt: undefined, certificate: undefined }
  for (;;) {
    const frame = await stream.read({ timeoutMs: RECALL_TIMEOUT_MS })
    switch (frame?.kind) {
      case 'head':
        shown = { ...shown, head: frame.value }
        break
      case 'receipt':
        shown = { ...shown, receipt: frame.value.receipt }
        break
      case 'certificate':
        shown = { ...shown, certificate: frame.value }
        break
      case 'end':
        return { ...shown, end: frame.value.outcome }
      case 'refusal':
        return { ...shown, end: frame.value.code }
      case 'ledger':
        break
      default:
        throw stream.misplaced(`${frame?.kind ?? 'the end of the stream'} in answer to a recall`)
    }
  }
}

/** Wei, 0 where it cost nothing; or why that is not known yet. */
async function costOf(
  { crypto, committee, clock }: RecallComponents,
  domain: Domain,
  kept: KeptJob | undefined,
  { head, receipt, certificate, end }: Recalled,
): Promise<Result<bigint, string>> {
  if (end === 'not-found') return ok(0n)
  if (kept === undefined) return fail('job-not-kept')
  const init = answerInitOf(domain, crypto, kept)
  if (init === undefined) return fail('unknown-terms')
  if (receipt !== undefined) {
    const checked = checkReceiptAlone(init, receipt, kept.job.createdAt, clock())
    if (!checked.ok) return fail(checked.error.code)
    if (kept.job.mode !== MODE.quorum) return ok(receipt.receipt.fee)
    if (certificate === undefined) return end === 'uncertified' ? ok(0n) : fail('uncertified')
    const verdict = await checkCertificate({ crypto, committee }, domain, receipt.receipt, certificate)
    if (!verdict.ok) return fail('bad-certificate')
    return ok(verdict.value.status === 'accepted' ? receipt.receipt.fee : 0n)
  }
  if (end !== 'job-closed') return fail(end)
  if (head === undefined) return ok(0n)
  const checked = checkHeadAlone(init, head)
  return checked.ok ? ok(head.head.fee) : fail(checked.error.code)
}
