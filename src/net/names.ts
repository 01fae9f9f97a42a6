import { type Digest, isDigest } from '../protocol/index.ts'
import { FRAME_LIMITS, NET_LIMITS } from './constants.ts'
import { NetError } from './errors.ts'

/** Kinds of gossip (R8); receipts, inputs and outputs are never gossiped. */
export const GOSSIP_KINDS = ['offer', 'load', 'checkpoint', 'vote', 'batch', 'evidence'] as const
export type GossipKind = (typeof GOSSIP_KINDS)[number]

const NAME_PATTERN = /^[a-z][a-z0-9-]{0,31}$/
const PROTOCOL_PATTERN = /^\/opg\/0x[0-9a-f]{64}\/([a-z][a-z0-9-]{0,31})\/1$/

/** `/opg/<networkId>/<kind>/<shard>/1` (R2, R8). Throws NetError `invalid-name`. */
export function topicName(networkId: Digest, kind: GossipKind, shard: number): string {
  assertNetworkId(networkId)
  if (!GOSSIP_KINDS.includes(kind)) {
    throw new NetError({ code: 'invalid-name', got: kind }, `expected one of ${GOSSIP_KINDS.join(', ')}, got ${kind}`)
  }
  if (!Number.isInteger(shard) || shard < 0 || shard >= NET_LIMITS.gossipTopicShards.value) {
    throw new NetError(
      { code: 'invalid-name', got: String(shard) },
      `expected a shard from 0 to ${NET_LIMITS.gossipTopicShards.value - 1}, got ${shard}`,
    )
  }
  return `/opg/${networkId}/${kind}/${shard}/1`
}

/** `/opg/<networkId>/<name>/1`: a stream protocol that only peers of this network can open (R2, R10). */
export function protocolName(networkId: Digest, name: string): string {
  assertNetworkId(networkId)
  if (!NAME_PATTERN.test(name)) {
    throw new NetError(
      { code: 'invalid-name', got: name },
      `expected lower-case letters, digits and dashes, got ${name}`,
    )
  }
  return `/opg/${networkId}/${name}/1`
}

/** Greatest frame in bytes of a protocol made by `protocolName`. */
export function frameLimit(protocol: string): number {
  const name = PROTOCOL_PATTERN.exec(protocol)?.[1]
  return FRAME_LIMITS.get(name ?? '') ?? NET_LIMITS.frameBytesDefault.value
}

function assertNetworkId(networkId: string): void {
  if (!isDigest(networkId)) {
    throw new NetError(
      { code: 'invalid-name', got: networkId },
      'expected a network id: 0x and 64 lower-case hex digits',
    )
  }
}
