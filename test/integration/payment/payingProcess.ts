import { join } from 'node:path'
import { createSealing } from '../../../src/attestation/index.ts'
import { onnxEngine } from '../../../src/inference/index.ts'
import { readModelFolder } from '../../../src/node/modelFolder.ts'
import { createRequesterJournal } from '../../../src/node/requesterJournal.ts'
import {
  formatPayment,
  openSpendingBook,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  type X402Context,
} from '../../../src/payment/index.ts'
import {
  channelIdOf,
  type Digest,
  encodeTensors,
  isDigest,
  MODE,
  PRIVACY,
  parametersOf,
  TIER,
} from '../../../src/protocol/index.ts'
import { openPayer } from '../../../src/roles/requester/payer.ts'
import { createRequester, type RequestAnswer, type RequestOptions } from '../../../src/roles/requester/requester.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { decode } from '../../../src/wire/index.ts'
import { noCommittee, startFixedPeer, startFixedProvider, trustingGrants } from '../../support/fixedChain.ts'
import { CHANNEL_DOMAIN, configOf, DEPOSIT, payeeOf, TOKEN } from '../../support/paidProvider.ts'
import { quiet, random } from '../../support/peers.ts'
import { SimulatedChannels } from '../../support/simulatedChannels.ts'
import { crypto, DOMAIN, signerOf } from '../../support/votes.ts'

export interface PayingProcessInit {
  readonly role: 'provider' | 'requester'
  /** Of the store and the files. */
  readonly directory: string
  /** A folder with its manifest. */
  readonly model: string
}

export interface BookedJob {
  readonly jobId: string
  readonly state: string
  readonly outcome: string
  readonly fee: string
  readonly slice: string
}

/** One side's tables, amounts as decimals. */
export interface Books {
  readonly charged: string
  readonly authorized: string
  readonly open: readonly BookedJob[]
  readonly settled: readonly BookedJob[]
}

export type PayingCommand =
  | { readonly type: 'connect'; readonly address: string }
  | { readonly type: 'request'; readonly rows: number }
  | { readonly type: 'retry'; readonly jobId: string }
  | { readonly type: 'recall' }
  | { readonly type: 'books' }
  | { readonly type: 'receipt'; readonly jobId: string }

export type PayingNote =
  | { readonly type: 'ready'; readonly address: string }
  | { readonly type: 'progress'; readonly name: string; readonly jobId: string }
  | { readonly type: 'done'; readonly value: unknown }
  | { readonly type: 'failed'; readonly message: string }

export const HANG_MS = 60_000
const provider = signerOf('provider')
const requester = signerOf('requester')
const CONTEXT: X402Context = {
  network: 'eip155:31337',
  domain: CHANNEL_DOMAIN,
  permit2: `0x${'51'.repeat(20)}`,
  permit2Collector: `0x${'50'.repeat(20)}`,
}
const CONFIG = configOf(provider, { payerAuthorizer: requester.address, salt: DOMAIN.networkId })
const CHANNEL = channelIdOf(CHANNEL_DOMAIN, CONFIG)
const BUDGET = { perJob: DEPOSIT, perDay: DEPOSIT, perKey: DEPOSIT, maxDeposit: DEPOSIT, firstDeposit: DEPOSIT }
const POLICY = { budgets: new Map([[TOKEN, BUDGET]]), hosts: undefined }

/** A chain that stands still: the channel holds its deposit in both processes. */
function fixedChannels(): SimulatedChannels {
  const channels = new SimulatedChannels(CHANNEL_DOMAIN)
  channels.set(CHANNEL, { balance: DEPOSIT, safeBalance: DEPOSIT })
  return channels
}

const tell = (note: PayingNote): void => void process.send?.(note)

type Tables = readonly [
  'payeeChannels' | 'payerChannels',
  'payeeJobs' | 'payerJobs',
  'payeeSettlements' | 'payerSettlements',
]

async function booksOf(store: Store, [channels, jobs, settlements]: Tables): Promise<Books> {
  const bytes = await store.get(channels, [CHANNEL])
  const account = bytes && decode('ChannelAccount', bytes)
  const { charged = 0n, voucher } = account?.ok === true ? account.value : {}
  const [open, settled] = await Promise.all([jobsIn(store, jobs), jobsIn(store, settlements)])
  return { charged: `${charged}`, authorized: `${voucher?.amount ?? 0n}`, open, settled }
}

async function jobsIn(store: Store, table: Tables[1] | Tables[2]): Promise<BookedJob[]> {
  const booked: BookedJob[] = []
  for await (const { value } of store.iterate(table)) {
    const read = decode('JobAccount', value)
    if (!read.ok) throw read.error
    const { jobId, state, outcome, fee, slice } = read.value
    booked.push({ jobId, state, outcome: outcome ?? 'none', fee: `${fee}`, slice: `${slice}` })
  }
  return booked
}

async function startProvider({ directory, model }: PayingProcessInit) {
  const engine = onnxEngine({ workers: 1 })({ clock: Date.now })
  await engine.start()
  const local = await readModelFolder(model)
  await engine.load(local)
  const terms = { payee: payeeOf(provider), float: 0n, minDeposit: 10n, tokenName: 'OPG', tokenVersion: '1' }
  const payments = { channels: fixedChannels(), context: CONTEXT, terms }
  const started = await startFixedProvider({ engine, models: [local], storeAt: directory, perRequest: 0n, payments })
  tell({ type: 'ready', address: started.host.addresses()[0] ?? '' })
  return async (command: PayingCommand): Promise<unknown> => {
    if (command.type === 'books')
      return await booksOf(started.store, ['payeeChannels', 'payeeJobs', 'payeeSettlements'])
    if (command.type !== 'receipt') throw new RangeError(`a provider knows no ${command.type}`)
    const bytes = await started.store.get('records', [digestIn(command.jobId)])
    const record = bytes && decode('JobRecord', bytes)
    return record?.ok === true ? record.value.receiptSignature : null
  }
}

function digestIn(text: string): Digest {
  if (!isDigest(text)) throw new RangeError(`expected a digest, got ${text}`)
  return text
}

async function openMoney(directory: string) {
  const store = await openStore(join(directory, 'store'), { clock: Date.now, logger: quiet })
  const channels = fixedChannels()
  const payer = await openPayer(
    {
      ...{ store, signer: requester, crypto, clock: Date.now, logger: quiet },
      budgets: await openSpendingBook(store, POLICY),
      chain: { splitterOf: async () => CONFIG.receiver, fundsOf: async (channel) => channels.fundsOf(channel) },
      wallet: { address: CONFIG.payer, authorize: () => Promise.reject(new RangeError('nothing is to be deposited')) },
      frames: {
        payment: async (payment) => {
          const requirements = {
            ...{ asset: TOKEN, amount: 1n, payTo: CONFIG.receiver, receiverAuthorizer: CONFIG.receiverAuthorizer },
            ...{ withdrawDelay: CONFIG.withdrawDelay, maxTimeoutSeconds: 60, name: 'OPG', version: '1' },
          }
          return formatPayment(payment, { accepted: requirementsJson(requirements, CONTEXT), context: CONTEXT })
        },
        required: (bytes) => parsePaymentRequired(bytes, CONTEXT),
        settlement: (bytes) => parseSettlement(bytes, CONTEXT),
      },
    },
    {
      domain: CHANNEL_DOMAIN,
      policy: POLICY,
      token: TOKEN,
      salt: DOMAIN.networkId,
      withdrawDelay: CONFIG.withdrawDelay,
    },
  )
  return { store, payer }
}

async function startRequester({ directory, model }: PayingProcessInit) {
  const { store, payer } = await openMoney(directory)
  const { id } = await readModelFolder(model)
  const peer = await startFixedPeer({ role: 'requester' })
  const { chainId, verifyingContract: stakeManager, networkId } = DOMAIN
  const role = createRequester(
    {
      ...peer,
      ...{ grants: trustingGrants, committee: noCommittee, payer, signer: requester, crypto, random },
      ...{ clock: Date.now, logger: quiet },
      sealing: createSealing({ subtle: globalThis.crypto.subtle, random }, { networkId }),
      journal: {
        ...createRequesterJournal(directory, { chainId, stakeManager, networkId }),
        saveAnswer: async () => {},
      },
    },
    { domain: DOMAIN, parameters: parametersOf('devnet') },
  )
  const options: RequestOptions = {
    onProgress: (progress) => {
      const jobId = 'jobId' in progress ? progress.jobId : ''
      tell({ type: 'progress', name: progress.type, jobId })
    },
  }
  tell({ type: 'ready', address: '' })
  return async (command: PayingCommand): Promise<unknown> => {
    switch (command.type) {
      case 'connect':
        await peer.host.connect(command.address, { signal: AbortSignal.timeout(HANG_MS) })
        while (peer.offers.live().every(({ addresses }) => !addresses.includes(command.address))) await pause()
        return null
      case 'request': {
        const data = new Float32Array(3 * command.rows).fill(1)
        const input = encodeTensors({ x: { dtype: 'F32', shape: [command.rows, 3], data } })
        const asked = { tier: TIER.replay, privacy: PRIVACY.open, mode: MODE.local, timeoutMs: HANG_MS }
        const order = { model: id, input, parameters: {}, maxOutputUnits: command.rows, ...asked }
        return outcomeOf(await role.request(order, options))
      }
      case 'retry':
        return outcomeOf(await role.retry(digestIn(command.jobId), options))
      case 'recall':
        await role.recall(provider.address)
        return null
      case 'books':
        return await booksOf(store, ['payerChannels', 'payerJobs', 'payerSettlements'])
      case 'receipt':
        throw new RangeError('receipts are asked of the provider')
    }
  }
}

/** How a request ended, as a test may compare it. */
export interface Ended {
  readonly ok: boolean
  readonly code: string
  readonly message: string
  readonly receipt: string
  readonly chunks: number
}

function outcomeOf(result: Awaited<ReturnType<ReturnType<typeof createRequester>['request']>>): Ended {
  if (!result.ok) {
    const { code, cause, message } = result.error
    return { ok: false, code: cause ?? code, message, receipt: '', chunks: 0 }
  }
  const { receipt, chunks }: RequestAnswer = result.value
  return { ok: true, code: '', message: '', receipt: receipt.signature, chunks: chunks.length }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

async function main(init: PayingProcessInit): Promise<void> {
  const handle = init.role === 'provider' ? await startProvider(init) : await startRequester(init)
  process.on('message', (command: PayingCommand) => {
    handle(command).then(
      (value) => tell({ type: 'done', value }),
      (thrown: unknown) => tell({ type: 'failed', message: String(thrown) }),
    )
  })
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
}

if (import.meta.main) await main(JSON.parse(process.argv[2] as string) as PayingProcessInit)
