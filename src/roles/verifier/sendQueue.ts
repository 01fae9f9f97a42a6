import type { Address, SignedVote, VoteBundle, WorkOpening } from '../../protocol/index.ts'

/** Votes with every reason that surely fit one bundle. */
const MAX_VOTES = 16

/** R8: votes within `waitMs` travel as one bundle; work travels beside its own vote, since it may fill a bundle alone. */
export class SendQueue {
  readonly #waitMs: number
  readonly #deliver: (operator: Address, bundle: VoteBundle) => void
  readonly #waiting = new Map<Address, { votes: SignedVote[]; timer: NodeJS.Timeout }>()

  constructor(waitMs: number, deliver: (operator: Address, bundle: VoteBundle) => void) {
    this.#waitMs = waitMs
    this.#deliver = deliver
  }

  push(operator: Address, { votes, openings }: VoteBundle): void {
    for (const opening of openings)
      this.#deliver(operator, { votes: votes.filter(opens(opening)), openings: [opening] })
    const bare = votes.filter((vote) => !openings.some((opening) => opens(opening)(vote)))
    if (bare.length === 0) return
    const entry = this.#waiting.get(operator)
    if (entry !== undefined) entry.votes.push(...bare)
    else {
      const timer = setTimeout(() => this.flush(operator), this.#waitMs)
      this.#waiting.set(operator, { votes: [...bare], timer })
    }
    if ((this.#waiting.get(operator)?.votes.length ?? 0) >= MAX_VOTES) this.flush(operator)
  }

  flush(operator: Address): void {
    const entry = this.#waiting.get(operator)
    if (entry === undefined) return
    clearTimeout(entry.timer)
    this.#waiting.delete(operator)
    for (let at = 0; at < entry.votes.length; at += MAX_VOTES) {
      this.#deliver(operator, { votes: entry.votes.slice(at, at + MAX_VOTES), openings: [] })
    }
  }

  flushAll(): void {
    for (const operator of [...this.#waiting.keys()]) this.flush(operator)
  }
}

const opens =
  (opening: WorkOpening) =>
  ({ vote }: SignedVote): boolean =>
    vote.verifier === opening.verifier && vote.checkpoint === opening.checkpoint && vote.round === opening.round
