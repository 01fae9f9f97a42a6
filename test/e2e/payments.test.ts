import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Devnet, startDevnet } from '../../devnet/supervisor.ts'
import { toChecksumAddress } from '../../src/protocol/index.ts'
import { configure } from '../support/gatewayProcess.ts'
import { codeOf, firstLine, type OpgRun, opg, type Results, resultOf, startOpg } from '../support/opg.ts'

const CLASSIFIER = fileURLToPath(new URL('../../devnet/models/classifier', import.meta.url))
const EXAMPLE = join(CLASSIFIER, 'example.json')
const OPG = 10n ** 18n

let directory: string
let devnet: Devnet
let home: string
let provider: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-payments-'))
  devnet = await startDevnet({ directory, seed: 'payments', verifiers: 1, requesters: 2, models: [CLASSIFIER] })
  home = devnet.requesterHome(0).directory
  const status = await opg(['node', 'status', '--home', join(directory, 'provider-0'), '--json'])
  provider = toChecksumAddress(resultOf('node status', status).operator.toLowerCase() as `0x${string}`)
}, 300_000)

afterAll(async () => {
  await devnet?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 120_000)

const inHome = (...args: string[]): Promise<OpgRun> => opg([...args, '--home', home, '--json'])
const replayed = ['--tier', 'replay', '--mode', 'local']
const quoted = async (...args: string[]): Promise<Results['quote']> =>
  resultOf('quote', await inHome('quote', 'classifier', '--input', EXAMPLE, ...replayed, ...args))
const held = async (): Promise<bigint> => BigInt(resultOf('wallet show', await inHome('wallet', 'show')).opg)

describe('a buyer at the command line', { timeout: 300_000 }, () => {
  let answered: Results['infer']

  test('is told price, channel, deposit and budgets before anything is signed', async () => {
    const before = await held()
    const quote = await quoted('--check')
    expect(quote).toMatchObject({
      ...{ units: 1, mode: 'local', tier: 'replay', name: expect.stringContaining('classifier') },
      wallet: { opg: `${before}`, perJob: `${OPG}`, dayLeft: `${20n * OPG}`, keyLeft: `${100n * OPG}` },
      offers: [
        {
          provider,
          payment: {
            ...{ known: false, closing: false, balance: '0', free: '0', authorized: '0', charged: '0' },
            deposit: `${OPG}`,
          },
        },
      ],
    })
    const [offer] = quote.offers
    const parts = Object.values(offer?.parts ?? {}).reduce((sum, part) => sum + BigInt(part), 0n)
    expect(BigInt(offer?.ceiling ?? 0) - parts).toBeLessThanOrEqual(3n)
    expect(parts).toBeGreaterThan(0n)
    expect(offer?.refusal).toBeUndefined()
    const dearer = resultOf('quote', await inHome('quote', '--model', 'classifier', '--units', '64', ...replayed))
    expect(BigInt(dearer.offers[0]?.ceiling ?? 0)).toBeGreaterThan(BigInt(offer?.ceiling ?? 0))
    expect(BigInt(dearer.offers[0]?.slice ?? 0)).toBeLessThan(BigInt(dearer.offers[0]?.ceiling ?? 0))
    expect(await held()).toBe(before)
    const cheap = await inHome('quote', 'classifier', ...replayed, '--max-fee', '1')
    expect([cheap.exit, codeOf(cheap)]).toEqual([4, 'no-offer'])
  })

  test('sees what the policy refuses, and ends with 6 when it asked', async () => {
    const poor = devnet.requesterHome(1)
    await configure(poor, { payments: { assets: [{ asset: 'OPG', perJob: '1' }] } })
    const ran = await opg(['quote', 'classifier', ...replayed, '--home', poor.directory, '--json', '--check'])
    expect(ran.exit).toBe(6)
    expect(resultOf('quote', ran).offers[0]?.refusal).toMatchObject({
      code: 'over-job-budget',
      expected: 'at most 1 wei',
    })
    const unchecked = await opg(['quote', 'classifier', ...replayed, '--home', poor.directory, '--json'])
    expect(unchecked.exit).toBe(0)
  })

  test('opens a channel and tops it up through the provider, without gas and within the budget (R23)', async () => {
    const before = resultOf('wallet show', await inHome('wallet', 'show'))
    const opened = resultOf('channel open', await inHome('channel', 'open', provider, '2'))
    expect(opened).toMatchObject({ amount: `${2n * OPG}`, state: { provider, balance: `${2n * OPG}` } })
    const over = await inHome('channel', 'top-up', provider, '9')
    expect([over.exit, codeOf(over)]).toEqual([6, 'over-deposit-budget'])
    const topped = resultOf('channel top-up', await inHome('channel', 'top-up', provider, '1'))
    expect(topped.state.balance).toBe(`${3n * OPG}`)
    const after = resultOf('wallet show', await inHome('wallet', 'show'))
    expect(after.ether).toBe(before.ether)
    expect(BigInt(before.opg) - BigInt(after.opg)).toBe(3n * OPG)
    expect((await quoted()).offers[0]?.payment).toMatchObject({
      balance: `${3n * OPG}`,
      free: `${3n * OPG}`,
      deposit: '0',
    })
  })

  test('pays a job from it at no more than the quote, and every surface agrees', async () => {
    const [offer] = (await quoted()).offers
    answered = resultOf('infer', await inHome('infer', 'classifier', '--input', EXAMPLE, ...replayed))
    const fee = BigInt(answered.fee)
    expect(fee).toBeGreaterThan(0n)
    expect(fee).toBeLessThanOrEqual(BigInt(offer?.ceiling ?? 0))
    expect(answered).toMatchObject({ payment: `channel ${offer?.payment?.channel}`, charged: `${fee}` })
    const after = await quoted()
    expect(after.offers[0]?.payment).toMatchObject({ known: true, charged: `${fee}`, free: `${3n * OPG - fee}` })
    expect(after.wallet).toMatchObject({ dayLeft: `${20n * OPG - fee}`, keyLeft: `${100n * OPG - fee}` })
    const listed = resultOf('channel list', await inHome('channel', 'list'))
    expect(listed.channels).toMatchObject([{ provider, charged: `${fee}`, openJobs: 0, balance: `${3n * OPG}` }])
  })

  test('finds the job in its books and asks for it again: the stored answer, charged once (R27)', async () => {
    const { jobId, fee, model, outputs, receipt } = answered
    const jobs = resultOf('job list', await inHome('job', 'list')).jobs
    expect(jobs).toMatchObject([
      { jobId, provider, fee, state: 'settled', outcome: 'paid', asked: { model, mode: 'local', units: 1 }, receipt },
    ])
    const stored = await readFile(receipt, 'utf8')
    const again = resultOf('job retry', await inHome('job', 'retry', jobId))
    expect(again).toMatchObject({ jobId, fee, model, outputs, receipt })
    expect(JSON.parse(await readFile(receipt, 'utf8')).receipt).toEqual(JSON.parse(stored).receipt)
    expect(resultOf('job list', await inHome('job', 'list')).jobs).toEqual(jobs)
    expect((await quoted()).offers[0]?.payment?.charged).toBe(fee)
    const unknown = await inHome('job', 'retry', `0x${'00'.repeat(32)}`)
    expect([unknown.exit, codeOf(unknown)]).toEqual([2, 'job-unknown'])
    expect((await stat(receipt.replace('.json', '.job.json'))).mode & 0o777).toBe(0o600)
  })

  test('gets back at once what the provider has not charged', async () => {
    const before = await held()
    const refunded = resultOf('channel refund', await inHome('channel', 'refund', provider))
    const rest = 3n * OPG - BigInt(answered.fee)
    expect(refunded).toMatchObject({ amount: `${rest}`, state: { balance: answered.fee } })
    expect(await held()).toBe(before + rest)
    expect((await quoted()).offers[0]?.payment).toMatchObject({ balance: answered.fee, free: '0', deposit: `${OPG}` })
  })

  test('shares the wallet of a home with no other process that pays from it', async () => {
    await configure(devnet.requesterHome(0), { metrics: { port: 0 } })
    const node = startOpg(['node', 'start', '--role', 'requester', '--home', home, '--json'])
    try {
      await firstLine(node)
      const tried = [
        ['job', 'list'],
        ['channel', 'list'],
        ['quote', 'classifier', ...replayed],
      ]
      for (const ran of await Promise.all(tried.map((args) => inHome(...args)))) {
        expect([ran.exit, codeOf(ran)]).toEqual([6, 'wallet-busy'])
      }
    } finally {
      node.kill('SIGTERM')
      await new Promise((resolve) => node.once('close', resolve))
    }
  })
})
