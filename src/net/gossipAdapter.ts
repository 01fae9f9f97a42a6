import { createHash } from 'node:crypto'
import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  StrictNoSign,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'
import { NET_LIMITS } from './constants.ts'
import { NetError } from './errors.ts'
import { SCORE_THRESHOLDS, TOPIC_SCORE_CAP, type TopicScore, topicScore } from './gossipScore.ts'
import type { NetProfile } from './interface.ts'

const MESSAGE_ID_BYTES = 20

export type RouterVerdict = 'accept' | 'ignore' | 'reject'
export type RouterValidator = (data: Uint8Array, from: string) => Promise<RouterVerdict>

/** gossipsub, narrowed to what the network room uses. */
export interface GossipRouter {
  subscribe(topic: string, validator: RouterValidator, score: TopicScore): void
  unsubscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<number>
  subscribers(topic: string): string[]
  meshPeers(topic: string): string[]
  score(peer: string): number
  forget(topic: string, data: Uint8Array): boolean
  /** Peers that gossip with us but have no stream on which we could send. */
  deafPeers(): string[]
}

export interface RouterInit {
  readonly profile: NetProfile
  /** Every topic of the network: subscriptions to others are not even recorded. */
  readonly topics: readonly string[]
  readonly trustedAddresses: readonly string[]
  /** Score of a peer from conduct, 0 and below. */
  readonly conductScore: (peer: string) => number
}

/** `sha256(topic || data)`, first 20 bytes: content ids, so nobody can flood one content under many ids (R8). */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  return createHash('sha256').update(topic).update(data).digest().subarray(0, MESSAGE_ID_BYTES)
}

const messageIdText = (id: Uint8Array): string =>
  Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')

export function gossipService(init: RouterInit): (components: GossipSubComponents) => GossipSub {
  return gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: (message) => messageId(message.topic, message.data),
    msgIdToStrFn: messageIdText,
    allowedTopics: new Set(init.topics),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    floodPublish: false,
    batchPublish: true,
    emitSelf: false,
    doPX: false,
    D: NET_LIMITS.gossipDegree.value,
    Dlo: NET_LIMITS.gossipDegreeLow.value,
    Dhi: NET_LIMITS.gossipDegreeHigh.value,
    heartbeatInterval: NET_LIMITS.gossipHeartbeat.value,
    seenTTL: NET_LIMITS.gossipSeenTtl.value,
    maxInboundStreams: NET_LIMITS.gossipInboundStreams.value,
    maxOutboundStreams: NET_LIMITS.gossipInboundStreams.value,
    maxInboundDataLength: NET_LIMITS.gossipRpcBytes.value,
    maxOutboundBufferSize: NET_LIMITS.gossipOutboundBuffer.value,
    maxTopicBytesPerPeer: NET_LIMITS.gossipTopicBytesPerPeer.value,
    decodeRpcLimits: {
      maxSubscriptions: NET_LIMITS.gossipRpcSubscriptions.value,
      maxMessages: NET_LIMITS.gossipRpcMessages.value,
      maxControlMessages: NET_LIMITS.gossipRpcControls.value,
      maxIhaveMessageIDs: NET_LIMITS.gossipRpcIds.value,
      maxIwantMessageIDs: NET_LIMITS.gossipRpcIds.value,
      maxIdontwantMessageIDs: NET_LIMITS.gossipRpcIds.value,
      maxPeerInfos: NET_LIMITS.gossipRpcPeers.value,
    },
    scoreThresholds: SCORE_THRESHOLDS,
    scoreParams: {
      topics: Object.fromEntries(init.topics.map((topic) => [topic, topicScore(0)])),
      topicScoreCap: TOPIC_SCORE_CAP,
      appSpecificScore: init.conductScore,
      appSpecificWeight: NET_LIMITS.conductGossipWeight.value,
      IPColocationFactorWeight: init.profile === 'devnet' ? 0 : -5,
      IPColocationFactorThreshold: NET_LIMITS.gossipPeersPerIp.value,
      IPColocationFactorWhitelist: new Set(init.trustedAddresses),
      behaviourPenaltyThreshold: NET_LIMITS.gossipSlips.value,
      behaviourPenaltyDecay: 0.9,
    },
  })
}

/** Members of the class that the package's exported interface leaves out (gossipsub 17.1). */
interface GossipSubInternals {
  getScore(peer: string): number
  getMeshPeers(topic: string): string[]
  readonly peers: Map<string, PeerId>
  readonly streamsOutbound: Map<string, unknown>
  readonly seenCache: { readonly entries: Map<string, unknown> }
  readonly score: { readonly params: { readonly topics: Record<string, TopicScore> } }
}

/** The one cast to gossipsub's class; refuses to start on a version whose members are not where they were. */
export function gossipRouter(service: GossipSub, topics: readonly string[]): GossipRouter {
  const internals = service as unknown as GossipSubInternals
  const found: Record<string, boolean> = {
    getScore: typeof internals.getScore === 'function',
    getMeshPeers: typeof internals.getMeshPeers === 'function',
    peers: internals.peers instanceof Map,
    streamsOutbound: internals.streamsOutbound instanceof Map,
    'seenCache.entries': internals.seenCache?.entries instanceof Map,
    'score.params.topics': typeof internals.score?.params?.topics === 'object',
  }
  for (const [member, present] of Object.entries(found)) {
    if (!present) {
      throw new NetError(
        { code: 'incompatible-gossipsub', missing: member },
        `expected gossipsub to have ${member}: pin its version`,
      )
    }
  }
  for (const topic of topics) service.topicValidators.set(topic, ignoreUnsubscribed)

  return {
    subscribe(topic, validator, score) {
      internals.score.params.topics[topic] = score
      service.topicValidators.set(
        topic,
        async (from, message) => ROUTER_RESULTS[await validator(message.data, from.toString())],
      )
      service.subscribe(topic)
    },
    unsubscribe(topic) {
      service.unsubscribe(topic)
      service.topicValidators.set(topic, ignoreUnsubscribed)
    },
    publish: async (topic, data) => (await service.publish(topic, data)).recipients.length,
    subscribers: (topic) => service.getSubscribers(topic).map(String),
    meshPeers: (topic) => internals.getMeshPeers(topic),
    score: (peer) => internals.getScore(peer),
    forget: (topic, data) => internals.seenCache.entries.delete(messageIdText(messageId(topic, data))),
    deafPeers: () => [...internals.peers.keys()].filter((peer) => !internals.streamsOutbound.has(peer)),
  }
}

const ROUTER_RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const

const ignoreUnsubscribed = () => TopicValidatorResult.Ignore
