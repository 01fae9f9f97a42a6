import { receiptPath } from '../node/index.ts'
import {
  ASSURANCE,
  decodeTensors,
  MODE,
  nameOfCode,
  PRIVACY,
  type RequestFailure,
  type Result,
  STATUS,
  TIER,
  tensorsToJson,
  toChecksumAddress,
} from '../protocol/index.ts'
import type { RequestAnswer } from '../roles/index.ts'
import type { CommandResult } from './context.ts'
import { CliError, interrupted, requestError } from './errors.ts'
import { type InferView, notCheckedNames, paymentOf, renderInfer, statementOf } from './render/infer.ts'

/** The answer, where all of it came. Throws CliError for a failure, and `truncated`. */
export function wholeAnswer(
  answered: Result<RequestAnswer, RequestFailure>,
  units: number,
  receipts: string,
): RequestAnswer {
  if (!answered.ok) throw answered.error.code === 'cancelled' ? interrupted() : requestError(answered.error)
  if (answered.value.receipt.receipt.status === STATUS.truncated) throw truncated(answered.value, units, receipts)
  return answered.value
}

/** Part of an answer cannot be used as one; its receipt, and what it cost, is kept. */
function truncated({ jobId, receipt: { receipt } }: RequestAnswer, units: number, receipts: string): CliError {
  return new CliError({
    code: 'truncated',
    message: `the answer was cut off: ${receipt.chunks} chunks with ${receipt.outputUnits} units came, for ${receipt.fee} wei; its receipt is ${receiptPath(receipts, jobId)}`,
    expected: `${units} units`,
    got: `${receipt.outputUnits} units`,
  })
}

/** What `opg infer` and `opg job retry` print. */
export function answerResult(
  answer: RequestAnswer,
  { name, receipt: path, batch }: { readonly name: string; readonly receipt: string; readonly batch?: number },
): CommandResult {
  const { receipt } = answer.receipt
  const { job } = answer.job
  const output = new Uint8Array(answer.chunks.reduce((sum, { data }) => sum + data.length, 0))
  let at = 0
  for (const { data } of answer.chunks) {
    output.set(data, at)
    at += data.length
  }
  const tensors = decodeTensors(output)
  if (!tensors.ok) throw tensors.error
  const { verdict, timings } = answer
  const view: InferView = {
    jobId: answer.jobId,
    model: job.model,
    name,
    provider: toChecksumAddress(receipt.provider),
    requester: toChecksumAddress(receipt.requester),
    mode: nameOfCode(MODE, job.mode),
    tier: nameOfCode(TIER, job.tier),
    privacy: nameOfCode(PRIVACY, job.privacy),
    outputs: tensorsToJson(tensors.value),
    assurance: nameOfCode(ASSURANCE, answer.assurance),
    statement: statementOf(answer),
    ...(verdict === undefined
      ? {}
      : { verdict: { status: verdict.status, votes: verdict.votes, committee: verdict.committee } }),
    notChecked: notCheckedNames(answer.notChecked),
    status: nameOfCode(STATUS, receipt.status),
    units: receipt.outputUnits,
    fee: receipt.fee.toString(),
    payment: paymentOf(receipt.channel),
    ...(answer.payment === undefined
      ? {}
      : { charged: `${answer.payment.charged}`, authorized: `${answer.payment.authorized}` }),
    timings: { ...timings },
    receipt: path,
    ...(batch === undefined ? {} : { batch }),
  }
  return { text: renderInfer(view), json: { ...view } as unknown as CommandResult['json'] }
}
