import { anchorsWith, batchDigest, buildBatch, joinSigned, leafOrder, type SettledCheckpoint } from '../batch.ts'
import { countBits } from '../bitmap.ts'
import type { Domain } from '../eip712.ts'
import type { Address, Digest } from '../hex.ts'
import type { BatchSignature, SignedBatch } from '../messages.ts'
import type { Parameters } from '../parameters.ts'
import type { Secp256k1, Signature, Signer } from '../ports.ts'
import { settlerOrder } from '../seats.ts'

export interface SignerSeat {
  readonly seat: number
  readonly operator: Address
  readonly weight: bigint
}

/** The last batch the chain holds. */
export interface ChainTip {
  readonly number: number
  readonly digest: Digest
  readonly cutoff: number
  /** When it was anchored, by the chain's clock, ms. */
  readonly anchoredAt: number
}

/** What the chain says when a batch may be built. */
export interface SettlementContext {
  readonly tip: ChainTip
  readonly epoch: number
  readonly signers: readonly SignerSeat[]
  readonly settlers: readonly Address[]
}

export interface SettlerInit {
  readonly domain: Domain
  readonly crypto: Secp256k1
  readonly parameters: Parameters
  /** The settler's key: what it proposes, it signs (R19). */
  readonly signer: Signer
}

export type SettlerEvent =
  | {
      readonly type: 'restored'
      readonly settled: readonly SettledCheckpoint[]
      readonly nextSequences: ReadonlyMap<Address, number>
      /** Proposals with a quorum that were stored before the stop; the chain may or may not have them. */
      readonly signed: readonly SignedBatch[]
    }
  | { readonly type: 'settled'; readonly settled: SettledCheckpoint }
  | { readonly type: 'tick'; readonly now: number; readonly context: SettlementContext }
  | { readonly type: 'signature'; readonly digest: Digest; readonly seat: number; readonly signature: Signature }
  /** Every signer was asked, and no quorum came: the proposal is built anew. */
  | { readonly type: 'unsigned'; readonly digest: Digest }
  | { readonly type: 'anchored'; readonly batch: SignedBatch }
  /** `reverted`: the chain will never take it. Otherwise it is sent again. */
  | { readonly type: 'anchor-failed'; readonly digest: Digest; readonly reverted: boolean }
  /** The chain went back: batches above `number` are no longer there (R22). */
  | {
      readonly type: 'unanchored'
      readonly number: number
      readonly nextSequences: ReadonlyMap<Address, number>
      /** Checkpoints those batches held, from the store. */
      readonly settled: readonly SettledCheckpoint[]
    }

export type SettlerEntry =
  | { readonly kind: 'settled'; readonly settled: SettledCheckpoint }
  | { readonly kind: 'signed-batch'; readonly signed: SignedBatch; readonly digest: Digest }

export type SettlerEffect =
  | { readonly type: 'persist'; readonly entries: readonly SettlerEntry[] }
  | {
      readonly type: 'request-signatures'
      readonly proposal: SignedBatch
      readonly digest: Digest
      readonly settled: readonly SettledCheckpoint[]
      readonly signers: readonly SignerSeat[]
    }
  | { readonly type: 'anchor'; readonly signed: SignedBatch; readonly digest: Digest }

interface Proposal {
  readonly signed: SignedBatch
  readonly digest: Digest
  readonly signers: readonly SignerSeat[]
  readonly signatures: Map<number, BatchSignature>
  readonly startedAt: number
  anchoring: boolean
}

/** A proposal that found no quorum this long is dropped and built anew, ms. */
const PROPOSAL_TIMEOUT_MS = 10_000

/** An anchor nobody says anything about is sent again after this: its block may have gone before it was seen, ms. */
const ANCHOR_TIMEOUT_MS = 60_000

/** Batches a reorg may take back and this machine re-sends. */
const MAX_REMEMBERED_BATCHES = 64

/**
 * The settler's rules (R19 to R22): builds batch `last + 1` in its turn, gathers signatures, stores the quorum before it
 * anchors, and re-sends what a reorg took back. Losing a race costs nothing: the rest is rebuilt on the winner.
 */
export class SettlerMachine {
  readonly #init: SettlerInit
  readonly #waiting = new Map<Digest, SettledCheckpoint>()
  /** Quorums by the batch they follow: a number may have had several. */
  readonly #signed = new Map<Digest, { readonly signed: SignedBatch; readonly digest: Digest }>()
  #nextSequences = new Map<Address, number>()
  #proposal: Proposal | undefined

  constructor(init: SettlerInit) {
    this.#init = init
  }

  /** Checkpoints that wait for a batch. */
  get waiting(): number {
    return this.#waiting.size
  }

  handle(event: SettlerEvent): SettlerEffect[] {
    switch (event.type) {
      case 'restored':
        return this.#onRestored(event)
      case 'settled':
        return this.#onSettled(event.settled)
      case 'tick':
        return this.#onTick(event.now, event.context)
      case 'signature':
        return this.#onSignature(event.digest, event.seat, event.signature)
      case 'unsigned':
        return this.#onUnsigned(event.digest)
      case 'anchored':
        return this.#onAnchored(event.batch)
      case 'anchor-failed':
        return this.#onAnchorFailed(event.digest, event.reverted)
      case 'unanchored':
        return this.#onUnanchored(event)
    }
  }

  #onRestored(event: Extract<SettlerEvent, { type: 'restored' }>): SettlerEffect[] {
    this.#nextSequences = new Map(event.nextSequences)
    for (const settled of event.settled) this.#keep(settled)
    for (const signed of event.signed) this.#remember(signed)
    return []
  }

  #onSettled(settled: SettledCheckpoint): SettlerEffect[] {
    if (!this.#keep(settled)) return []
    return [{ type: 'persist', entries: [{ kind: 'settled', settled }] }]
  }

  /** A checkpoint comes again when late votes decide more of it. */
  #keep(settled: SettledCheckpoint): boolean {
    const { operator, sequence } = settled.signed.checkpoint
    const known = this.#waiting.get(settled.digest)
    if (sequence < this.#next(operator)) return false
    if (known !== undefined && decidedOf(known) >= decidedOf(settled)) return false
    this.#waiting.set(settled.digest, settled)
    return true
  }

  #next(operator: Address): number {
    return this.#nextSequences.get(operator) ?? 0
  }

  /** Without signatures a batch cannot be sent again. */
  #remember(signed: SignedBatch): void {
    if (signed.signatures.length === 0) return
    const { previous } = signed.batch
    this.#signed.delete(previous)
    this.#signed.set(previous, { signed, digest: batchDigest(this.#init.domain, signed.batch) })
    const [oldest] = this.#signed.keys()
    if (this.#signed.size > MAX_REMEMBERED_BATCHES && oldest !== undefined) this.#signed.delete(oldest)
  }

  #onTick(now: number, context: SettlementContext): SettlerEffect[] {
    const { tip } = context
    const resend = this.#resend(now, tip)
    if (resend !== undefined) return resend
    const open = this.#proposal
    if (open !== undefined) {
      const follows = open.signed.batch.previous === tip.digest
      if (follows && (open.anchoring || now - open.startedAt < PROPOSAL_TIMEOUT_MS)) return []
      this.#proposal = undefined
    }
    const settled = this.#ready()
    if (settled.length === 0 || !this.#myTurn(now, context, settled.length)) return []
    return this.#propose(now, context, settled)
  }

  /** A stored quorum for the next number goes out again: after a crash before or a reorg after the anchor (R22). */
  #resend(now: number, tip: ChainTip): SettlerEffect[] | undefined {
    const stored = this.#signed.get(tip.digest)
    if (stored === undefined || stored.signed.batch.number !== tip.number + 1) return undefined
    const open = this.#proposal
    if (open?.digest === stored.digest && open.anchoring && now - open.startedAt < ANCHOR_TIMEOUT_MS) return []
    this.#proposal = { ...stored, signers: [], signatures: new Map(), startedAt: now, anchoring: true }
    return [{ type: 'anchor', ...stored }]
  }

  /** Per operator the unbroken run from its next sequence; the rest waits for what is missing. */
  #ready(): SettledCheckpoint[] {
    const ordered = [...this.#waiting.values()].sort((a, b) => leafOrder(a.signed.checkpoint, b.signed.checkpoint))
    const next = new Map<Address, number>()
    const ready: SettledCheckpoint[] = []
    for (const settled of ordered) {
      const { operator, sequence } = settled.signed.checkpoint
      if (sequence !== (next.get(operator) ?? this.#next(operator))) continue
      next.set(operator, sequence + 1)
      ready.push(settled)
    }
    return inTurns(ready, this.#init.parameters.batchCheckpoints)
  }

  #myTurn(now: number, { tip, settlers }: SettlementContext, ready: number): boolean {
    const { batchInterval, batchCheckpoints, settlerDelay } = this.#init.parameters
    const position = settlerOrder(settlers, tip.digest, tip.number + 1).indexOf(this.#init.signer.address)
    if (position === -1) return false
    const due = ready >= batchCheckpoints ? 0 : batchInterval
    return now >= tip.anchoredAt + due + position * settlerDelay
  }

  #propose(now: number, context: SettlementContext, settled: readonly SettledCheckpoint[]): SettlerEffect[] {
    const { batch, leaves } = buildBatch(this.#init.domain, {
      number: context.tip.number + 1,
      previous: context.tip.digest,
      epoch: context.epoch,
      settler: this.#init.signer.address,
      cutoff: Math.max(now, context.tip.cutoff + 1),
      settled,
    })
    const digest = batchDigest(this.#init.domain, batch)
    const proposal = { batch, leaves, signatures: [], settlerSignature: this.#init.signer.sign(digest) }
    this.#proposal = {
      signed: proposal,
      digest,
      signers: context.signers,
      signatures: new Map(),
      startedAt: now,
      anchoring: false,
    }
    return [{ type: 'request-signatures', proposal, digest, settled, signers: context.signers }]
  }

  #onSignature(digest: Digest, seat: number, signature: Signature): SettlerEffect[] {
    const open = this.#proposal
    if (open === undefined || open.digest !== digest || open.anchoring) return []
    const signer = open.signers.find((entry) => entry.seat === seat)
    if (signer === undefined || this.#init.crypto.recover(digest, signature) !== signer.operator) return []
    open.signatures.set(seat, { seat, signature })
    const total = open.signers.reduce((sum, { weight }) => sum + weight, 0n)
    const weight = open.signers.reduce((sum, entry) => (open.signatures.has(entry.seat) ? sum + entry.weight : sum), 0n)
    if (!anchorsWith(weight, total)) return []
    const signatures = [...open.signatures.values()].sort((a, b) => a.seat - b.seat)
    const signed = { ...open.signed, signatures }
    open.anchoring = true
    this.#remember(signed)
    return [
      { type: 'persist', entries: [{ kind: 'signed-batch', signed, digest }] },
      { type: 'anchor', signed, digest },
    ]
  }

  #onUnsigned(digest: Digest): SettlerEffect[] {
    if (this.#proposal?.digest === digest && !this.#proposal.anchoring) this.#proposal = undefined
    return []
  }

  #onAnchored(signed: SignedBatch): SettlerEffect[] {
    for (const leaf of signed.leaves) {
      this.#nextSequences.set(leaf.operator, Math.max(this.#next(leaf.operator), leaf.sequence + 1))
    }
    for (const [digest, { signed: waiting }] of this.#waiting) {
      const { operator, sequence } = waiting.checkpoint
      if (sequence < this.#next(operator)) this.#waiting.delete(digest)
    }
    const digest = batchDigest(this.#init.domain, signed.batch)
    const known = this.#signed.get(signed.batch.previous)
    const whole = known?.digest === digest ? joinSigned(known.signed, signed) : signed
    this.#remember(whole)
    if (this.#isOvertakenBy(signed)) this.#proposal = undefined
    return [{ type: 'persist', entries: [{ kind: 'signed-batch', signed: whole, digest }] }]
  }

  #isOvertakenBy({ batch, leaves }: SignedBatch): boolean {
    const open = this.#proposal?.signed
    if (open === undefined) return false
    const anchored = new Set(leaves.map(({ checkpoint }) => checkpoint))
    return open.batch.number <= batch.number || open.leaves.some(({ checkpoint }) => anchored.has(checkpoint))
  }

  #onAnchorFailed(digest: Digest, reverted: boolean): SettlerEffect[] {
    const open = this.#proposal
    if (open?.digest !== digest) return []
    const { previous } = open.signed.batch
    if (reverted && this.#signed.get(previous)?.digest === digest) this.#signed.delete(previous)
    this.#proposal = undefined
    return []
  }

  #onUnanchored(event: Extract<SettlerEvent, { type: 'unanchored' }>): SettlerEffect[] {
    this.#nextSequences = new Map(event.nextSequences)
    for (const settled of event.settled) this.#keep(settled)
    if (this.#proposal !== undefined && this.#proposal.signed.batch.number > event.number) this.#proposal = undefined
    return []
  }
}

const decidedOf = ({ accepted, rejected }: SettledCheckpoint): number => countBits(accepted | rejected)

/** At most `most`: the first of every operator, then the second of every one, so that none crowds out the others. */
function inTurns(ready: readonly SettledCheckpoint[], most: number): SettledCheckpoint[] {
  if (ready.length <= most) return [...ready]
  const taken = new Map<Address, number>()
  const ranked = ready.map((settled) => {
    const { operator } = settled.signed.checkpoint
    const rank = taken.get(operator) ?? 0
    taken.set(operator, rank + 1)
    return { settled, rank }
  })
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ settled }) => settled)
}
