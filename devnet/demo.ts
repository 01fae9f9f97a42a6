/**
 * `npm run demo [-- --json] [--verifiers N]`: a local network, real jobs that are paid, a cheat caught by re-execution, a
 * bill above its offer refused, the verdicts on chain, a claim and its split, a clean stop. Exit code 0 only when every
 * check passed.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  awaitBatchProof,
  codeMeasurement,
  devnetPrivateKey,
  nodePorts,
  type OpgNode,
  readInputFile,
  readModelFolder,
  receiptPath,
  verifyReceipt,
} from '../src/node/index.ts'
import {
  type Address,
  bytesToHex,
  decodeTensors,
  encodeTensors,
  nameOfCode,
  parseReceiptFile,
  REASON,
  type RequestFailure,
  type Result,
  toError,
} from '../src/protocol/index.ts'
import type { RequestAnswer } from '../src/roles/index.ts'
import { BAD_EVIDENCE, checkRefused } from './demo/evidence.ts'
import { type DemoJobInput, notCheckedNames, quorumJob, runJob, sealedJob } from './demo/jobs.ts'
import { createNarrator, short } from './demo/narrator.ts'
import {
  checkClaim,
  checkGasless,
  checkNothingOwed,
  type DemoPayments,
  feesOf,
  paymentsOf,
  readPurse,
  tellPayment,
} from './demo/payment.ts'
import { awaitSettled, leavesHold, reasonsOf, type Settled, verdictsOf } from './demo/settlement.ts'
import { accountOf } from './deploy.ts'
import { MODELS_DIRECTORY } from './models/build.ts'
import { type Devnet, startDevnet } from './supervisor.ts'

interface DemoResult {
  readonly ok: boolean
  readonly jobs: number
  readonly verified: number
  readonly rejected: number
  readonly batch: {
    readonly number: number
    readonly root: string
    readonly transaction: string
    readonly gasUsed: string
  }
  readonly payments: DemoPayments
  readonly timings: {
    readonly firstChunkMs: number
    readonly receiptMs: number
    readonly quorumMs: number
    readonly anchoredMs: number
  }
}

const SETTLE_TIMEOUT_MS = 180_000
const HONEST = 'provider-0'
const CHEAT = 'provider-1'
const OVER_BILLER = 'provider-2'
/** Index of the first provider of `BAD_EVIDENCE`: adversaries come last, in their order. */
const FIRST_BAD_EVIDENCE = 3
/** Two that are accepted, and one of each cheat. */
const JOBS = 4

/** The requester accepts this devnet's simulated evidence, of the program that runs here alone (PCR0). */
const policy = {
  assurances: ['simulated' as const],
  measurements: [{ kind: 'nitro' as const, values: { pcr0: bytesToHex(await codeMeasurement()) } }],
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, verifiers: { type: 'string', default: '4' } },
})
const narrator = createNarrator((text) => process.stderr.write(text), Date.now)

async function demo(): Promise<DemoResult> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-demo-'))
  narrator.chapter('A local network starts: a chain, and every node in a process of its own')
  const devnet = await startDevnet({
    directory,
    providers: 1,
    verifiers: Number(values.verifiers),
    settlers: 1,
    adversaries: ['wrongOutput', 'overBilling', ...BAD_EVIDENCE.map(({ adversary }) => adversary)],
    configure: (name) => (name.startsWith('requester-') ? { evidence: policy } : {}),
    onProgress: (text) => narrator.tell(text),
  })
  const processes = devnet.alive().length
  try {
    for (const node of devnet.nodes) narrator.tell(`${node.name} ${short(node.operator)} runs as process ${node.pid()}`)
    return await withRequester(devnet)
  } finally {
    narrator.chapter('The network stops')
    await devnet.stop()
    narrator.check(`all ${processes} processes ended`, devnet.alive().length === 0)
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function withRequester(devnet: Devnet): Promise<DemoResult> {
  const client = await devnet.requester()
  try {
    narrator.tell(`requester ${short(client.operator)} found ${client.parts.host.connectedPeers().length} peers`)
    return await play(devnet, client)
  } finally {
    await client.stop()
  }
}

async function play(devnet: Devnet, client: OpgNode): Promise<DemoResult> {
  const { requester } = client
  if (requester === undefined) throw new RangeError('the client plays no requester')
  const model = await readModelFolder(join(MODELS_DIRECTORY, 'volatility'))
  const example = join(MODELS_DIRECTORY, 'volatility', 'example.csv')
  const tensors = await readInputFile(example, model.manifest, {})
  if (!tensors.ok) throw tensors.error
  const input: Omit<DemoJobInput, 'only'> = { model: model.id, input: encodeTensors(tensors.value), maxOutputUnits: 1 }

  narrator.chapter(`Four paid jobs: forecast volatility from ${example.split('/').at(-1)}`)
  const purse = await readPurse(devnet, payerOf(devnet))
  const started = Date.now()
  const [open, sealed, cheated, overBilled] = await Promise.all([
    runJob(requester, quorumJob('open  ', { ...input, only: [devnet.node(HONEST).operator] }), narrator),
    runJob(requester, sealedJob('sealed', { ...input, only: [devnet.node(HONEST).operator] }), narrator),
    runJob(requester, quorumJob('cheat ', { ...input, only: [devnet.node(CHEAT).operator] }), narrator),
    runJob(requester, quorumJob('dear  ', { ...input, only: [devnet.node(OVER_BILLER).operator] }), narrator),
  ])

  narrator.chapter('What the requester knows before it uses an answer')
  tellAnswer('open', open)
  tellAnswer('sealed', sealed)
  narrator.check('the open answer is accepted by the committee', open.ok && open.value.verdict?.status === 'accepted')
  narrator.check(
    'the sealed answer is accepted by the committee',
    sealed.ok && sealed.value.verdict?.status === 'accepted',
  )
  narrator.check('both answers are the same', open.ok && sealed.ok && sameOutput(open.value, sealed.value))
  checkCheat(cheated)
  checkOverBilled(overBilled)

  narrator.chapter('What the jobs cost, and who paid for gas')
  const spent = await checkGasless(devnet, client, purse, narrator)

  narrator.chapter('Whose evidence does not hold gets no input')
  for (const [index, bad] of BAD_EVIDENCE.entries()) {
    const { operator } = devnet.node(`provider-${FIRST_BAD_EVIDENCE + index}`)
    await checkRefused(requester, operator, bad, input, narrator)
  }

  narrator.chapter('The verdicts go on chain')
  const batches = await awaitSettled(client.parts, JOBS, SETTLE_TIMEOUT_MS, tellBatch)
  const anchoredMs = Date.now() - started
  for (const settled of batches) {
    narrator.check(`leaves of batch ${settled.anchored.batch.number} are under its root`, leavesHold(settled))
  }
  const jobs = batches.reduce((sum, { anchored }) => sum + anchored.batch.jobs, 0)
  const { verified, rejected } = verdictsOf(batches.flatMap(({ signed }) => signed.leaves))
  narrator.check(
    `${JOBS} jobs anchored (${jobs}), 2 verified (${verified}), 2 rejected (${rejected})`,
    jobs === JOBS && verified === 2 && rejected === 2,
  )
  const reasons = await reasonsOf(client.parts, batches, SETTLE_TIMEOUT_MS)
  narrator.check(
    `the committee rejected one answer and one bill (${reasons.join(', ')})`,
    reasons.toSorted().join() === 'fee-mismatch,output-mismatch',
  )
  if (open.ok) await checkReceipt(devnet, client, open.value)

  narrator.chapter('The provider claims, and its splitter divides')
  const accepted = [open, sealed].flatMap((answer) => (answer.ok ? [answer.value] : []))
  const claim = await checkClaim(devnet, client, { provider: HONEST, fees: feesOf(accepted) }, narrator)
  await checkNothingOwed(devnet, CHEAT, narrator)
  const last = batches.at(-1)?.anchored
  if (last === undefined || !open.ok) throw new RangeError('nothing was anchored')
  const { firstChunkMs, receiptMs, quorumMs } = open.value.timings
  return {
    ok: narrator.failures.length === 0,
    jobs,
    verified,
    rejected,
    batch: {
      number: last.batch.number,
      root: last.batch.checkpointsRoot,
      transaction: last.transaction,
      gasUsed: last.gasUsed.toString(),
    },
    payments: paymentsOf(purse, spent, accepted, claim),
    timings: { firstChunkMs, receiptMs, quorumMs: quorumMs ?? 0, anchoredMs },
  }
}

/** The owner's wallet of the requester's home (R1): it pays, and signs no job. */
const payerOf = ({ seed }: Devnet): Address =>
  accountOf(devnetPrivateKey(seed, 'requester-owner', 0)).address.toLowerCase() as Address

const outputOf = ({ chunks }: RequestAnswer): Buffer => Buffer.concat(chunks.map(({ data }) => data))
const sameOutput = (left: RequestAnswer, right: RequestAnswer): boolean => outputOf(left).equals(outputOf(right))

function tellAnswer(name: string, answer: Result<RequestAnswer, RequestFailure>): void {
  if (!answer.ok) {
    narrator.tell(`${name}: ${answer.error.code}: ${answer.error.message}`)
    return
  }
  const decoded = decodeTensors(outputOf(answer.value))
  const forecast = decoded.ok ? decoded.value.volatility?.data[0] : undefined
  const { timings, notChecked } = answer.value
  narrator.tell(`${name}: volatility ${forecast}, verified after ${timings.verifiedMs} ms`)
  tellPayment(name, answer.value, narrator)
  narrator.tell(`${name}: not checked: ${notCheckedNames(notChecked).join(', ') || 'nothing'}`)
}

function checkCheat(cheated: Result<RequestAnswer, RequestFailure>): void {
  if (cheated.ok) {
    narrator.check('the wrong output is refused', false)
    return
  }
  const { code, verdict } = cheated.error
  const reason = verdict?.reason === undefined ? 'none' : nameOfCode(REASON, verdict.reason)
  narrator.tell(`cheat: ${code}, ${verdict?.votes ?? 0} of ${verdict?.committee ?? 0} votes, reason ${reason}`)
  narrator.check(
    'the wrong output is rejected, by re-execution alone (output-mismatch)',
    code === 'rejected' && reason === 'output-mismatch',
  )
}

/** R24: what is billed above the offer is refused at the first head, before anything is handed on. */
function checkOverBilled(answer: Result<RequestAnswer, RequestFailure>): void {
  if (!answer.ok) narrator.tell(`dear: ${answer.error.code}: ${answer.error.message}`)
  narrator.check(
    'a bill above its offer is refused (head-over-ceiling)',
    !answer.ok && answer.error.cause === 'head-over-ceiling',
  )
}

function tellBatch({ anchored }: Settled): void {
  const { batch, transaction, gasUsed } = anchored
  narrator.tell(
    `batch ${batch.number} anchored: ${batch.leaves} checkpoints, ${batch.jobs} jobs, root ${short(batch.checkpointsRoot)}, transaction ${short(transaction)}, ${gasUsed} gas`,
  )
}

/** The file a requester keeps, checked as anybody can check it: offline, then against the chain. */
async function checkReceipt(devnet: Devnet, client: OpgNode, answer: RequestAnswer): Promise<void> {
  const { attestation, crypto, clock } = nodePorts()
  const saved = parseReceiptFile(await readFile(receiptPath(devnet.requesterHome().receipts, answer.jobId)))
  if (!narrator.check('the saved receipt file reads', saved.ok) || !saved.ok) return
  const proven = await awaitBatchProof(client.parts, crypto, saved.value, AbortSignal.timeout(SETTLE_TIMEOUT_MS))
  if (!narrator.check('the batch proves the receipt', proven !== undefined) || proven === undefined) return
  const { network, rpc } = devnet
  const offline = await verifyReceipt({ attestation, crypto, clock }, proven, { network })
  narrator.check('the receipt file verifies offline', offline.ok)
  const onChain = await verifyReceipt({ attestation, crypto, clock }, proven, { network, rpc: [rpc] })
  narrator.check('the receipt file verifies against the chain', onChain.ok)
  if (!onChain.ok) narrator.tell(onChain.error.message)
}

try {
  const result = await demo()
  const ok = result.ok && narrator.failures.length === 0
  if (values.json) process.stdout.write(`${JSON.stringify({ ...result, ok })}\n`)
  else {
    const { timings } = result
    narrator.chapter(ok ? 'Every check passed.' : `Failed: ${narrator.failures.join('; ')}`)
    narrator.tell(
      `first chunk ${timings.firstChunkMs} ms, receipt ${timings.receiptMs} ms, quorum ${timings.quorumMs} ms, anchored ${timings.anchoredMs} ms`,
    )
  }
  process.exitCode = ok ? 0 : 1
} catch (thrown) {
  const error = toError(thrown)
  const code = 'code' in error ? String(error.code) : 'failed'
  if (values.json) process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message: error.message } })}\n`)
  process.stderr.write(`demo: ${error.message}\n`)
  process.exitCode = 1
}
