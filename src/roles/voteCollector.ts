import {
  type Certificate,
  type Checkpoint,
  type CommitteeSeat,
  checkVote,
  type Digest,
  type Domain,
  findEquivocation,
  type Secp256k1,
  type SignedVote,
  type Tally,
  tallyVotes,
} from '../protocol/index.ts'

/** Votes of one checkpoint as they come in from any path, each checked once (R14). */
export interface VoteCollection {
  readonly checkpoint: Digest
  readonly tally: Tally
  readonly votes: readonly SignedVote[]
  certificate(): Certificate
}

export interface AddedVotes {
  /** Votes that did not hold, by code. */
  readonly refused: readonly { readonly vote: SignedVote; readonly code: string }[]
  readonly changed: boolean
  /** Two votes of one verifier for one round: an objective offence. */
  readonly equivocation?: readonly [SignedVote, SignedVote]
}

export class VoteCollector implements VoteCollection {
  readonly checkpoint: Digest
  readonly committee: readonly CommitteeSeat[]
  readonly #domain: Domain
  readonly #crypto: Pick<Secp256k1, 'recover'>
  readonly #count: number
  readonly #votes = new Map<Digest, SignedVote>()
  #tally: Tally

  constructor(
    components: { readonly domain: Domain; readonly crypto: Pick<Secp256k1, 'recover'> },
    init: { readonly digest: Digest; readonly checkpoint: Checkpoint; readonly committee: readonly CommitteeSeat[] },
  ) {
    this.#domain = components.domain
    this.#crypto = components.crypto
    this.checkpoint = init.digest
    this.committee = init.committee
    this.#count = init.checkpoint.count
    this.#tally = tallyVotes({ committee: init.committee, count: this.#count, votes: [] })
  }

  get tally(): Tally {
    return this.#tally
  }

  get votes(): readonly SignedVote[] {
    return [...this.#votes.values()]
  }

  certificate(): Certificate {
    return { checkpoint: this.checkpoint, votes: this.#tally.votes }
  }

  add(votes: readonly SignedVote[]): AddedVotes {
    const refused: { vote: SignedVote; code: string }[] = []
    const before = this.#votes.size
    for (const vote of votes) {
      if (vote.vote.checkpoint !== this.checkpoint || this.#held(vote)) continue
      const checked = checkVote({
        domain: this.#domain,
        crypto: this.#crypto,
        committee: this.committee,
        checkpoint: this.checkpoint,
        count: this.#count,
        vote,
      })
      if (checked.ok) this.#votes.set(checked.value, vote)
      else refused.push({ vote, code: checked.error.code })
    }
    const changed = this.#votes.size > before
    if (!changed) return { refused, changed }
    this.#tally = tallyVotes({ committee: this.committee, count: this.#count, votes: this.votes })
    const equivocation = findEquivocation(this.votes)
    return { refused, changed, ...(equivocation === undefined ? {} : { equivocation }) }
  }

  #held({ vote, signature }: SignedVote): boolean {
    for (const known of this.#votes.values()) {
      if (known.vote.verifier === vote.verifier && known.vote.round === vote.round && known.signature === signature)
        return true
    }
    return false
  }
}
