import { describe, expect, it } from 'vitest'
import {
  type Address,
  type Checkpoint,
  drawCommittee,
  drawWorkSeats,
  fastSeedOf,
  H,
  parametersOf,
  type SeatStake,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { type CommitteeChain, createCommitteeLookup } from '../../../src/roles/committee.ts'

const GENESIS = 1_800_000_000_000
const EPOCH = 60_000
const parameters = parametersOf('devnet')
const addressOf = (name: string, index: number): Address => `0x${H(`test/${name}`, index).slice(26)}`
const stakesOf = (name: string, count: number): SeatStake[] =>
  Array.from({ length: count }, (_, index) => ({
    operator: addressOf(name, index),
    owner: addressOf(`${name}/owner`, index),
    weight: BigInt(index + 1) * 10n ** 18n,
  }))
const verifiers = stakesOf('verifier', 9)
const providers = stakesOf('provider', 2)
const blockAt = (number: number) => ({
  number,
  hash: H('test/block', number),
  parentHash: H('test/block', number - 1),
  timestamp: GENESIS + number * 1_000,
})

/** A chain of one block a second since genesis. */
function chainAt(headNumber: number, owners = providers): CommitteeChain & { reads: number } {
  const chain = {
    reads: 0,
    head: () => blockAt(headNumber),
    blockAtTime: async (ms: number) => {
      const number = Math.min(headNumber, Math.floor((ms - GENESIS) / 1_000))
      return number < 0 ? undefined : blockAt(number)
    },
    epochStart: (epoch: number) => GENESIS + epoch * EPOCH,
    seedBlock: async (epoch: number) => {
      const number = (epoch * EPOCH + parameters.seatDelay) / 1_000
      return number <= headNumber ? blockAt(number) : undefined
    },
    verifiers: async () => {
      chain.reads += 1
      return verifiers
    },
    providers: async () => owners,
  }
  return chain
}

const OPERATOR = addressOf('provider', 0)
/** 100.5 s into the network: epoch 1, block at 98 s (2 s grid, at least 2 s old). */
const checkpoint: Checkpoint = {
  operator: OPERATOR,
  grant: H('test/grant'),
  sequence: 3,
  previous: ZERO_DIGEST,
  firstSequence: 0,
  count: 1,
  receiptsRoot: H('test/root'),
  totalFee: 0n,
  epoch: 1,
  blockNumber: 98,
  blockHash: blockAt(98).hash,
  createdAt: GENESIS + 100_500,
}
const lookupAt = (chain: CommitteeChain) => createCommitteeLookup({ chain }, { parameters })

describe('the committee of a checkpoint', () => {
  it('R14 is the draw of its epoch seed, block, operator and sequence', async () => {
    const result = await lookupAt(chainAt(101)).committeeOf(checkpoint)
    const seats = drawWorkSeats(verifiers, blockAt(64).hash)
    const seed = fastSeedOf(blockAt(64).hash, blockAt(98).hash, OPERATOR, 3)
    expect(result).toEqual({
      ok: true,
      value: {
        seats: drawCommittee({ seats, seed, operator: OPERATOR, owner: addressOf('provider/owner', 0) }),
        fastSeed: seed,
        epoch: 1,
        owner: addressOf('provider/owner', 0),
        stake: 10n ** 18n,
      },
    })
  })

  it('R14 takes no block but the one of the rule', async () => {
    const lookup = lookupAt(chainAt(101))
    for (const blockNumber of [97, 99]) {
      const other = { ...checkpoint, blockNumber, blockHash: blockAt(blockNumber).hash }
      expect(await lookup.committeeOf(other)).toMatchObject({ error: { code: 'committee-block' } })
    }
    const forged = { ...checkpoint, blockHash: H('test/forged') }
    expect(await lookup.committeeOf(forged)).toMatchObject({ error: { code: 'committee-block' } })
  })

  it('R13 belongs to the epoch in force when the checkpoint was made', async () => {
    const lookup = lookupAt(chainAt(101))
    expect(await lookup.committeeOf({ ...checkpoint, epoch: 0 })).toMatchObject({ error: { code: 'committee-epoch' } })
    expect(lookup.seatEpochAt(GENESIS + EPOCH + 2 * parameters.seatDelay - 1)).toBe(0)
    expect(lookup.seatEpochAt(GENESIS + EPOCH + 2 * parameters.seatDelay)).toBe(1)
  })

  it('R9 is pending, not refused, while the chain seen here is behind', async () => {
    expect(await lookupAt(chainAt(98)).committeeOf(checkpoint)).toMatchObject({ error: { code: 'committee-pending' } })
    expect(await lookupAt(chainAt(99)).committeeOf(checkpoint)).toMatchObject({ ok: true })
  })

  it('stands for staked providers only', async () => {
    const stranger = { ...checkpoint, operator: addressOf('stranger', 0) }
    expect(await lookupAt(chainAt(101)).committeeOf(stranger)).toMatchObject({ error: { code: 'committee-operator' } })
  })

  it('R13 has no seat of the operator or of its owner', async () => {
    const own = [{ operator: verifiers[8]!.operator, owner: verifiers[7]!.owner, weight: 1n }]
    const mine = { ...checkpoint, operator: verifiers[8]!.operator }
    const result = await lookupAt(chainAt(101, own)).committeeOf(mine)
    const members = result.ok ? result.value.seats.map(({ verifier }) => verifier) : []
    expect(members).toHaveLength(7)
    expect(members).not.toContain(verifiers[8]!.operator)
    expect(members).not.toContain(verifiers[7]!.operator)
  })

  it('reads the stakes of an epoch once', async () => {
    const chain = chainAt(110)
    const lookup = lookupAt(chain)
    for (let sequence = 0; sequence < 5; sequence += 1) await lookup.committeeOf({ ...checkpoint, sequence })
    expect(await lookup.seatHolders(1)).toHaveLength(new Set(drawWorkSeats(verifiers, blockAt(64).hash)).size)
    expect(chain.reads).toBe(1)
  })
})
