import type { Address, Clock, Digest, SignedCheckpoint, SignedVote, WorkOpening } from '../protocol/index.ts'
import type { Store } from '../store/index.ts'
import { encode, type LatestResponse, maxBytes } from '../wire/index.ts'
import { readCheckpoint } from './checkpointStore.ts'
import { readStored, readStoredIf } from './stored.ts'
import { refuseSync, type Sync } from './sync.ts'

const MAX_CHECKPOINTS = 64
/** Votes with every reason that surely fit one answer. */
const MAX_VOTES = 16
/** Tag and length of a message inside another. */
const FIELD_BYTES = 8
/** R17: by then work is public; before, who has not voted could copy it, ms. */
const WORK_SHOWN_AFTER_MS = 10_000

/** Answers from the store what others may pull: grants, checkpoints, votes, and an operator's own latest (R10, R14, R27). */
export function respondFromStore(sync: Sync, store: Store, clock: Clock): void {
  sync.respond('grantRequest', async ({ grant: digest }) => {
    const grant = readStoredIf('SignedGrant', await store.get('grants', [digest]))
    return grant === undefined
      ? refuseSync('not-found', `grant ${digest} is not held here`)
      : { kind: 'grant', value: { grant } }
  })
  sync.respond('checkpointRequest', async ({ checkpoint: digest }) => {
    const checkpoint = await readCheckpoint(store, digest)
    return checkpoint === undefined
      ? refuseSync('not-found', `checkpoint ${digest} is not held here`)
      : { kind: 'checkpoints', value: { checkpoints: [checkpoint], more: false } }
  })
  sync.respond('checkpointsRequest', async ({ operator, from, count }) => {
    if (count === 0 || count > MAX_CHECKPOINTS) {
      return refuseSync('too-much', `expected 1 to ${MAX_CHECKPOINTS} checkpoints`)
    }
    const found = await checkpointsFrom(store, operator, from, count + 1)
    return { kind: 'checkpoints', value: { checkpoints: found.slice(0, count), more: found.length > count } }
  })
  sync.respond('votesRequest', async ({ checkpoint }) => {
    const { more, ...bundle } = await votesOf(store, checkpoint, clock() - WORK_SHOWN_AFTER_MS)
    return { kind: 'votes', value: { bundle, more } }
  })
  sync.respond('latestRequest', async ({ operator }) => ({ kind: 'latest', value: await latestOf(store, operator) }))
}

async function checkpointsFrom(
  store: Store,
  operator: Address,
  from: number,
  count: number,
): Promise<SignedCheckpoint[]> {
  const found: SignedCheckpoint[] = []
  for await (const { value } of store.iterate('checkpoints', {
    prefix: [operator],
    gte: [operator, from],
    limit: count,
  })) {
    found.push(readStored('SignedCheckpoint', value))
  }
  return found
}

/** Votes, and the work of as many as fits beside them of those that were due by `shownBy`. */
async function votesOf(
  store: Store,
  checkpoint: Digest,
  shownBy: number,
): Promise<{ readonly votes: SignedVote[]; readonly openings: WorkOpening[]; readonly more: boolean }> {
  const votes: SignedVote[] = []
  const openings: WorkOpening[] = []
  let more = false
  for await (const { value } of store.iterate('votes', { prefix: [checkpoint], limit: MAX_VOTES + 1 })) {
    if (votes.length < MAX_VOTES) votes.push(readStored('SignedVote', value))
    else more = true
  }
  let bytes = encode('VoteBundle', { votes, openings }).length
  for (const { vote } of votes) {
    if (vote.seenAt > shownBy) continue
    const value = await store.get('openings', [checkpoint, vote.round, vote.verifier])
    if (value === undefined) continue
    bytes += value.length + FIELD_BYTES
    if (bytes > maxBytes('VoteBundle')) return { votes, openings, more: true }
    openings.push(readStored('WorkOpening', value))
  }
  return { votes, openings, more }
}

async function latestOf(store: Store, operator: Address): Promise<LatestResponse> {
  let checkpoint: SignedCheckpoint | undefined
  for await (const { value } of store.iterate('checkpoints', { prefix: [operator], reverse: true, limit: 1 })) {
    checkpoint = readStored('SignedCheckpoint', value)
  }
  const offer = readStoredIf('SignedOffer', await store.get('offers', [operator]))
  return {
    operator,
    ...(offer === undefined ? {} : { offer: { offer: offer.offer, signature: offer.signature } }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  }
}
