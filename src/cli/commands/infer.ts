import {
  awaitBatchProof,
  nodeSecp256k1,
  type OpgNode,
  readInputFile,
  receiptFileOf,
  receiptPath,
  writeWhole,
} from '../../node/index.ts'
import {
  checkTensors,
  encodeTensors,
  formatReceiptFile,
  MODE,
  type ModeName,
  PRIVACY,
  type PrivacyName,
  TIER,
  type TierName,
  unitsOf,
} from '../../protocol/index.ts'
import type { InferenceOrder, RequestAnswer } from '../../roles/index.ts'
import { answerResult, wholeAnswer } from '../answer.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError, interrupted } from '../errors.ts'
import { findModel } from '../models.ts'
import { renderProgress } from '../render/infer.ts'
import { withClient } from '../session.ts'

export interface InferOptions {
  readonly home?: string
  readonly input: string
  readonly inputName?: string
  readonly mode: Exclude<ModeName, 'audited'>
  readonly tier: TierName
  readonly privacy: PrivacyName
  /** Wei. */
  readonly maxFee?: bigint
  readonly maxUnits?: number
  /** Seconds. */
  readonly timeout: number
  readonly only?: readonly `0x${string}`[]
  readonly receipt?: string
  readonly anchored: boolean
}

/** `opg infer`: one request of a requester that lives as long as it. */
export async function infer(model: string, options: InferOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  context.progress('connecting')
  return await withClient(home, context, {}, async (node) => {
    const { id, manifest } = await findModel(model, node, home.models, context)
    const tensors = await readInputFile(options.input, manifest, inputOptions(options))
    if (!tensors.ok) throw tensors.error
    const dimensions = checkTensors(manifest.inputs, tensors.value, manifest.maxBatch)
    if (!dimensions.ok) throw dimensions.error
    const units = options.maxUnits ?? unitsOf(dimensions.value)
    const order = orderOf(options, id, encodeTensors(tensors.value), units)
    const started = Date.now()
    const answer = await node.requester?.request(order, {
      signal: context.signal,
      onProgress: (progress) => context.progress(renderProgress(progress)),
    })
    if (answer === undefined) throw new RangeError('the client plays no requester')
    const whole = wholeAnswer(answer, units, home.receipts)
    const left = options.timeout * 1_000 - (Date.now() - started)
    const path = receiptPath(home.receipts, whole.jobId)
    const batch = await keepReceipt(node, whole, options, context, left, path)
    const receipt = options.receipt ?? path
    return answerResult(whole, { name: manifest.name, receipt, ...(batch === undefined ? {} : { batch }) })
  })
}

const inputOptions = ({ inputName }: InferOptions): { input?: string } =>
  inputName === undefined ? {} : { input: inputName }

function orderOf(
  options: InferOptions,
  model: InferenceOrder['model'],
  input: Uint8Array,
  maxOutputUnits: number,
): InferenceOrder {
  const { maxFee, only, mode, tier, privacy } = options
  return {
    model,
    input,
    parameters: {},
    tier: TIER[tier],
    privacy: PRIVACY[privacy],
    mode: MODE[mode],
    maxOutputUnits,
    timeoutMs: options.timeout * 1_000,
    ...(maxFee === undefined ? {} : { maxFee }),
    ...(only === undefined ? {} : { only }),
  }
}

/** Copies the receipt where asked, and adds the batch when told to wait for one. Returns the batch's number. */
async function keepReceipt(
  node: OpgNode,
  answer: RequestAnswer,
  options: InferOptions,
  context: CliContext,
  leftMs: number,
  path: string,
): Promise<number | undefined> {
  const { chainId, verifyingContract, networkId } = node.parts.domain
  const plain = receiptFileOf(answer, { chainId, stakeManager: verifyingContract, networkId })
  const copies = options.receipt === undefined ? [path] : [path, options.receipt]
  if (!options.anchored) {
    if (options.receipt !== undefined) await writeWhole(options.receipt, formatReceiptFile(plain))
    return undefined
  }
  context.progress('waiting for the batch')
  const deadline = AbortSignal.any([context.signal, AbortSignal.timeout(Math.max(1, leftMs))])
  const file = await awaitBatchProof(node.parts, nodeSecp256k1(), plain, deadline)
  if (context.signal.aborted) throw interrupted()
  const number = file?.batchProof?.anchored?.batch.number
  if (file === undefined || number === undefined) {
    throw new CliError({
      code: 'not-anchored',
      message: `the answer is verified and kept at ${path}, but no batch holds it yet`,
      hint: 'give --timeout more seconds; --anchored needs --mode quorum',
    })
  }
  for (const copy of copies) await writeWhole(copy, formatReceiptFile(file))
  return number
}
