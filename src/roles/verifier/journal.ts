import {
  type Address,
  type Digest,
  type OwnVote,
  ROUND,
  type SignedCheckpoint,
  type SignedVote,
  type WorkOpening,
} from '../../protocol/index.ts'
import type { Store } from '../../store/index.ts'
import { encode } from '../../wire/index.ts'
import { readStored, readStoredIf } from '../stored.ts'

/** What a verifier keeps (R27): its own votes and the work they commit to. */
export interface VerifierJournal {
  /** Durable when it resolves. Rejects with StoreError `signed-before` for a second vote of one (checkpoint, round). */
  saveVote(digest: Digest, vote: SignedVote, opening: WorkOpening): Promise<void>
  /** Own votes on a checkpoint, by round. */
  votes(checkpoint: Digest): Promise<OwnVote[]>
  /** Every checkpoint kept that was created at `since` or later, ms; by operator and sequence. */
  checkpoints(since: number): AsyncIterable<SignedCheckpoint>
}

export function createVerifierJournal(
  { store }: { readonly store: Store },
  { verifier }: { readonly verifier: Address },
): VerifierJournal {
  return {
    saveVote: async (digest, vote, opening) => {
      const { checkpoint, round } = vote.vote
      const key = [checkpoint, round, verifier] as const
      await store.commit([
        { type: 'sign', kind: 'vote', scope: checkpoint, sequence: round, digest },
        { type: 'insert', table: 'votes', key, value: encode('SignedVote', vote) },
        { type: 'insert', table: 'openings', key, value: encode('WorkOpening', opening) },
      ])
    },
    votes: async (checkpoint) => {
      const found: OwnVote[] = []
      for (const round of [ROUND.fast, ROUND.escalated]) {
        const key = [checkpoint, round, verifier] as const
        const vote = readStoredIf('SignedVote', await store.get('votes', key))
        const opening = readStoredIf('WorkOpening', await store.get('openings', key))
        if (vote !== undefined && opening !== undefined) found.push({ vote, opening })
      }
      return found
    },
    async *checkpoints(since) {
      for await (const { value } of store.iterate('checkpoints')) {
        const signed = readStored('SignedCheckpoint', value)
        if (signed.checkpoint.createdAt >= since) yield signed
      }
    },
  }
}
