export { addressFromPeerId, peerIdFromPublicKey, publicKeyFromPeerId } from '../protocol/index.ts'
export { NET_CONDUCT } from './conduct.ts'
export {
  FRAME_LIMITS,
  NET_LIMITS,
  type NetLimit,
  type NetLimitName,
  STREAM_LIMITS,
  type StreamLimits,
} from './constants.ts'
export { isNetError, NetError, type NetErrorCode, type NetErrorDetail } from './errors.ts'
export { createHost, type HostOverrides } from './host.ts'
export type * from './interface.ts'
export { createNetMetrics, type NetMetrics } from './metrics.ts'
export { frameLimit, GOSSIP_KINDS, type GossipKind, protocolName, topicName } from './names.ts'
