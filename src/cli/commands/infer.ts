import {
  awaitBatchProof,
  gatherOffers,
  homeAt,
  isNodeError,
  nodeSecp256k1,
  type OpgNode,
  readCatalogue,
  readInputFile,
  receiptFileOf,
  receiptPath,
  resolveModel,
  writeWhole,
} from '../../node/index.ts'
import {
  ASSURANCE,
  checkTensors,
  decodeTensors,
  encodeTensors,
  formatReceiptFile,
  type Manifest,
  MODE,
  type ModeName,
  nameOfCode,
  PRIVACY,
  type PrivacyName,
  STATUS,
  TIER,
  type TierName,
  tensorsToJson,
  toChecksumAddress,
  unitsOf,
} from '../../protocol/index.ts'
import type { InferenceOrder, RequestAnswer } from '../../roles/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError, interrupted, requestError } from '../errors.ts'
import {
  type InferView,
  notCheckedNames,
  paymentOf,
  renderInfer,
  renderProgress,
  statementOf,
} from '../render/infer.ts'
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

const OFFERS_WAIT_MS = 10_000
const OFFERS_QUIET_MS = 300
const MORE_OFFERS_QUIET_MS = 2_000

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
    if (!answer.ok) throw answer.error.code === 'cancelled' ? interrupted() : requestError(answer.error)
    if (answer.value.receipt.receipt.status === STATUS.truncated) throw truncated(answer.value, units, home.receipts)
    const left = options.timeout * 1_000 - (Date.now() - started)
    const batch = await keepReceipt(
      node,
      answer.value,
      options,
      context,
      left,
      receiptPath(home.receipts, answer.value.jobId),
    )
    return resultOf(answer.value, manifest, options, batch, receiptPath(home.receipts, answer.value.jobId))
  })
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

interface KnownModel {
  readonly id: `0x${string}`
  readonly manifest: Manifest
}

/** A model on offer whose manifest lies in the home: the input is fitted to it before anything leaves. */
async function findModel(text: string, node: OpgNode, models: string, context: CliContext): Promise<KnownModel> {
  const catalogue = (await readCatalogue(homeAt(models).directory)).map(({ id, manifest }) => ({
    id,
    manifest,
    name: manifest.name,
  }))
  const names = new Map(catalogue.map(({ id, name }) => [id, name]))
  const resolve = (): { readonly id: `0x${string}` } => {
    const offered = new Set(node.parts.offers.live().flatMap(({ terms }) => terms.map(({ model }) => model)))
    const models = [...offered].map((id) => ({ id, ...named(names.get(id)) }))
    return resolveModel(text, models)
  }
  context.progress('gathering offers')
  const found = await untilKnown(node, context, resolve)
  const known = catalogue.find(({ id }) => id === found.id)
  if (known !== undefined) return known
  throw new CliError({
    code: 'manifest-unknown',
    message: `expected the manifest of ${found.id} in ${models}, there is none`,
    hint: `put the model's manifest.json into a folder below ${models}`,
  })
}

const named = (name: string | undefined): { readonly name?: string } => (name === undefined ? {} : { name })

/** The first peers may know other models only: an unknown one is looked for once more, and longer. */
async function untilKnown<T>(node: OpgNode, { signal }: CliContext, resolve: () => T): Promise<T> {
  await gatherOffers(node, { waitMs: OFFERS_WAIT_MS, quietMs: OFFERS_QUIET_MS, signal })
  if (signal.aborted) throw interrupted()
  try {
    return resolve()
  } catch (thrown) {
    if (!isNodeError(thrown, 'model-unknown')) throw thrown
  }
  await gatherOffers(node, { waitMs: OFFERS_WAIT_MS, quietMs: MORE_OFFERS_QUIET_MS, signal })
  if (signal.aborted) throw interrupted()
  return resolve()
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

function resultOf(
  answer: RequestAnswer,
  manifest: Manifest,
  options: InferOptions,
  batch: number | undefined,
  path: string,
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
    name: manifest.name,
    provider: toChecksumAddress(receipt.provider),
    requester: toChecksumAddress(receipt.requester),
    mode: options.mode,
    tier: options.tier,
    privacy: options.privacy,
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
    receipt: options.receipt ?? path,
    ...(batch === undefined ? {} : { batch }),
  }
  return { text: renderInfer(view), json: { ...view } as unknown as CommandResult['json'] }
}
