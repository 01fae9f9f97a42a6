import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isOurs } from '../../devnet/processes.ts'
import { codeOf, type OpgRun, opg, type Results, resultOf } from '../support/opg.ts'

const example = fileURLToPath(new URL('../../devnet/models/classifier/example.json', import.meta.url))

let directory: string
let home: string
let up: Results['devnet up --detach']
/** Of the jobs that were answered, wei. */
const fees: bigint[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-e2e-'))
  home = join(directory, 'requester-0')
  const args = ['devnet', 'up', '--detach', '--json', '--dir', directory, '--verifiers', '3', '--seed', 'e2e']
  const ran = await opg(args)
  if (ran.exit !== 0) throw new Error(`${ran.stdout}${ran.stderr}`)
  up = resultOf('devnet up --detach', ran)
}, 300_000)

afterAll(async () => {
  await opg(['devnet', 'down', '--dir', directory])
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 180_000)

const inHome = (...args: string[]): Promise<OpgRun> => opg([...args, '--home', home, '--json'])
const infer = (...args: string[]): Promise<OpgRun> => inHome('infer', 'classifier', '--input', example, ...args)
const alive = async (): Promise<string[]> => {
  const found = await Promise.all(
    up.processes.map(async ({ name, pid }) => ((await isOurs(pid ?? 0, directory)) ? name : '')),
  )
  return found.filter((name) => name !== '')
}

describe('a devnet of real processes', { timeout: 300_000 }, () => {
  test('runs every process it names', async () => {
    expect(up.processes.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'chain running',
      'verifier-0 running',
      'verifier-1 running',
      'verifier-2 running',
      'settler-0 running',
      'provider-0 running',
    ])
    expect(await alive()).toHaveLength(6)
    const status = resultOf('devnet status', await opg(['devnet', 'status', '--dir', directory, '--json']))
    expect({ ...status, ok: true }).toEqual(up)
  })

  test('has a wallet in every home: who staked, or who has enough to carry a proposal', async () => {
    const provider = (...words: string[]) => opg([...words, '--home', join(directory, 'provider-0'), '--json'])
    const [mine, owner, stake] = await Promise.all([
      inHome('wallet', 'show'),
      provider('wallet', 'show'),
      provider('stake', 'show'),
    ])
    expect(resultOf('wallet show', mine)).toMatchObject({
      opg: `${20_000_000n * 10n ** 18n}`,
      ether: `${1_000n * 10n ** 18n}`,
    })
    const { address } = resultOf('wallet show', owner)
    expect(resultOf('stake show', stake).owner).toBe(address)
  })

  test('is not started twice in one directory', async () => {
    const ran = await opg(['devnet', 'up', '--dir', directory, '--json'])
    expect([ran.exit, codeOf(ran)]).toEqual([2, 'devnet-running'])
  })

  test('refuses a second process on the home of a node (R27)', async () => {
    const ran = await opg(['node', 'start', '--home', join(directory, 'verifier-0'), '--log-level', 'silent', '--json'])
    expect([ran.exit, codeOf(ran)]).toEqual([1, 'node-running'])
    const status = await opg(['node', 'status', '--home', join(directory, 'verifier-0'), '--json'])
    expect(resultOf('node status', status)).toMatchObject({ roles: ['verifier'], profile: 'devnet' })
  })

  test('sells models whose evidence says that it is simulated (R6)', async () => {
    const ran = await inHome('offers', '--wait', '30')
    const { offers, payment } = resultOf('offers', ran)
    expect(payment).toBe('by vouchers on a channel')
    expect(offers.map(({ name, assurance }) => `${name} ${assurance}`).sort()).toEqual([
      'opg/classifier simulated',
      'opg/volatility simulated',
    ])
  })

  test('answers locally, and says that nobody recomputed the output (R11)', async () => {
    const ran = await infer('--mode', 'local', '--timeout', '60')
    const result = resultOf('infer', ran)
    expect(result).toMatchObject({
      statement: 'evidence and receipt checked; output not recomputed',
      assurance: 'simulated',
      payment: expect.stringMatching(/^channel 0x[0-9a-f]{64}$/),
    })
    fees.push(BigInt(result.fee))
    expect(result.notChecked).toContain('output')
    const outputs = Object.values(result.outputs)[0]?.data.map(Number) ?? []
    expect(outputs.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4)
  })

  test('answers with a quorum, anchors it, and proves it to anybody', async () => {
    const receipt = join(directory, 'receipt.json')
    const asked = await infer('--mode', 'quorum', '--anchored', '--receipt', receipt, '--timeout', '60')
    const result = resultOf('infer', asked)
    expect(result).toMatchObject({ verdict: { status: 'accepted', committee: 3 } })
    fees.push(BigInt(result.fee))
    expect(result.statement).toMatch(/^accepted by 3 of 3 verifiers; output recomputed by [1-3] of them$/)
    const batch = result.batch ?? 0

    const network = join(directory, 'network.json')
    const offline = await opg(['receipt', 'verify', receipt, '--network', network, '--json'])
    expect(resultOf('receipt verify', offline)).toMatchObject({ decision: 'accepted', batch })
    const online = await opg(['receipt', 'verify', receipt, '--network', network, '--rpc', up.rpc, '--json'])
    const checked = resultOf('receipt verify', online)
    expect(checked.notChecked.filter((name) => !name.startsWith('evidence: '))).toEqual([])
    expect(checked.confidence).toMatch(/head|safe|finalized/)

    const text = await readFile(receipt, 'utf8')
    const changed = join(directory, 'changed.json')
    await writeFile(changed, text.replace(/"outputUnits":1,/, '"outputUnits":2,'))
    const refused = await opg(['receipt', 'verify', changed, '--network', network, '--json'])
    expect([refused.exit, refused.json.ok]).toEqual([3, false])

    const list = resultOf('batch list', await inHome('batch', 'list'))
    expect(list.batches.map(({ number }) => number)).toContain(batch)
    const show = resultOf('batch show', await inHome('batch', 'show', `${batch}`))
    expect(show.leaves?.reduce((sum, { accepted }) => sum + accepted, 0)).toBeGreaterThan(0)
    const verified = await inHome('batch', 'verify', `${batch}`)
    expect(resultOf('batch verify', verified).votes).toBeGreaterThanOrEqual(3)
  })

  test('pays on one channel, from one deposit without gas, and the provider claims what its jobs cost (R23, R24)', async () => {
    const { channels } = resultOf('channel list', await inHome('channel', 'list'))
    const cost = fees.reduce((sum, fee) => sum + fee, 0n)
    expect(fees).toHaveLength(2)
    expect(channels).toMatchObject([{ charged: `${cost}`, balance: `${10n ** 18n}`, claimed: '0', openJobs: 0 }])
    const wallet = resultOf('wallet show', await inHome('wallet', 'show'))
    expect([wallet.ether, wallet.opg]).toEqual([`${1_000n * 10n ** 18n}`, `${20_000_000n * 10n ** 18n - 10n ** 18n}`])
    const provider = join(directory, 'provider-0')
    const claimed = await opg(['channel', 'claim', '--home', provider, '--json'])
    expect(resultOf('channel claim', claimed)).toMatchObject({ rows: 1, claimed: `${cost}` })
    const after = resultOf('channel list', await inHome('channel', 'list'))
    expect(after.channels).toMatchObject([{ claimed: `${cost}` }])
    const { opg: earned } = resultOf('wallet show', await opg(['wallet', 'show', '--home', provider, '--json']))
    expect(earned).toBe(`${cost - cost / 5n}`)
  })

  test('fails with the exit code of what went wrong', async () => {
    const unknown = await inHome('infer', 'gpt', '--input', example)
    expect([unknown.exit, codeOf(unknown)]).toEqual([4, 'model-unknown'])
    const cheap = await infer('--max-fee', '1')
    expect([cheap.exit, codeOf(cheap)]).toEqual([4, 'no-offer'])
    const input = join(directory, 'input.json')
    await writeFile(input, '{"image": [[1, 2]]}')
    const wrong = await inHome('infer', 'classifier', '--input', input)
    expect([wrong.exit, codeOf(wrong)]).toEqual([2, 'input-mismatch'])
    const batch = await inHome('batch', 'show', '999')
    expect([batch.exit, codeOf(batch)]).toEqual([2, 'batch-unknown'])
  })

  test('goes down leaving no process', async () => {
    const ran = await opg(['devnet', 'down', '--dir', directory, '--json'])
    expect(resultOf('devnet down', ran).stopped.sort()).toEqual(
      ['chain', 'devnet', 'provider-0', 'settler-0', 'verifier-0', 'verifier-1', 'verifier-2'].sort(),
    )
    expect(await alive()).toEqual([])
    const status = await opg(['devnet', 'status', '--dir', directory, '--json'])
    const { processes } = resultOf('devnet status', status)
    expect(new Set(processes.map(({ state }) => state))).toEqual(new Set(['stopped']))
    const unreachable = await inHome('offers', '--wait', '1')
    expect([unreachable.exit, codeOf(unreachable)]).toEqual([4, 'rpc-unreachable'])
  })
})
