import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, identify } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, PrivateKey } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { NET_LIMITS } from './constants.ts'
import { corking } from './corking.ts'
import { gossipService, type RouterInit } from './gossipAdapter.ts'
import type { HostInit } from './interface.ts'
import { libp2pLogger } from './libp2pLogger.ts'

export interface NodeInit {
  readonly host: HostInit
  readonly privateKey: PrivateKey
  readonly gater: ConnectionGater
  readonly router: RouterInit
}

type NodeServices = {
  pubsub: ReturnType<ReturnType<typeof gossipService>>
  identify: Identify
  ping: unknown
} & Record<string, unknown>
export type Libp2pNode = Libp2p<NodeServices>

/** js-libp2p with every limit spelled out; not started. */
export async function createNode(init: NodeInit): Promise<Libp2pNode> {
  const { host } = init
  const devnet = host.profile === 'devnet'
  return createLibp2p<NodeServices>({
    start: false,
    privateKey: init.privateKey,
    nodeInfo: { name: 'opg', version: '1', userAgent: 'opg/1' },
    logger: libp2pLogger(host.logger),
    addresses: { listen: [...host.listen], announce: [...(host.announce ?? [])] },
    transports: [
      tcp({
        maxConnections: NET_LIMITS.tcpConnections.value,
        backlog: NET_LIMITS.tcpBacklog.value,
        inboundSocketInactivityTimeout: NET_LIMITS.tcpIdleTimeout.value,
        outboundSocketInactivityTimeout: NET_LIMITS.tcpIdleTimeout.value,
        dialOpts: { noDelay: true },
        listenOpts: { noDelay: true },
      }),
    ],
    connectionEncrypters: [corking(noise())],
    streamMuxers: [
      yamux({
        enableKeepAlive: true,
        keepAliveInterval: NET_LIMITS.keepAliveInterval.value,
        maxInboundStreams: NET_LIMITS.muxerInboundStreams.value,
        maxOutboundStreams: NET_LIMITS.muxerOutboundStreams.value,
        maxMessageSize: NET_LIMITS.muxerMessageBytes.value,
        streamOptions: {
          initialStreamWindowSize: NET_LIMITS.streamWindow.value,
          maxStreamWindowSize: NET_LIMITS.streamWindowMax.value,
          maxReadBufferLength: NET_LIMITS.streamReadBuffer.value,
          maxWriteBufferLength: NET_LIMITS.streamWriteBuffer.value,
        },
      }),
    ],
    connectionGater: init.gater,
    connectionManager: {
      maxConnections: NET_LIMITS.maxConnections.value,
      maxParallelDials: NET_LIMITS.maxParallelDials.value,
      maxDialQueueLength: NET_LIMITS.maxDialQueue.value,
      maxPeerAddrsToDial: NET_LIMITS.maxPeerAddressesToDial.value,
      dialTimeout: NET_LIMITS.dialTimeout.value,
      addressDialTimeout: NET_LIMITS.addressDialTimeout.value,
      connectionCloseTimeout: NET_LIMITS.connectionCloseTimeout.value,
      inboundUpgradeTimeout: NET_LIMITS.inboundUpgradeTimeout.value,
      outboundStreamProtocolNegotiationTimeout: NET_LIMITS.streamOpenTimeout.value,
      inboundStreamProtocolNegotiationTimeout: NET_LIMITS.streamOpenTimeout.value,
      inboundConnectionThreshold: devnet
        ? NET_LIMITS.inboundConnectionsPerHostDevnet.value
        : NET_LIMITS.inboundConnectionsPerHost.value,
      maxIncomingPendingConnections: devnet
        ? NET_LIMITS.inboundPendingConnectionsDevnet.value
        : NET_LIMITS.inboundPendingConnections.value,
    },
    connectionMonitor: {
      pingInterval: NET_LIMITS.pingInterval.value,
      pingTimeout: { minTimeout: NET_LIMITS.pingTimeoutMin.value, maxTimeout: NET_LIMITS.pingTimeoutMax.value },
    },
    services: {
      identify: identify({
        maxMessageSize: NET_LIMITS.identifyMessageBytes.value,
        timeout: NET_LIMITS.identifyTimeout.value,
      }),
      ping: ping({ maxInboundStreams: NET_LIMITS.pingStreams.value, maxOutboundStreams: NET_LIMITS.pingStreams.value }),
      pubsub: gossipService(init.router),
    },
  })
}
