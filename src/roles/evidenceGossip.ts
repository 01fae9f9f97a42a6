import { type Host, topicName } from '../net/index.ts'
import { type Digest, keccak, type SignedCheckpoint, type SignedVote, toError } from '../protocol/index.ts'
import { type EquivocationProof, encode, encodeGossip } from '../wire/index.ts'
import type { RoleLogger } from './logger.ts'

/** Tells everybody of two objects that one key signed for one place (R9). */
export interface EvidenceGossip {
  checkpoints(first: SignedCheckpoint, second: SignedCheckpoint): void
  votes(first: SignedVote, second: SignedVote): void
  onEvidence(listener: (proof: EquivocationProof) => void): void
}

const MAX_REMEMBERED = 1_024

export function createEvidenceGossip(
  components: { readonly host: Pick<Host, 'gossip'>; readonly logger: RoleLogger },
  init: { readonly networkId: Digest },
): EvidenceGossip {
  const { host, logger } = components
  const topic = topicName(init.networkId, 'evidence', 0)
  const told = new Set<Digest>()
  const listeners: ((proof: EquivocationProof) => void)[] = []

  const publish = (kind: 'checkpoint' | 'vote', left: Uint8Array, right: Uint8Array): void => {
    const [a, b] = [keccak(left), keccak(right)]
    const [first, second] = a < b ? [left, right] : [right, left]
    const proof: EquivocationProof = { kind, first, second }
    const bytes = encodeGossip('evidence', proof)
    const id = keccak(bytes)
    if (told.has(id)) return
    told.add(id)
    const oldest = told.values().next()
    if (told.size > MAX_REMEMBERED && oldest.done !== true) told.delete(oldest.value)
    logger.warn({ kind, proof: id }, 'two signatures for one place')
    for (const listener of listeners) listener(proof)
    host.gossip.publish(topic, bytes).catch((thrown) => {
      logger.warn({ kind, proof: id, error: toError(thrown).message }, 'evidence not gossiped')
    })
  }

  return {
    checkpoints: (first, second) =>
      publish('checkpoint', encode('SignedCheckpoint', first), encode('SignedCheckpoint', second)),
    votes: (first, second) => publish('vote', encode('SignedVote', first), encode('SignedVote', second)),
    onEvidence: (listener) => {
      listeners.push(listener)
    },
  }
}
