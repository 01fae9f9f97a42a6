import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import {
  type NetworkFile,
  nodeAttestationCrypto,
  nodeSecp256k1,
  opgOf,
  readHome,
  readNetwork,
  verifyReceipt,
} from '../../node/index.ts'
import {
  ASSURANCE,
  nameOfCode,
  parseReceiptFile,
  REASON,
  RECEIPT_FILE_LIMITS,
  STATUS,
  toChecksumAddress,
  toError,
} from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError } from '../errors.ts'
import { paymentOf } from '../render/infer.ts'
import { type ReceiptView, renderReceipt } from '../render/receipt.ts'

export interface ReceiptVerifyOptions {
  readonly home?: string
  readonly network?: string
  readonly rpc?: readonly string[]
}

/** `opg receipt verify`: everything the file holds, offline; with `--rpc` the chain is asked too. */
export async function receiptVerify(
  path: string,
  options: ReceiptVerifyOptions,
  context: CliContext,
): Promise<CommandResult> {
  const parsed = parseReceiptFile(await readBytes(path))
  if (!parsed.ok) throw parsed.error
  const network = await findNetwork(options, context)
  if (network === undefined && options.rpc !== undefined) {
    throw new CliError({
      code: 'network-missing',
      message: '--rpc needs a network file to know the contracts by',
      hint: 'give --network network.json or --home',
    })
  }
  const verdict = await verifyReceipt(
    { crypto: nodeSecp256k1(), attestation: nodeAttestationCrypto(), clock: Date.now },
    parsed.value,
    { ...(network === undefined ? {} : { network }), ...(options.rpc === undefined ? {} : { rpc: options.rpc }) },
  )
  if (!verdict.ok) throw network === undefined ? withoutNetwork(verdict.error) : verdict.error
  const found = verdict.value
  const { receipt } = parsed.value.receipt
  const view: ReceiptView = {
    jobId: found.jobId,
    receiptDigest: found.receipt,
    network: parsed.value.network.networkId,
    model: receipt.model,
    provider: toChecksumAddress(receipt.provider),
    requester: toChecksumAddress(receipt.requester),
    status: nameOfCode(STATUS, receipt.status),
    fee: opgOf(receipt.fee),
    payment: paymentOf(receipt.channel),
    assurance: nameOfCode(ASSURANCE, found.assurance),
    decision: found.committee?.decision ?? 'not verified by a committee',
    ...(found.committee === undefined ? {} : { votes: found.committee.votes, replayed: found.committee.replayed }),
    ...(found.batch === undefined ? {} : { batch: found.batch.number }),
    ...(found.confidence === undefined ? {} : { confidence: found.confidence }),
    notChecked: [...found.notChecked, ...found.evidenceNotChecked.map((name) => `evidence: ${name}`)],
  }
  if (found.committee?.decision === 'rejected') {
    const reason = nameOfCode(REASON, found.committee.reason ?? 0)
    throw new CliError({
      code: 'receipt-rejected',
      message: `the file proves that verifiers rejected this receipt: ${reason}`,
      expected: 'an accepted receipt',
      got: `rejected by ${found.committee.votes} votes: ${reason}`,
    })
  }
  return {
    text: renderReceipt(view),
    json: { ...view, fee: receipt.fee.toString() } as unknown as CommandResult['json'],
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > RECEIPT_FILE_LIMITS.bytes) throw new RangeError(`it has ${size} bytes`)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new CliError(
      { code: 'file-unreadable', message: `expected a receipt file at ${path}: ${toError(cause).message}` },
      { cause },
    )
  }
}

/** `--network`, else the home's network file where there is a home. */
async function findNetwork(options: ReceiptVerifyOptions, context: CliContext): Promise<NetworkFile | undefined> {
  if (options.network !== undefined) return await readNetwork(options.network)
  const home = locateHome(options.home, context)
  if (options.home === undefined && !existsSync(home.configFile)) return undefined
  return (await readHome(home)).network
}

/** Evidence of a devnet holds under its own authority alone, which its network file names. */
function withoutNetwork(error: Error & { readonly code: string }): Error {
  if (error.code !== 'evidence-refused') return error
  const hint = 'for a devnet give --network network.json, which names its trust roots'
  return new CliError({ code: error.code, message: error.message, hint }, { cause: error })
}
