import { cp, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeFunctionData, erc20Abi, getAddress, type LocalAccount } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rewardDistributorAbi } from '../../src/chain/contracts.ts'
import { compactSignatures, ROLE, stakeManagerAbi } from '../../src/chain/index.ts'
import { errorSchema } from '../../src/cli/index.ts'
import {
  type Address,
  allBits,
  createDomain,
  digestOf,
  REWARD_ROOT,
  type RewardRoot,
  type RewardTable,
  rewardRoot,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { type ChainHome, type ChainHomes, chainHomes, opgHere } from '../support/chainHomes.ts'
import { startTestChain, type TestChain } from '../support/devnetChain.ts'
import { codeOf, opg, type Results, resultOf } from '../support/opg.ts'

const OPG = 10n ** 18n
const model = fileURLToPath(new URL('../../devnet/models/classifier', import.meta.url))
/** One place of the committee is free: the next to join takes it, the one after that must be heavier than somebody. */
const VERIFIERS = 63

let chain: TestChain
let homes: ChainHomes
/** Owners and operators: a verifier to be, a heavier one, someone who owns nothing. */
let alice: ChainHome
let bob: ChainHome
let eve: ChainHome
let guardian: ChainHome
/** A home without a wallet. */
let fresh: ChainHome

beforeAll(async () => {
  chain = await startTestChain({ verifier: VERIFIERS, provider: 1, settler: 1 })
  homes = await chainHomes(chain)
  alice = await homes.home('alice')
  fresh = await homes.home('fresh', { wallet: false })
  bob = await homes.home('bob')
  eve = await homes.home('eve')
  guardian = await homes.home('guardian', { owner: 'deployer' })
  await homes.fund(lower(alice.owner), 100_000n * OPG)
  await homes.fund(lower(bob.owner), 25_000_000n * OPG)
  await homes.fund(lower(eve.owner))
}, 300_000)

afterAll(async () => {
  await homes.stop()
  await chain.stop()
}, 180_000)

const lower = ({ address }: { readonly address: string }): Address => address.toLowerCase() as Address

/** What a command line printed as JSON, which must be what its schema says. */
async function done<C extends keyof Results>(command: C, home: ChainHome, ...rest: string[]): Promise<Results[C]> {
  const words = command.split(' ')
  const ran = await opgHere([...words, ...rest, '--json'], home.directory)
  if (ran.exit !== 0) throw new Error(`opg ${words.join(' ')} ${rest.join(' ')}: ${ran.stdout}${ran.stderr}`)
  expect(ran.stderr).toBe('')
  return resultOf(command, ran)
}

/** What it says to people. */
async function said(home: ChainHome, line: string): Promise<string> {
  const ran = await opgHere(line.split(' '), home.directory)
  expect([ran.exit, ran.stderr]).toEqual([0, ''])
  return ran.stdout
}

/** `code exit` of a command that must fail, and the message for people. */
async function refused(home: ChainHome, line: string | readonly string[]): Promise<readonly [string, string]> {
  const words = typeof line === 'string' ? line.split(' ') : line
  const ran = await opgHere([...words, '--json'], home.directory)
  if (ran.exit === 0) throw new Error(`expected ${words.join(' ')} to fail: ${ran.stdout}`)
  const { code, message, hint } = errorSchema.parse(ran.json).error
  return [`${code} ${ran.exit}`, `${message}; try ${hint ?? 'nothing'}`]
}

const walletOf = ({ directory }: ChainHome): string => join(directory, 'keys', 'owner.json')
const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z')
const genesis = (): number => chain.network.genesisTimestamp
const length = (): number => chain.network.epochSeconds
const epochNow = async (): Promise<number> => Math.floor(((await homes.now()) - genesis()) / length())
/** Past the block that seeds its seats. */
const reachEpoch = (epoch: number): Promise<void> => homes.reach(genesis() + epoch * length() + 5)

async function balanceOf(address: Address): Promise<bigint> {
  const { opg: token } = chain.network.contracts
  return await chain.anvil.client.readContract({
    address: token,
    abi: erc20Abi,
    functionName: 'balanceOf',
    args: [address],
  })
}

/** A case about a verifier as one of the slashers would open it, over all it has; resolves with how it is closed. */
async function holdAll(operator: Address): Promise<() => Promise<void>> {
  const { demands: slasher, stakeManager } = chain.network.contracts
  const { client } = chain.anvil
  const as = async (data: `0x${string}`): Promise<void> => {
    const hash = await client.sendUnsignedTransaction({ from: slasher, to: stakeManager, data, gas: 1_000_000n })
    const { status } = await client.waitForTransactionReceipt({ hash })
    if (status !== 'success') throw new Error(`expected ${hash} to succeed`)
  }
  await client.impersonateAccount({ address: slasher })
  await client.setBalance({ address: slasher, value: 10n ** 18n })
  const id = `0x${'ca'.repeat(32)}` as const
  const args = [id, operator, ROLE.verifier, 10_000] as const
  await as(encodeFunctionData({ abi: stakeManagerAbi, functionName: 'hold', args }))
  const key = await client.readContract({
    address: stakeManager,
    abi: stakeManagerAbi,
    functionName: 'caseKey',
    args: [slasher, id],
  })
  return async () => {
    await as(encodeFunctionData({ abi: stakeManagerAbi, functionName: 'release', args: [key] }))
    await client.stopImpersonatingAccount({ address: slasher })
  }
}

describe('opg wallet', { timeout: 300_000 }, () => {
  test('makes a wallet of its own, once, which an operator key is not', async () => {
    expect(await refused(fresh, 'wallet show')).toEqual([
      'key-not-found 2',
      expect.stringContaining('opg wallet create'),
    ])
    const operatorKey = join(fresh.directory, 'keys', 'operator.json')
    expect((await refused(fresh, ['wallet', 'show', '--wallet', operatorKey]))[0]).toBe('key-wrong-role 2')

    const made = await done('wallet create', fresh)
    expect(made.file).toBe(walletOf(fresh))
    expect((await stat(made.file)).mode & 0o777).toBe(0o600)
    const file = JSON.parse(await readFile(made.file, 'utf8'))
    expect(file.opg).toEqual({ networkId: chain.network.networkId, role: 'owner' })
    expect((await refused(fresh, 'wallet create'))[0]).toBe('key-exists 2')

    const bare = await done('wallet show', fresh)
    expect(bare).toMatchObject({ address: made.address, opg: '0', ether: '0', delegate: null })
  })

  test('says what it holds and that nobody votes with it yet', async () => {
    expect((await refused(fresh, 'stake register'))[0]).toBe('insufficient-funds 6')
    const { address } = JSON.parse(await readFile(walletOf(fresh), 'utf8'))
    await homes.fund(`0x${address}`, 100_000n * OPG)
    expect(await done('wallet show', fresh)).toMatchObject({
      opg: `${100_000n * OPG}`,
      ether: `${OPG}`,
      votes: { held: '0', staked: '0' },
    })
    const text = await said(fresh, 'wallet show')
    for (const words of ['100000 OPG', '1 ETH', 'nobody: opg gov delegate']) expect(text).toContain(words)
  })
})

describe('opg stake and opg committee', { timeout: 300_000 }, () => {
  test('make an owner, once, and take stake from it alone', async () => {
    expect(await said(alice, 'stake show')).toContain('not registered: opg stake register')
    expect(await refused(alice, 'stake add 10000 --role verifier')).toEqual([
      'not-registered 1',
      expect.stringContaining('opg stake register'),
    ])
    const zero = `0x${'00'.repeat(20)}`
    expect((await refused(alice, ['stake', 'register', '--payout', zero]))[0]).toBe('usage 2')
    const { stake } = await done('stake register', alice)
    expect(stake).toMatchObject({ owner: alice.owner.address, payout: alice.owner.address, frozen: false })
    expect((await refused(alice, 'stake register'))[0]).toBe('already-registered 1')
    await done('stake register', bob)

    const foreign = ['stake', 'add', '10000', '--role', 'verifier', '--wallet', walletOf(eve)]
    const [code, message] = await refused(alice, foreign)
    expect(code).toBe('not-owner 2')
    expect(message).toContain(lower(alice.owner))
    expect((await refused(alice, 'stake add 1999.5 --role verifier'))[0]).toBe('below-minimum 2')
    expect((await refused(alice, 'stake add 100000.000000000000000001 --role verifier'))[0]).toBe(
      'insufficient-funds 6',
    )
    expect(await refused(alice, 'stake add 10000 --role verifier --no-approve')).toEqual([
      'insufficient-allowance 6',
      expect.stringContaining('leave --no-approve out'),
    ])
    expect((await refused(alice, 'stake add 1 --role host'))[0]).toBe('usage 2')
    expect((await refused(alice, 'stake remove 1 --role verifier'))[0]).toBe('nothing-staked 1')
  })

  test('count stake from the epoch after next; before that it cannot be seated', async () => {
    expect((await refused(alice, 'committee join'))[0]).toBe('nothing-staked 1')
    const epoch = (await epochNow()) + 1
    await reachEpoch(epoch)
    const added = await done('stake add', alice, '10000', '--role', 'verifier')
    expect(added).toMatchObject({ countsFrom: epoch + 2, countsFromTime: genesis() + (epoch + 2) * length() })
    const role = added.stake.roles.find((each) => each.role === 'verifier')
    expect(role).toMatchObject({ staked: `${10_000n * OPG}`, matured: '0', countsFrom: epoch + 2, unbonding: [] })
    expect(added.stake.votes).toEqual({ staked: `${10_000n * OPG}`, delegate: alice.owner.address })
    const text = await said(alice, 'stake show')
    expect(text).toMatch(new RegExp(`verifier +10000 OPG +0 OPG +epoch ${epoch + 2} `))

    const [code, message] = await refused(alice, 'committee join')
    expect(code).toBe('not-matured 1')
    expect(message).toContain(iso(added.countsFromTime))
    await done('stake add', bob, '2000', '--role', 'verifier')
    await reachEpoch(epoch + 2)
    expect(await said(alice, 'stake show')).toMatch(/verifier +10000 OPG +10000 OPG +now /)
  })

  test('seat on a free place, then only instead of somebody lighter', async () => {
    expect(await done('committee join', alice)).toMatchObject({ place: VERIFIERS, evicted: null })
    expect((await refused(alice, 'committee join'))[0]).toBe('already-seated 1')
    const [code, message] = await refused(bob, 'committee join')
    expect(code).toBe('too-light 1')
    expect(message).toContain('got 2000 OPG')
    const { countsFrom } = await done('stake add', bob, '20000', '--role', 'verifier')
    await reachEpoch(countsFrom)
    const joined = await done('committee join', bob)
    expect(joined).toMatchObject({ place: 0, evicted: chain.of('verifier')[0]?.operator.address })
  })

  test('open an epoch once, in which the heaviest sign', async () => {
    const before = await done('committee show', bob)
    expect(before).toMatchObject({ openedIn: null, seats: [], signs: false })
    expect(before.active).toContain(bob.operator.address)
    expect(await said(bob, 'committee show')).toContain('opg committee open')
    const epoch = await epochNow()
    expect(await done('committee open', eve)).toMatchObject({ epoch })
    expect((await refused(eve, 'committee open'))[0]).toBe('epoch-open 1')

    const shown = await done('committee show', bob)
    expect(shown).toMatchObject({ epoch, openedIn: epoch, signs: true })
    expect(shown.seats).toHaveLength(VERIFIERS + 1)
    expect(shown.seats[0]).toMatchObject({ seat: 0, verifier: bob.operator.address, signs: true })
    expect(shown.seats.filter(({ signs }) => signs)).toHaveLength(21)
    const text = await said(bob, 'committee show')
    expect(text).toContain(`${bob.operator.address} signs batches`)
    expect(text).toMatch(/seats +64, of whom 21 sign/)
  })

  test('say who does not sign', async () => {
    const stranger = await refused(bob, ['committee', 'show', '--operator', eve.operator.address])
    expect(stranger).toEqual(['not-in-signing-set 1', expect.stringContaining('opg committee join')])
    const { seats, signs } = await done('committee show', eve)
    expect(signs).toBe(false)
    const juror = seats.find((seat) => !seat.signs)?.verifier ?? ''
    expect((await refused(bob, ['committee', 'show', '--operator', juror]))[1]).toContain('only the 21 heaviest sign')
    const unopened = await done('committee show', bob, '--epoch', '999999')
    expect(unopened).toMatchObject({ openedIn: null, seats: [] })
  })

  test('pay stake out once it is no longer bonded', async () => {
    expect((await refused(alice, 'stake remove 10001 --role verifier'))[0]).toBe('exceeds-stake 2')
    expect((await refused(alice, 'stake remove 9000 --role verifier'))[0]).toBe('below-minimum 2')
    expect((await refused(alice, 'stake withdraw --role verifier'))[0]).toBe('nothing-staked 1')
    const { releaseAt, stake } = await done('stake remove', alice, '4000', '--role', 'verifier')
    expect(stake.votes.staked).toBe(`${6_000n * OPG}`)
    for (let more = 1; more < 8; more += 1) await done('stake remove', alice, '1', '--role', 'verifier')
    expect((await refused(alice, 'stake remove 1 --role verifier'))[0]).toBe('too-many-unbondings 1')
    const [code, message] = await refused(alice, 'stake withdraw --role verifier')
    expect(code).toBe('still-bonded 1')
    expect(message).toContain(iso(releaseAt))
    expect(await said(alice, 'stake show')).toContain(`4000 OPG until ${iso(releaseAt)}`)

    await homes.reach(releaseAt)
    const release = await holdAll(lower(alice.operator))
    const [kept, why] = await refused(alice, 'stake withdraw --role verifier')
    expect([kept, why.includes('open cases keep 10000 OPG')]).toEqual(['under-case 1', true])
    expect(await said(alice, 'stake show')).toMatch(/verifier .* 10000 OPG\n/)
    await release()

    const before = await balanceOf(lower(alice.owner))
    const paid = BigInt(
      (await done('stake withdraw', eve, '--role', 'verifier', '--operator', alice.operator.address)).amount,
    )
    expect(paid).toBeGreaterThanOrEqual(4_000n * OPG)
    expect((await balanceOf(lower(alice.owner))) - before).toBe(paid)
  })

  test('change the receiver, freeze a stolen key, move the stake to a new one', async () => {
    const { stake } = await done('stake payout', alice, eve.owner.address)
    expect(stake.payout).toBe(eve.owner.address)
    const frozen = await done('stake freeze', alice)
    expect(frozen.stake).toMatchObject({ frozen: true })
    expect((await refused(alice, 'stake freeze'))[0]).toBe('operator-frozen 1')
    expect((await refused(alice, 'stake add 1 --role verifier'))[0]).toBe('operator-frozen 1')
    expect((await refused(alice, 'committee join'))[0]).toBe('operator-frozen 1')

    const carol = await homes.home('carol', { wallet: false })
    const rotate = ['stake', 'rotate', '--from', alice.operator.address]
    expect((await refused(bob, rotate))[0]).toBe('not-owner 2')
    expect((await refused(bob, [...rotate, '--wallet', walletOf(alice)]))[0]).toBe('already-registered 1')
    const moved = await done('stake rotate', carol, ...rotate.slice(2), '--wallet', walletOf(alice))
    expect(moved.stake).toMatchObject({ operator: carol.operator.address, owner: alice.owner.address, frozen: false })
    expect(await said(alice, 'stake show')).toMatch(new RegExp(`rotated to +${carol.operator.address}`))
    const [code, message] = await refused(alice, 'stake add 1 --role verifier')
    expect(code).toBe('operator-rotated 2')
    expect(message).toContain(lower(carol.operator))
  })
})

describe('opg gov', { timeout: 300_000 }, () => {
  const title = (text: string): string[] => ['--title', text]
  /** Puts something to the vote as bob. */
  async function propose(...args: string[]): Promise<Results['gov propose']> {
    const ran = await opgHere(['gov', 'propose', ...args, '--json'], bob.directory)
    if (ran.exit !== 0) throw new Error(ran.stdout)
    return resultOf('gov propose', ran)
  }

  test('counts what is delegated, and asks proposers for enough of it', async () => {
    expect(await done('gov list', bob)).toEqual({ ok: true, proposals: [] })
    expect(await said(bob, 'gov list')).toContain('no proposals')
    expect((await refused(bob, 'gov show 1'))[0]).toBe('proposal-unknown 2')
    const raise = ['gov', 'propose', 'param', 'networkShare', '1500', ...title('A network share of 15 %')]
    expect(await refused(bob, raise)).toEqual(['below-threshold 1', expect.stringContaining('opg gov delegate')])
    expect((await done('gov delegate', bob, 'self')).transactions).toHaveLength(2)
    expect((await done('wallet show', bob)).delegate).toBe(bob.owner.address)
    await homes.reach((await homes.now()) + 2)
    expect((await refused(bob, ['gov', 'propose', 'param', 'networkShare', '9999', ...title('All of it')]))[0]).toBe(
      'out-of-bounds 2',
    )
    const nowhere = ['gov', 'propose', 'module', 'evidence', eve.owner.address, ...title('An account as module')]
    expect(await refused(bob, nowhere)).toEqual(['proposal-reverts 2', expect.stringContaining('NotAContract')])
    const reasons = join(homes.directory, 'reasons.md')
    await writeFile(reasons, 'because '.repeat(4_000))
    expect((await refused(bob, [...raise, '--text', reasons]))[0]).toBe('proposal-too-long 2')
  })

  test('carries a parameter from the proposal to its effect', async () => {
    const reasons = join(homes.directory, 'reasons.md')
    await writeFile(reasons, 'Verifiers need it.\n')
    const words = ['networkShare', '1500', ...title('A network share of 15 %'), '--text', reasons]
    const { proposal } = await propose('param', ...words)
    expect(proposal).toMatchObject({
      number: 1,
      state: 'pending',
      title: 'A network share of 15 %',
      description: '# A network share of 15 %\n\nVerifiers need it.\n',
      proposer: bob.owner.address,
    })
    expect((await refused(bob, ['gov', 'propose', 'param', ...words]))[0]).toBe('proposal-exists 1')
    const [early, when] = await refused(bob, 'gov vote 1 for')
    expect([early, when.includes(iso(proposal.snapshot))]).toEqual(['proposal-state 1', true])

    await homes.reach(proposal.snapshot + 1)
    const voted = await done('gov vote', bob, proposal.id, 'for', '--reason', 'fair')
    expect(BigInt(voted.proposal.votes.for)).toBeGreaterThan(24_000_000n * OPG)
    expect((await refused(bob, 'gov vote 1 against'))[0]).toBe('already-voted 1')
    expect((await refused(eve, 'gov vote 1 for'))[0]).toBe('no-votes 1')
    expect((await refused(bob, 'gov queue 1'))[0]).toBe('proposal-state 1')
    await homes.reach(proposal.deadline + 1)
    expect(await said(eve, 'gov show 1')).toMatch(/state +succeeded/)
    const queued = await done('gov queue', eve, '1')
    expect(queued.proposal.state).toBe('queued')
    const [waiting, until] = await refused(eve, 'gov execute 1')
    expect([waiting, until.includes(iso(queued.proposal.executableFrom ?? 0))]).toEqual(['timelock-waiting 1', true])
    await homes.reach(queued.proposal.executableFrom ?? 0)
    expect((await done('gov execute', eve, '1')).proposal.state).toBe('executed')

    const share = async () => (await done('gov params', eve)).params.find(({ name }) => name === 'networkShare')
    const announced = await share()
    expect(announced).toMatchObject({ value: 2000, announced: { value: 1500 } })
    expect(await said(eve, 'gov params')).toMatch(/networkShare +20 % .*15 % from /)
    await homes.reach(announced?.announced?.effectiveAt ?? 0)
    expect(await share()).toMatchObject({ value: 1500, announced: null })
    expect(await said(eve, 'gov list')).toMatch(/1 +executed .*A network share of 15 %/)
  })

  test('lets a proposer cancel while voting has not begun, and the guardian later', async () => {
    const pay = async (title: string): Promise<string> => {
      const { proposal } = await propose('pay', eve.owner.address, '5', '--title', title)
      return `${proposal.number}`
    }
    const first = await pay('Too much')
    expect((await refused(eve, `gov cancel ${first}`))[0]).toBe('not-canceller 2')
    expect((await done('gov cancel', bob, first)).proposal.state).toBe('cancelled')
    expect((await refused(bob, `gov cancel ${first}`))[0]).toBe('proposal-state 1')

    const second = await pay('Still too much')
    await homes.reach((await done('gov show', bob, second)).proposal.snapshot + 1)
    const [code, message] = await refused(bob, `gov cancel ${second}`)
    expect([code, message.includes(lower(guardian.owner))]).toEqual(['not-canceller 2', true])
    expect((await done('gov cancel', guardian, second)).proposal.state).toBe('cancelled')
  })

  test('changes a module and a slasher, and pays from the treasury', async () => {
    const { demands, committee } = chain.network.contracts
    const module = (await propose('module', 'disputeCourt', demands, ...title('A court'))).proposal.number
    const slasher = (await propose('slasher', committee, ...title('Another slasher'))).proposal.number
    const pay = (await propose('pay', eve.owner.address, '1000', ...title('An audit'))).proposal.number
    const guardians = (await propose('guardian', 'none', ...title('No guardian'))).proposal.number
    const calls = join(homes.directory, 'calls.json')
    await writeFile(
      calls,
      JSON.stringify([
        { target: demands, data: '0x00' },
        { target: demands, data: 'zz' },
      ]),
    )
    expect((await refused(bob, ['gov', 'propose', 'calls', calls, ...title('Calls')]))[0]).toBe('json-invalid 2')
    const { actions } = (await done('gov show', bob, `${pay}`)).proposal
    await writeFile(calls, JSON.stringify(actions))
    const again = (await propose('calls', calls, ...title('The audit again'))).proposal.number
    const all = [module, slasher, pay, guardians, again]
    expect(all).toEqual([4, 5, 6, 7, 8])

    const { proposal } = await done('gov show', bob, '8')
    await homes.reach(proposal.snapshot + 1)
    for (const number of all) await done('gov vote', bob, `${number}`, 'for')
    expect((await refused(guardian, `gov cancel ${guardians}`))[1]).toContain('expected nobody to cancel')
    await homes.reach(proposal.deadline + 1)
    for (const number of all) await done('gov queue', eve, `${number}`)
    await homes.reach((await homes.now()) + 10)
    const before = await balanceOf(lower(eve.owner))
    for (const number of all) {
      expect((await done('gov execute', eve, `${number}`)).proposal.state).toBe('executed')
    }
    expect((await balanceOf(lower(eve.owner))) - before).toBe(2_000n * OPG)
    const { modules, guardian: named } = await done('gov params', eve)
    expect(named).toBeNull()
    const court = modules.find(({ name }) => name === 'disputeCourt')
    expect(court).toMatchObject({ target: null, announced: { target: getAddress(demands) } })
  })
})

describe('opg rewards', { timeout: 300_000 }, () => {
  const file = (name: string): string => join(homes.directory, name)
  const writeTable = ({ epoch, rows }: RewardTable): Promise<void> =>
    writeFile(
      file('rewards.json'),
      JSON.stringify({
        version: 1,
        epoch,
        rows: rows.map(({ account, cumulative }) => ({ account, cumulative: `${cumulative}` })),
      }),
    )

  /** Posts the root of a table for `epoch`, signed by the set that was opened in it. */
  async function post(table: RewardTable): Promise<void> {
    const { contracts, chainId, networkId } = chain.network
    const total = table.rows.reduce((sum, { cumulative }) => sum + cumulative, 0n)
    const root: RewardRoot = {
      distributor: contracts.rewardDistributor,
      epoch: table.epoch,
      voids: 0,
      root: rewardRoot(table),
      leaves: table.rows.length,
      total,
      cumulative: total,
      table: ZERO_DIGEST,
      previous: ZERO_DIGEST,
    }
    const digest = digestOf(createDomain(chainId, contracts.stakeManager, networkId), REWARD_ROOT, root)
    const keys = new Map<string, LocalAccount>(
      [...chain.operators.map(({ operator }) => operator), alice.operator, bob.operator].map((operator) => [
        operator.address,
        operator,
      ]),
    )
    const { seats } = await done('committee show', bob, '--epoch', `${table.epoch}`)
    const signers = seats.filter(({ signs }) => signs)
    const signatures = await Promise.all(
      signers.map(async ({ verifier }) => (await keys.get(verifier)?.sign?.({ hash: digest })) ?? '0x'),
    )
    const data = encodeFunctionData({
      abi: rewardDistributorAbi,
      functionName: 'postRoot',
      args: [{ ...root, epoch: BigInt(root.epoch) }, allBits(signers.length), compactSignatures(signatures)],
    })
    await homes.transact(eve.owner, contracts.rewardDistributor, data)
  }

  test('releases emission, once for each second', async () => {
    const { amount } = await done('rewards release', eve)
    expect(BigInt(amount)).toBeGreaterThan(0n)
    expect((await refused(eve, 'rewards release'))[0]).toBe('nothing-to-release 1')
  })

  test('pays what a final root gives, once, and only by its own table', async () => {
    const epoch = (await epochNow()) + 1
    await reachEpoch(epoch)
    await done('committee open', eve)
    const rows = [
      { account: lower(bob.operator), cumulative: 3n * OPG },
      { account: lower(eve.owner), cumulative: 2n * OPG },
    ].toSorted((left, right) => (left.account < right.account ? -1 : 1))
    const table = { epoch, rows }
    await writeTable(table)
    expect(await refused(bob, `rewards claim ${file('rewards.json')}`)).toEqual([
      'no-final-root 1',
      expect.stringContaining('no rewards have been posted yet'),
    ])
    await writeFile(file('wrong.json'), '{"version": 2}')
    expect((await refused(bob, `rewards claim ${file('wrong.json')}`))[0]).toBe('reward-table-malformed 2')

    await reachEpoch(epoch + 1)
    await post(table)
    const { final, waiting, budget } = await done('rewards show', bob)
    expect(final).toBeNull()
    expect(waiting).toMatchObject([{ number: 1, epoch, leaves: 2, cumulative: `${5n * OPG}`, root: rewardRoot(table) }])
    expect(BigInt(budget.emission)).toBeGreaterThan(0n)
    const finalAt = waiting[0]?.finalAt ?? 0
    expect(await said(bob, 'rewards show')).toContain(`can be voided until ${iso(finalAt)}`)
    expect(await refused(bob, `rewards claim ${file('rewards.json')}`)).toEqual([
      'no-final-root 1',
      expect.stringContaining(iso(finalAt)),
    ])

    await homes.reach(finalAt)
    await writeTable({ epoch, rows: rows.map((row) => ({ ...row, cumulative: 9n * OPG })) })
    expect((await refused(bob, `rewards claim ${file('rewards.json')}`))[0]).toBe('reward-table-foreign 3')
    await writeTable(table)
    const before = await balanceOf(lower(bob.owner))
    expect(await done('rewards claim', bob, file('rewards.json'))).toMatchObject({
      account: bob.operator.address,
      amount: `${3n * OPG}`,
    })
    expect((await balanceOf(lower(bob.owner))) - before).toBe(3n * OPG)
    expect((await refused(bob, `rewards claim ${file('rewards.json')}`))[0]).toBe('nothing-to-claim 1')
    const absent = ['rewards', 'claim', file('rewards.json'), '--operator', alice.operator.address]
    expect((await refused(bob, absent))[0]).toBe('nothing-to-claim 1')
    expect(await done('rewards show', bob)).toMatchObject({ claimed: `${3n * OPG}`, owed: `${2n * OPG}` })
  })

  test('splits what a splitter holds, which it makes first', async () => {
    expect((await refused(eve, 'rewards distribute'))[0]).toBe('not-registered 1')
    const { splitter, splitterMade } = await done('rewards show', bob)
    expect(splitterMade).toBe(false)
    await homes.fund(splitter as Address, 100n * OPG)
    const before = await balanceOf(lower(bob.owner))
    expect(await done('rewards distribute', eve, '--operator', bob.operator.address)).toMatchObject({ splitter })
    const share = (await done('gov params', bob)).params.find(({ name }) => name === 'networkShare')?.value ?? 0
    expect((await balanceOf(lower(bob.owner))) - before).toBe((100n * OPG * BigInt(10_000 - share)) / 10_000n)
    expect(await done('rewards show', bob)).toMatchObject({
      splitterMade: true,
      splitterOwes: { provider: '0', network: '0' },
    })
    await done('rewards distribute', eve, '--operator', bob.operator.address)
  })
})

describe('opg model', { timeout: 300_000 }, () => {
  /** The classifier with another description: another id under the same name. */
  async function variant(name: string): Promise<string> {
    const folder = join(homes.directory, name)
    await cp(join(model, 'manifest.json'), join(folder, 'manifest.json'))
    const text = await readFile(join(folder, 'manifest.json'), 'utf8')
    await writeFile(join(folder, 'manifest.json'), text.replace('Names the shape', `${name} names the shape`))
    return folder
  }

  test('keeps the versions of a line, and whose it is', async () => {
    const first = (await done('model register', bob, model)).model
    expect(first).toMatchObject({ name: 'opg/classifier', version: 1, versions: 1, previous: null, payee: null })
    expect((await refused(eve, ['model', 'register', model]))[0]).toBe('model-taken 1')
    const folder = await variant('second')
    const second = (await done('model register', bob, join(folder, 'manifest.json'), '--payee', eve.owner.address))
      .model
    expect(second).toMatchObject({
      line: first.id,
      version: 2,
      versions: 2,
      previous: first.id,
      payee: eve.owner.address,
    })
    expect((await done('model show', eve, first.id)).model).toMatchObject({ head: second.id, versions: 2 })
    const unknown = `0x${'ab'.repeat(32)}`
    expect((await refused(bob, `model show ${unknown}`))[0]).toBe('model-unregistered 2')

    const why = ['--reason', 'defect', '--successor', second.id]
    expect((await refused(eve, ['model', 'deprecate', first.id, ...why]))[0]).toBe('not-publisher 2')
    expect((await refused(bob, ['model', 'deprecate', second.id, ...why]))[0]).toBe('successor-invalid 2')
    expect(
      (await refused(bob, ['model', 'deprecate', first.id, '--reason', 'defect', '--successor', unknown]))[0],
    ).toBe('model-unregistered 2')
    const { deprecation } = (await done('model deprecate', bob, first.id, ...why)).model
    expect(deprecation).toEqual({ reason: 'defect', successor: second.id })
    expect(await said(eve, `model show ${first.id}`)).toContain(`defect, use ${second.id}`)
    expect((await done('model payee', bob, second.id, bob.owner.address)).model.payee).toBe(bob.owner.address)

    expect((await refused(eve, `model accept ${first.id}`))[0]).toBe('not-offered 2')
    expect((await done('model offer', bob, second.id, eve.owner.address)).model.pendingOwner).toBe(eve.owner.address)
    await done('model register', eve, await variant('third'))
    expect((await refused(eve, `model accept ${first.id}`))[0]).toBe('name-taken 1')
    expect((await done('model offer', bob, second.id, alice.owner.address)).model.pendingOwner).toBe(
      alice.owner.address,
    )
    const accepted = (await done('model accept', alice, first.id)).model
    expect(accepted).toMatchObject({ owner: alice.owner.address, pendingOwner: null, versions: 2 })
    const anew = (await done('model register', bob, await variant('fourth'))).model
    expect([anew.version, anew.line, anew.owner]).toEqual([1, anew.id, bob.owner.address])
  })
})

describe('a process of its own', { timeout: 300_000 }, () => {
  const run = (home: ChainHome, line: string) => opg([...line.split(' '), '--home', home.directory, '--json'])

  test('does the same for every group of commands', async () => {
    const lines = ['wallet show', 'stake show', 'gov list', 'rewards show'] as const
    for (const line of lines) {
      const ran = await run(bob, line)
      expect([line, ran.exit, ran.stderr]).toEqual([line, 0, ''])
      resultOf(line, ran)
    }
    const sent = await run(eve, 'gov delegate self')
    expect(resultOf('gov delegate', sent).transactions).toHaveLength(2)
  })

  test('says that the chain is not there, with 4', async () => {
    await chain.anvil.stop()
    for (const line of ['stake show', 'gov vote 1 for']) {
      const ran = await run(bob, line)
      expect([ran.exit, codeOf(ran)]).toEqual([4, 'rpc-unreachable'])
    }
  })
})
