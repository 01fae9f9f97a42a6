import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Address,
  anchorsWith,
  batchDigest,
  type ChainTip,
  checkProposal,
  type Digest,
  type SettledCheckpoint,
  type SettlerEffect,
  type SettlerEvent,
  SettlerMachine,
  type SignedBatch,
} from '../../src/protocol/index.ts'
import { NOW, PARAMETERS } from '../support/protocolWorld.ts'
import { contextOf, GENESIS, settledOf, settlerOf, signersOf, tipOf } from '../support/settlement.ts'
import { crypto, DOMAIN } from '../support/votes.ts'

const OPERATORS = 3
const PER_OPERATOR = 6
const SETTLERS = [0, 1]
const PARAMS = { ...PARAMETERS, batchCheckpoints: 4 }
const SIGNERS = signersOf([3n, 2n, 2n, 1n])

const CHECKPOINTS: readonly SettledCheckpoint[] = Array.from({ length: OPERATORS * PER_OPERATOR }, (_, at) =>
  settledOf(at % OPERATORS, Math.floor(at / OPERATORS), { count: 1, undecided: at % 5 === 4 }),
)
const BY_DIGEST = new Map(CHECKPOINTS.map((settled) => [settled.digest, settled]))

/** By it `act` loses no signature, no anchor, and gives up no proposal. */
const GOOD_LUCK = 61

interface Anchored {
  readonly signed: SignedBatch
  readonly digest: Digest
  readonly at: number
}

/** The batch contract: takes the next batch with a quorum, and nothing else. */
class FakeChain {
  batches: Anchored[] = []
  /** Batches a reorg took back that the chain will not take again, as when their epoch is over. */
  readonly refused = new Set<Digest>()

  tip(height = this.batches.length): ChainTip {
    const last = this.batches[height - 1]
    return last === undefined ? GENESIS : tipOf(last.signed, last.at)
  }

  anchor(signed: SignedBatch, now: number): boolean {
    const tip = this.tip()
    const digest = batchDigest(DOMAIN, signed.batch)
    const weight = SIGNERS.seats
      .filter(({ seat, operator }) =>
        signed.signatures.some((entry) => entry.seat === seat && crypto.recover(digest, entry.signature) === operator),
      )
      .reduce((sum, seat) => sum + seat.weight, 0n)
    const total = SIGNERS.seats.reduce((sum, seat) => sum + seat.weight, 0n)
    const follows = signed.batch.number === tip.number + 1 && signed.batch.previous === tip.digest
    if (!follows || !anchorsWith(weight, total) || this.refused.has(digest)) return false
    this.batches.push({ signed, digest, at: now })
    return true
  }

  goBack(depth: number, isFinal: boolean): void {
    const gone = this.batches.splice(Math.max(0, this.batches.length - depth))
    if (isFinal) for (const { digest } of gone) this.refused.add(digest)
  }

  nextSequences(height = this.batches.length): Map<Address, number> {
    const next = new Map<Address, number>()
    for (const { signed } of this.batches.slice(0, height)) {
      for (const { operator, sequence } of signed.leaves) next.set(operator, sequence + 1)
    }
    return next
  }
}

/** One settler's process: a machine, its disk, what it saw of the chain, and effects not carried out yet. */
class Process {
  readonly world: World
  readonly index: number
  readonly settled = new Map<Digest, SettledCheckpoint>()
  readonly stored = new Map<Digest, SignedBatch>()
  seen: Digest[] = []
  queue: SettlerEffect[] = []
  machine: SettlerMachine

  constructor(world: World, index: number) {
    this.world = world
    this.index = index
    this.machine = this.start()
  }

  start(): SettlerMachine {
    this.queue = []
    this.seen = this.world.chain.batches.map(({ digest }) => digest)
    this.machine = new SettlerMachine({
      domain: DOMAIN,
      crypto,
      parameters: PARAMS,
      signer: settlerOf(this.index),
    })
    this.feed({
      type: 'restored',
      settled: [...this.settled.values()],
      signed: [...this.stored.values()].filter(({ batch }) => batch.number > this.seen.length),
      nextSequences: this.world.chain.nextSequences(),
    })
    return this.machine
  }

  feed(event: SettlerEvent): void {
    this.queue.push(...this.machine.handle(event))
  }

  /** Catches up with the chain, as the history of batches does. */
  follow(): void {
    const { batches } = this.world.chain
    let common = 0
    while (common < this.seen.length && this.seen[common] === batches[common]?.digest) common += 1
    if (common < this.seen.length) {
      this.seen.length = common
      const nextSequences = this.world.chain.nextSequences(common)
      this.feed({ type: 'unanchored', number: common, nextSequences, settled: [...this.settled.values()] })
    }
    for (const { signed, digest } of batches.slice(common)) {
      this.seen.push(digest)
      const mine = this.stored.get(digest)
      this.feed({ type: 'anchored', batch: mine ?? { ...signed, signatures: [] } })
    }
  }

  tick(): void {
    const tip = this.world.chain.tip(this.seen.length)
    if (tip.digest !== (this.seen.at(-1) ?? GENESIS.digest)) return
    const settlers = SETTLERS.map((index) => settlerOf(index).address)
    this.feed({ type: 'tick', now: this.world.now, context: contextOf(tip, SIGNERS.seats, settlers) })
  }

  /** Carries out the oldest effect. `luck` decides what is lost on the way. */
  act(luck: number): void {
    const effect = this.queue.shift()
    if (effect === undefined) return
    if (effect.type === 'persist') {
      for (const entry of effect.entries) {
        if (entry.kind === 'settled') this.settled.set(entry.settled.digest, entry.settled)
        else this.stored.set(entry.digest, entry.signed)
      }
    } else if (effect.type === 'request-signatures') {
      for (const { seat } of effect.signers) {
        if ((luck >> seat) % 4 === 0 || !this.world.signs(effect.proposal)) continue
        this.feed({ type: 'signature', digest: effect.digest, seat, signature: SIGNERS.sign(seat, effect.digest) })
      }
      if (luck % 3 === 0) this.feed({ type: 'unsigned', digest: effect.digest })
    } else {
      expect(this.stored.get(effect.digest), 'anchored before it was stored').toEqual(effect.signed)
      if (luck % 5 === 0) this.feed({ type: 'anchor-failed', digest: effect.digest, reverted: false })
      else if (!this.world.chain.anchor(effect.signed, this.world.now)) {
        this.feed({ type: 'anchor-failed', digest: effect.digest, reverted: true })
      }
    }
  }
}

class World {
  readonly chain = new FakeChain()
  now = NOW
  /** What the signers verified, since when. */
  readonly held = new Map<Digest, number>()
  readonly processes: Process[]

  constructor() {
    this.processes = SETTLERS.map((index) => new Process(this, index))
  }

  signs(proposal: SignedBatch): boolean {
    const settled = proposal.leaves.map(({ checkpoint }) => BY_DIGEST.get(checkpoint) as SettledCheckpoint)
    const next = this.chain.nextSequences()
    const checked = checkProposal(
      {
        domain: DOMAIN,
        now: this.now,
        last: this.chain.tip(),
        epoch: 1,
        settlerStaked: true,
        maxLeaves: PARAMS.batchCheckpoints,
        futureTolerance: PARAMS.futureTolerance,
        signerHold: PARAMS.signerHold,
        nextSequence: (operator) => next.get(operator) ?? 0,
        held: [...this.held].map(([digest, since]) => ({ settled: BY_DIGEST.get(digest) as SettledCheckpoint, since })),
        forced: [],
      },
      proposal.batch,
      proposal.leaves,
      settled,
    )
    return checked.ok
  }

  publish(process: Process, settled: SettledCheckpoint): void {
    if (!this.held.has(settled.digest)) this.held.set(settled.digest, this.now)
    process.feed({ type: 'settled', settled })
  }

  step({ kind, who, pick }: { kind: number; who: number; pick: number }): void {
    const process = this.processes[who % this.processes.length] as Process
    this.now += pick % 700
    if (kind < 5) this.publish(process, CHECKPOINTS[pick % CHECKPOINTS.length] as SettledCheckpoint)
    else if (kind < 9) process.tick()
    else if (kind < 19) process.act(pick)
    else if (kind < 22) process.follow()
    else if (kind === 22 && pick % 3 === 0) process.start()
    else if (kind === 23 && pick % 3 === 0) this.chain.goBack(1 + (pick % 2), pick % 4 < 2)
    else if (kind === 24) this.now += PARAMS.batchInterval
  }

  /** Everybody hears of everything and nothing is lost any more, but for two reorgs. */
  finish(): void {
    for (const process of this.processes) for (const settled of CHECKPOINTS) this.publish(process, settled)
    for (let round = 0; round < 400 && this.anchored() < CHECKPOINTS.length; round += 1) {
      this.now += PARAMS.batchInterval
      if (round === 2 || round === 4) this.chain.goBack(2, round === 2)
      for (const process of this.processes) {
        process.follow()
        process.tick()
        while (process.queue.length > 0) process.act(GOOD_LUCK)
      }
    }
  }

  anchored(): number {
    return this.chain.batches.reduce((sum, { signed }) => sum + signed.leaves.length, 0)
  }
}

const steps = fc.noBias(
  fc.array(fc.record({ kind: fc.nat(24), who: fc.nat(), pick: fc.nat() }), { minLength: 60, maxLength: 200 }),
)

describe('competing settlers with lost signatures, crashes, failed anchors and reorgs (R19, R20, R22, R27)', () => {
  it('end with every checkpoint in exactly one batch, per operator without a gap, batches numbered and chained', () => {
    const seen = { reorgs: 0, races: 0, batches: 0 }
    fc.assert(
      fc.property(steps, (moves) => {
        const world = new World()
        for (const move of moves) {
          const before = world.chain.batches.length
          world.step(move)
          if (world.chain.batches.length < before) seen.reorgs += 1
        }
        world.finish()
        const { batches } = world.chain
        expect(world.anchored()).toBe(CHECKPOINTS.length)
        const next = new Map<Address, number>()
        const digests = new Set<Digest>()
        for (const [at, { signed }] of batches.entries()) {
          expect(signed.batch).toMatchObject({ number: at + 1, previous: world.chain.tip(at).digest })
          expect(signed.leaves.length).toBeLessThanOrEqual(PARAMS.batchCheckpoints)
          for (const { operator, sequence, checkpoint } of signed.leaves) {
            expect(sequence).toBe(next.get(operator) ?? 0)
            next.set(operator, sequence + 1)
            digests.add(checkpoint)
          }
        }
        expect(digests.size).toBe(CHECKPOINTS.length)
        expect([...next.values()]).toEqual(Array<number>(OPERATORS).fill(PER_OPERATOR))
        for (const process of world.processes) {
          process.follow()
          for (const settled of CHECKPOINTS) process.feed({ type: 'settled', settled })
          expect(process.machine.waiting, 'a settler still waits for what is anchored').toBe(0)
        }
        seen.batches += batches.length
        if (new Set(batches.map(({ signed }) => signed.batch.settler)).size > 1) seen.races += 1
      }),
      { numRuns: 20 },
    )
    expect(seen.reorgs).toBeGreaterThan(0)
    expect(seen.races).toBeGreaterThan(0)
  })
})
