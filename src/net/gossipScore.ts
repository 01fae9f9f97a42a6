import { NET_LIMITS } from './constants.ts'

/** The members of gossipsub's topic parameters that differ from "off". */
export interface TopicScore {
  readonly topicWeight: number
  readonly timeInMeshWeight: number
  readonly timeInMeshQuantum: number
  readonly timeInMeshCap: number
  readonly firstMessageDeliveriesWeight: number
  readonly firstMessageDeliveriesDecay: number
  readonly firstMessageDeliveriesCap: number
  readonly meshMessageDeliveriesWeight: number
  readonly meshMessageDeliveriesDecay: number
  readonly meshMessageDeliveriesCap: number
  readonly meshMessageDeliveriesThreshold: number
  readonly meshMessageDeliveriesWindow: number
  readonly meshMessageDeliveriesActivation: number
  readonly meshFailurePenaltyWeight: number
  readonly meshFailurePenaltyDecay: number
  readonly invalidMessageDeliveriesWeight: number
  readonly invalidMessageDeliveriesDecay: number
}

/** Greatest reward for staying in the mesh an hour, in points of gossipsub's score. */
const TIME_IN_MESH_REWARD = 5
/** Greatest reward for delivering first. */
const FIRST_DELIVERY_REWARD = 10
/** Points of one rejected message; gossipsub squares their number: 1, 4, 9, ... times this. */
const INVALID_MESSAGE_WEIGHT = -10
const INVALID_MESSAGE_HALF_LIFE_MS = 300_000
const FIRST_DELIVERY_HALF_LIFE_MS = 60_000

/** Highest sum a peer may earn over all topics: three rejected messages outweigh any record. */
export const TOPIC_SCORE_CAP = 40

/** Below them a peer gets no gossip, no own messages, no ear at all: 2, 3 and 4 rejected messages in five minutes. */
export const SCORE_THRESHOLDS = {
  gossipThreshold: -20,
  publishThreshold: -80,
  graylistThreshold: -150,
  acceptPXThreshold: 10,
  opportunisticGraftThreshold: 1,
} as const

const decay = (halfLifeMs: number): number => 2 ** (-NET_LIMITS.gossipHeartbeat.value / halfLifeMs)

/**
 * Score parameters of a topic that carries `expectedPerSecond` valid messages: a peer that brings its share of a mesh first
 * earns the whole reward. Deficits of mesh deliveries are not punished, since our topics may be quiet; rejected messages are.
 */
export function topicScore(expectedPerSecond: number): TopicScore {
  const heartbeats = FIRST_DELIVERY_HALF_LIFE_MS / NET_LIMITS.gossipHeartbeat.value
  const share = Math.max(1, (expectedPerSecond * heartbeats * Math.LOG2E) / NET_LIMITS.gossipDegree.value)
  return {
    topicWeight: 1,
    timeInMeshWeight: TIME_IN_MESH_REWARD / 3_600,
    timeInMeshQuantum: 1_000,
    timeInMeshCap: 3_600,
    firstMessageDeliveriesWeight: FIRST_DELIVERY_REWARD / share,
    firstMessageDeliveriesDecay: decay(FIRST_DELIVERY_HALF_LIFE_MS),
    firstMessageDeliveriesCap: share,
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesDecay: 0.5,
    meshMessageDeliveriesCap: 1,
    meshMessageDeliveriesThreshold: 1,
    meshMessageDeliveriesWindow: 10,
    meshMessageDeliveriesActivation: 5_000,
    meshFailurePenaltyWeight: 0,
    meshFailurePenaltyDecay: 0.5,
    invalidMessageDeliveriesWeight: INVALID_MESSAGE_WEIGHT,
    invalidMessageDeliveriesDecay: decay(INVALID_MESSAGE_HALF_LIFE_MS),
  }
}
