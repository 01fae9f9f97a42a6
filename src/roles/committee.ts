import type { ChainClient } from '../chain/index.ts'
import {
  type Address,
  type Checkpoint,
  type CommitteeSeat,
  committeeBlockTime,
  type Digest,
  drawCommittee,
  drawWorkSeats,
  fail,
  fastSeedOf,
  ok,
  type Parameters,
  type Result,
  type SeatClock,
  type SeatStake,
  seatEpochAt,
} from '../protocol/index.ts'

/** Who votes on one checkpoint (R13, R14). Fewer than `MIN_COMMITTEE` seats decide nothing. */
export interface StandingCommittee {
  readonly seats: readonly CommitteeSeat[]
  /** Seed of replays and sketches as well (R14, R17). */
  readonly fastSeed: Digest
  readonly epoch: number
  /** Owner of the checkpoint's operator, and the operator's provider stake that counts in the epoch, wei (R29). */
  readonly owner: Address
  readonly stake: bigint
}

/** Why a checkpoint has no committee. Only `committee-pending` changes as the chain goes on. */
export const COMMITTEE_FAULTS = [
  'committee-pending',
  'committee-epoch',
  'committee-block',
  'committee-operator',
] as const
export type CommitteeFault = (typeof COMMITTEE_FAULTS)[number]

export interface CommitteeProblem {
  readonly code: CommitteeFault
  readonly expected: string
  readonly got: string
}

/** The one place that knows who sits: provider, requester, verifier and settler ask it. */
export interface CommitteeLookup {
  /** `committee-pending`: the chain this node sees is not there yet. ChainError is thrown when it cannot be read. */
  committeeOf(checkpoint: Checkpoint): Promise<Result<StandingCommittee, CommitteeProblem>>
  /** The epoch whose work seats are in force at `ms` (R13). */
  seatEpochAt(ms: number): number
  /** Distinct verifiers that hold work seats of an epoch: whom a provider stays connected to. */
  seatHolders(epoch: number): Promise<readonly Address[]>
  /** Whether an operator's provider stake counts in an epoch; undefined while that cannot be told. */
  isProvider(operator: Address, epoch: number): Promise<boolean | undefined>
}

export type CommitteeChain = Pick<
  ChainClient,
  'head' | 'blockAtTime' | 'epochStart' | 'seedBlock' | 'verifiers' | 'providers'
>

interface DrawnEpoch {
  readonly seed: Digest
  readonly seats: readonly SeatStake[]
  readonly providers: ReadonlyMap<Address, SeatStake>
}

/** Committees kept; at 20 checkpoints a second of the whole network a minute's worth. */
const MAX_CACHED_COMMITTEES = 1_200
/** Draws kept: the epoch in force, its neighbours and the seeds a reorganisation leaves behind. */
const MAX_CACHED_EPOCHS = 4

export function createCommitteeLookup(
  { chain }: { readonly chain: CommitteeChain },
  { parameters }: { readonly parameters: Pick<Parameters, 'seatDelay' | 'committeeBlockAge'> },
): CommitteeLookup {
  return new ChainCommittees(chain, parameters)
}

class ChainCommittees implements CommitteeLookup {
  readonly #chain: CommitteeChain
  readonly #age: number
  readonly #seatDelay: number
  readonly #epochs = new Map<Digest, DrawnEpoch>()
  readonly #committees = new Map<Digest, StandingCommittee>()

  constructor(chain: CommitteeChain, parameters: Pick<Parameters, 'seatDelay' | 'committeeBlockAge'>) {
    this.#chain = chain
    this.#age = parameters.committeeBlockAge
    this.#seatDelay = parameters.seatDelay
  }

  seatEpochAt(ms: number): number {
    return seatEpochAt(ms, this.#clock())
  }

  async seatHolders(epoch: number): Promise<readonly Address[]> {
    const drawn = await this.#drawn(epoch)
    return drawn === undefined ? [] : [...new Set(drawn.seats.map(({ operator }) => operator))]
  }

  async isProvider(operator: Address, epoch: number): Promise<boolean | undefined> {
    return (await this.#drawn(epoch))?.providers.has(operator)
  }

  async committeeOf(checkpoint: Checkpoint): Promise<Result<StandingCommittee, CommitteeProblem>> {
    const epoch = this.seatEpochAt(checkpoint.createdAt)
    if (epoch < 0 || checkpoint.epoch !== epoch) return refuse('committee-epoch', `${epoch}`, `${checkpoint.epoch}`)
    const block = await this.#checkBlock(checkpoint)
    if (!block.ok) return block
    const drawn = await this.#drawn(epoch)
    if (drawn === undefined) return refuse('committee-pending', `the seed block of epoch ${epoch}`, 'none yet')
    const provider = drawn.providers.get(checkpoint.operator)
    if (provider === undefined) return refuse('committee-operator', 'a staked provider', checkpoint.operator)
    const fastSeed = fastSeedOf(drawn.seed, checkpoint.blockHash, checkpoint.operator, checkpoint.sequence)
    const cached = this.#committees.get(fastSeed)
    if (cached !== undefined) return ok(cached)
    const { operator, owner, weight: stake } = provider
    const seats = drawCommittee({ seats: drawn.seats, seed: fastSeed, operator, owner })
    const committee = { seats, fastSeed, epoch, owner, stake }
    keep(this.#committees, fastSeed, committee, MAX_CACHED_COMMITTEES)
    return ok(committee)
  }

  /** R14: the block is the last one at the time the rule gives, so a checkpoint's maker has no choice. */
  async #checkBlock({ createdAt, blockNumber, blockHash }: Checkpoint): Promise<Result<void, CommitteeProblem>> {
    const time = committeeBlockTime(createdAt, this.#age)
    const head = this.#chain.head()
    if (head.timestamp <= time)
      return refuse('committee-pending', `a block after ${time}`, `a head at ${head.timestamp}`)
    const block = await this.#chain.blockAtTime(time)
    if (block === undefined) return refuse('committee-block', `a block at ${time}`, 'none of this network')
    if (block.number !== blockNumber || block.hash !== blockHash) {
      return refuse('committee-block', `block ${block.number} ${block.hash}`, `block ${blockNumber} ${blockHash}`)
    }
    return ok(undefined)
  }

  async #drawn(epoch: number): Promise<DrawnEpoch | undefined> {
    const block = await this.#chain.seedBlock(epoch)
    if (block === undefined) return undefined
    const known = this.#epochs.get(block.hash)
    if (known !== undefined) return known
    const [verifiers, providers] = await Promise.all([this.#chain.verifiers(epoch), this.#chain.providers(epoch)])
    if (verifiers === undefined || providers === undefined) return undefined
    const drawn = {
      seed: block.hash,
      seats: drawWorkSeats(verifiers, block.hash),
      providers: new Map(providers.map((stake) => [stake.operator, stake])),
    }
    keep(this.#epochs, block.hash, drawn, MAX_CACHED_EPOCHS)
    return drawn
  }

  #clock(): SeatClock {
    const genesis = this.#chain.epochStart(0)
    return { genesis, epoch: this.#chain.epochStart(1) - genesis, seatDelay: this.#seatDelay }
  }
}

function keep<V>(map: Map<Digest, V>, key: Digest, value: V, most: number): void {
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) break
    map.delete(oldest)
  }
}

const refuse = (code: CommitteeFault, expected: string, got: string): Result<never, CommitteeProblem> =>
  fail({ code, expected, got })
