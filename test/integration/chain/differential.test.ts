import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  type Abi,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
} from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, removeChain, startAnvil } from '../../../devnet/chain.ts'
import { contractsRoot, forge } from '../../../scripts/forge.ts'
import { REGISTRATION, ROTATION } from '../../../src/chain/index.ts'
import { toAbi } from '../../../src/chain/structs.ts'
import {
  type Address,
  billedMsOf,
  bytesToHex,
  createDomain,
  type Digest,
  decidingVotes,
  digestOf,
  drawCommittee,
  drawOrder,
  drawWorkSeats,
  fastSeedOf,
  feeOf,
  hashStruct,
  MERKLE_TAG,
  type MerkleTag,
  macOf,
  merkleProof,
  merkleRoot,
  mustReplay,
  networkIdOf,
  rewardDigest,
  type SeatStake,
  SIGNED_TYPES,
  type StructType,
  settlerOrder,
  splitFee,
  TERMS,
  tagDigest,
  verifyMerkleProof,
} from '../../../src/protocol/index.ts'
import { addresses, digests, memberOf, merkleTags, structOf } from '../../property/arbitraries.ts'

const RUNS = 1_000
/** Calls of one `eth_call`: hashes are cheap, draws of seats are not. */
const BATCH = 200
const HEAVY_BATCH = 25
const CALL_GAS = 16_000_000n
const FROM: Address = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'

interface Call {
  readonly functionName: string
  readonly args: readonly unknown[]
}

/** The same random values on every machine; `FC_SEED` looks elsewhere (test/setup.ts). */
const sample = <T>(arbitrary: fc.Arbitrary<T>): readonly T[] => fc.sample(arbitrary, RUNS)

const tagOf = (tag: string): Hex => bytesToHex(tagDigest(tag))
const amounts = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n })
const epochs = fc.maxSafeNat()

describe('Solidity and TypeScript agree', () => {
  let directory: string
  let anvil: Anvil
  let abi: Abi
  let harness: Address

  beforeAll(async () => {
    const build = forge(['build', 'test/Harness.sol'])
    if (!build.ok) throw new Error(build.output)
    const artifact = JSON.parse(readFileSync(join(contractsRoot, 'out', 'Harness.sol', 'Harness.json'), 'utf8'))
    abi = artifact.abi
    directory = await mkdtemp(join(tmpdir(), 'opg-differential-'))
    anvil = await startAnvil({ directory })
    const { client } = anvil
    const data = encodeDeployData({ abi, bytecode: artifact.bytecode.object as Hex })
    await client.sendUnsignedTransaction({ from: FROM, data, gas: CALL_GAS })
    harness = getContractAddress({ from: FROM, nonce: 0n }).toLowerCase() as Address
    while ((await client.getCode({ address: harness })) === undefined) await client.mine({ blocks: 1 })
  })

  afterAll(async () => {
    await anvil.stop()
    await removeChain(directory)
  })

  /** What the harness answers to each call; any that reverts fails the test. */
  async function answers<T>(calls: readonly Call[], batch = BATCH): Promise<readonly T[]> {
    const found: T[] = []
    for (let from = 0; from < calls.length; from += batch) {
      const part = calls.slice(from, from + batch)
      const data = part.map((call) => encodeFunctionData({ abi, ...call }))
      const packed = (await anvil.client.readContract({
        ...{ address: harness, abi, functionName: 'many', args: [data] },
        gas: CALL_GAS,
      } as Parameters<typeof anvil.client.readContract>[0])) as readonly Hex[]
      for (const [index, { functionName }] of part.entries()) {
        found.push(decodeFunctionResult({ abi, functionName, data: packed[index] as Hex }) as T)
      }
    }
    expect(found).toHaveLength(calls.length)
    return found
  }

  it.each([...SIGNED_TYPES])('on the hash of every $name', async (type: StructType) => {
    const values = sample(structOf(type))
    const solidity = await answers<Hex>(
      values.map((value) => ({ functionName: `hash${type.name}`, args: [toAbi(type, value)] })),
    )
    expect(solidity).toEqual(values.map((value) => hashStruct(type, value)))
  })

  it.each([REGISTRATION, ROTATION])('on the hash of every $name', async (type: StructType) => {
    const values = sample(structOf(type))
    const solidity = await answers<Hex>(
      values.map((value) => {
        const members = value as { readonly [name: string]: unknown }
        return { functionName: `hash${type.name}`, args: type.names.map((name) => members[name]) }
      }),
    )
    expect(solidity).toEqual(values.map((value) => hashStruct(type, value)))
  })

  it('on rewards', async () => {
    const values = sample(fc.tuple(addresses, amounts))
    const solidity = await answers<Hex>(values.map((args) => ({ functionName: 'hashReward', args })))
    expect(solidity).toEqual(values.map(([account, cumulative]) => rewardDigest({ account, cumulative })))
  })

  it('on network ids, domains and what is signed in them (R2, R3)', async () => {
    const values = sample(
      fc.record({ chainId: epochs, stakeManager: addresses, parent: digests, struct: structOf(TERMS) }),
    )
    const networks = values.map(({ chainId, stakeManager, parent }) =>
      networkIdOf({ chainId, stakeManager, deploymentParentHash: parent }),
    )
    const ids = await answers<Digest>(
      values.map(({ chainId, stakeManager, parent }) => ({
        functionName: 'networkId',
        args: [BigInt(chainId), stakeManager, parent],
      })),
    )
    expect(ids).toEqual(networks)
    const domains = values.map(({ chainId, stakeManager }, index) =>
      createDomain(chainId, stakeManager, networks[index] as Digest),
    )
    const separators = await answers<Hex>(
      values.map(({ chainId, stakeManager }, index) => ({
        functionName: 'domainSeparator',
        args: [BigInt(chainId), stakeManager, networks[index]],
      })),
    )
    expect(separators).toEqual(domains.map(({ separator }) => bytesToHex(separator)))
    const typed = await answers<Hex>(
      values.map(({ struct }, index) => ({
        functionName: 'toTyped',
        args: [separators[index], hashStruct(TERMS, struct)],
      })),
    )
    expect(typed).toEqual(values.map(({ struct }, index) => digestOf(domains[index]!, TERMS, struct)))
  })

  it('on roots and proofs of every tree, true and forged', async () => {
    const trees = sample(
      fc.record({
        tag: merkleTags,
        leaves: fc.array(digests, { minLength: 1, maxLength: 40 }),
        at: fc.nat(),
        forgery: fc.constantFrom('none', 'index', 'digest', 'sibling', 'root', 'tag', 'shorter'),
        other: digests,
      }),
    )
    const tags = Object.keys(MERKLE_TAG) as MerkleTag[]
    const claims = trees.map(({ tag, leaves, at, forgery, other }) => {
      const index = at % leaves.length
      const proof = merkleProof(tag, leaves, index)
      return {
        tag: forgery === 'tag' ? (tags[(tags.indexOf(tag) + 1) % tags.length] as MerkleTag) : tag,
        root: forgery === 'root' ? other : merkleRoot(tag, leaves),
        index: forgery === 'index' ? index + 1 : index,
        digest: forgery === 'digest' ? other : (leaves[index] as Digest),
        proof: forgery === 'sibling' ? [other, ...proof.slice(1)] : forgery === 'shorter' ? proof.slice(1) : proof,
      }
    })
    const solidity = await answers<boolean>(
      claims.map(({ tag, root, index, digest, proof }) => ({
        functionName: 'merkleVerify',
        args: [tagOf(MERKLE_TAG[tag]), root, BigInt(index), digest, proof],
      })),
    )
    expect(solidity).toEqual(
      claims.map(({ tag, root, index, digest, proof }) => verifyMerkleProof(tag, root, index, digest, proof)),
    )
    const honest = solidity.filter((_, index) => trees[index]?.forgery === 'none')
    expect(honest.length).toBeGreaterThan(50)
    expect(honest.every(Boolean)).toBe(true)
    expect(solidity.filter((each) => !each).length).toBeGreaterThan(500)
  })

  it('on multiply-accumulates, billed time, fees and their split', async () => {
    const prices = ['perRequest', 'perGMAC', 'perSecond', 'perGBSecond', 'macIn', 'macOut'] as const
    // The widest values of which no product leaves 256 bits.
    const narrow = Object.fromEntries(prices.map((name) => [name, fc.bigInt({ min: 0n, max: 2n ** 100n })]))
    const values = sample(
      fc.record({
        terms: fc
          .tuple(structOf(TERMS), fc.record(narrow), fc.nat({ max: 2 ** 20 }))
          .map(([terms, narrowed, memoryMB]) => ({
            ...terms,
            ...narrowed,
            memoryMB,
          })),
        referenceRate: fc.oneof(fc.nat({ max: 1_000 }), memberOf(TERMS, 'referenceRate') as fc.Arbitrary<number>),
        usage: fc.record({
          inputUnits: fc.nat({ max: 2 ** 31 - 1 }),
          outputUnits: fc.nat({ max: 2 ** 31 - 1 }),
          startedAt: fc.maxSafeNat(),
          finishedAt: fc.maxSafeNat(),
        }),
        share: fc.bigInt({ min: 0n, max: 1_000_000n }),
      }),
    ).map(({ terms, referenceRate, usage, share }) => ({ terms: { ...terms, referenceRate }, usage, share }))

    const macs = values.map(({ terms, usage }) => macOf(terms, usage.inputUnits, usage.outputUnits))
    const encoded = values.map(({ terms }) => toAbi(TERMS, terms))
    const units = values.map(({ usage }) => [BigInt(usage.inputUnits), BigInt(usage.outputUnits)] as const)
    expect(
      await answers<bigint>(
        values.map((_, index) => ({ functionName: 'macOf', args: [encoded[index], ...units[index]!] })),
      ),
    ).toEqual(macs)
    const times = values.map(({ terms, usage }) => billedMsOf(terms, usage))
    expect(
      await answers<bigint>(
        values.map(({ usage }, index) => ({
          functionName: 'billedMsOf',
          args: [encoded[index], ...units[index]!, BigInt(usage.startedAt), BigInt(usage.finishedAt)],
        })),
      ),
    ).toEqual(times.map(BigInt))
    expect(new Set(times).size).toBeGreaterThan(100)
    const fees = values.map(({ terms }, index) => feeOf(terms, macs[index]!, times[index]!))
    expect(
      await answers<bigint>(
        values.map((_, index) => ({
          functionName: 'feeOf',
          args: [encoded[index], macs[index], BigInt(times[index]!)],
        })),
      ),
    ).toEqual(fees)
    const splits = await answers<readonly [bigint, bigint]>(
      values.map(({ share }, index) => ({ functionName: 'splitFee', args: [fees[index], share] })),
    )
    expect(splits).toEqual(
      values.map(({ share }, index) => {
        const { provider, network } = splitFee(fees[index]!, share)
        return [provider, network]
      }),
    )
  })

  const stakesOf = (most: number): fc.Arbitrary<SeatStake[]> =>
    fc.uniqueArray(
      fc.record({
        operator: addresses,
        owner: fc.constantFrom<Address>(`0x${'01'.repeat(20)}`, `0x${'02'.repeat(20)}`, `0x${'03'.repeat(20)}`),
        weight: fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n ** 90n })),
      }),
      { maxLength: most, selector: ({ operator }) => operator },
    )
  const toStakes = (stakes: readonly SeatStake[]): readonly object[] =>
    stakes.map(({ operator, owner, weight }) => ({ operator, owner, stake: weight }))
  const lower = (address: string): string => address.toLowerCase()

  it('on who sits on the work seats (R13)', async () => {
    const draws = sample(fc.tuple(stakesOf(12), digests, fc.integer({ min: 1, max: 32 })))
    const solidity = await answers<readonly { operator: string; owner: string; stake: bigint }[]>(
      draws.map(([stakes, seed, count]) => ({
        functionName: 'drawWorkSeats',
        args: [toStakes(stakes), seed, BigInt(count)],
      })),
      HEAVY_BATCH,
    )
    expect(solidity.map((seats) => seats.map(({ operator, stake }) => [lower(operator), stake]))).toEqual(
      draws.map(([stakes, seed, count]) =>
        drawWorkSeats(stakes, seed, count).map(({ operator, weight }) => [operator, weight]),
      ),
    )
  })

  it('on fast committees, their seeds and what decides (R14)', async () => {
    const draws = sample(
      fc
        .record({
          stakes: stakesOf(10).filter((stakes) => stakes.some(({ weight }) => weight > 0n)),
          seed: digests,
          count: fc.integer({ min: 1, max: 24 }),
          size: fc.integer({ min: 1, max: 9 }),
          stranger: addresses,
          member: fc.nat(),
          isMember: fc.boolean(),
          isOwned: fc.boolean(),
        })
        .map(({ stakes, seed, count, size, stranger, member, isMember, isOwned }) => {
          const seats = drawWorkSeats(stakes, seed, count)
          const named = seats[member % seats.length]!
          return {
            ...{ seats, seed, size },
            operator: isMember ? named.operator : stranger,
            owner: isOwned ? named.owner : undefined,
          }
        }),
    )
    const solidity = await answers<readonly bigint[]>(
      draws.map(({ seats, seed, size, operator, owner }) => ({
        functionName: 'drawCommittee',
        args: [toStakes(seats), seed, BigInt(size), operator, owner ?? `0x${'00'.repeat(20)}`],
      })),
      HEAVY_BATCH,
    )
    expect(solidity.map((seats) => seats.map(Number))).toEqual(
      draws.map((draw) => drawCommittee(draw).map(({ seat }) => seat)),
    )

    const seeds = sample(fc.tuple(digests, digests, addresses, epochs))
    expect(
      await answers<Digest>(
        seeds.map(([epoch, block, operator, sequence]) => ({
          functionName: 'fastSeedOf',
          args: [epoch, block, operator, BigInt(sequence)],
        })),
      ),
    ).toEqual(seeds.map((seed) => fastSeedOf(...seed)))

    const sizes = Array.from({ length: 129 }, (_, size) => size)
    expect(
      await answers<bigint>(sizes.map((size) => ({ functionName: 'decidingVotes', args: [BigInt(size)] }))),
    ).toEqual(sizes.map((size) => BigInt(decidingVotes(size) ?? 0)))
  })

  it('on what must be replayed (R14)', async () => {
    const values = sample(
      fc.tuple(digests, fc.nat({ max: 127 }), fc.nat({ max: 255 }), fc.integer({ min: 0, max: 1_000_000 })),
    )
    const solidity = await answers<boolean>(
      values.map(([seed, ...rest]) => ({ functionName: 'mustReplay', args: [seed, ...rest.map(BigInt)] })),
    )
    expect(solidity).toEqual(values.map((value) => mustReplay(...value)))
    expect(new Set(solidity).size).toBe(2)
  })

  it('on orders, and whose turn it is to settle (R19)', async () => {
    const tag = 'OPG/settler/1'
    const orders = sample(fc.tuple(digests, fc.nat({ max: 40 })))
    const drawn = await answers<readonly bigint[]>(
      orders.map(([seed, count]) => ({ functionName: 'drawOrder', args: [tagOf(tag), seed, BigInt(count)] })),
      HEAVY_BATCH,
    )
    expect(drawn.map((order) => order.map(Number))).toEqual(orders.map(([seed, count]) => drawOrder(tag, seed, count)))

    const turns = sample(fc.tuple(fc.uniqueArray(addresses, { maxLength: 12 }), digests, epochs))
    const solidity = await answers<readonly string[]>(
      turns.map(([settlers, previous, number]) => ({
        functionName: 'settlerOrder',
        args: [settlers, previous, BigInt(number)],
      })),
      HEAVY_BATCH,
    )
    expect(solidity.map((order) => order.map(lower))).toEqual(turns.map((turn) => settlerOrder(...turn)))
  })
})
