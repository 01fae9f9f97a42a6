const KIB = 1024
const MIB = 1024 * KIB

export interface NetLimit {
  readonly value: number
  readonly unit: 'bytes' | 'ms' | 'count' | 'per s' | 'points' | 'factor'
  readonly reason: string
}

const limit = <const V extends number>(value: V, unit: NetLimit['unit'], reason: string) => ({ value, unit, reason })

/** Every limit of the network room: what `docs/limits.md` lists and a test compares. */
export const NET_LIMITS = {
  maxConnections: limit(
    300,
    'count',
    'a full node knows its committee, its clients and a gossip mesh; beyond it the lowest tagged are pruned',
  ),
  maxParallelDials: limit(100, 'count', 'dials are cheap but each holds a socket and a Noise handshake'),
  maxDialQueue: limit(500, 'count', 'a dial above it fails at once instead of waiting without end'),
  maxPeerAddressesToDial: limit(16, 'count', 'a peer that publishes more addresses makes us knock on strangers'),
  dialTimeout: limit(20_000, 'ms', 'DNS, TCP, Noise and yamux of one peer over all of its addresses'),
  addressDialTimeout: limit(10_000, 'ms', 'one dead address must not use up the whole dial'),
  inboundUpgradeTimeout: limit(10_000, 'ms', 'a caller that connects and never finishes Noise frees its slot'),
  connectionCloseTimeout: limit(1_000, 'ms', 'a closing connection may flush this long'),
  inboundConnectionsPerHost: limit(
    5,
    'per s',
    'production: one host cannot open connections faster than honest reconnects need',
  ),
  inboundConnectionsPerHostDevnet: limit(10_000, 'per s', 'devnet: every node of a devnet is the same host'),
  inboundPendingConnections: limit(
    10,
    'count',
    'production: unfinished handshakes cost CPU before the caller is known',
  ),
  inboundPendingConnectionsDevnet: limit(1_000, 'count', 'devnet: all nodes start in the same second'),
  tcpConnections: limit(400, 'count', 'sockets, a little above maxConnections so that refusals are answered'),
  tcpBacklog: limit(256, 'count', 'queued SYNs while the event loop is busy'),
  tcpIdleTimeout: limit(120_000, 'ms', 'a dead route is noticed; yamux pings every 30 s keep live ones open'),
  keepAliveInterval: limit(30_000, 'ms', 'yamux ping, below every common NAT timeout'),
  pingInterval: limit(15_000, 'ms', 'liveness probe of each connection'),
  pingTimeoutMin: limit(15_000, 'ms', 'a machine under full load must not lose its peers'),
  pingTimeoutMax: limit(60_000, 'ms', 'a peer that is silent longer is gone'),
  pingStreams: limit(2, 'count', 'libp2p ping specification'),
  identifyMessageBytes: limit(8 * KIB, 'bytes', 'identify carries addresses and protocol names only'),
  identifyTimeout: limit(5_000, 'ms', 'identify is one small frame'),
  identifyRetry: limit(
    10_000,
    'ms',
    'first pause before a connection that was not identified is asked again; doubles: gossip knows identified peers alone',
  ),
  identifyRetryMax: limit(60_000, 'ms', 'greatest pause between two such questions'),
  muxerInboundStreams: limit(
    256,
    'count',
    'per connection; yamux looks streams up in a list, so latency grows with their number',
  ),
  muxerOutboundStreams: limit(256, 'count', 'per connection, as inbound'),
  muxerMessageBytes: limit(
    64 * KIB,
    'bytes',
    'one yamux data frame: small enough that a large answer does not delay a small one',
  ),
  streamWindow: limit(256 * KIB, 'bytes', 'yamux initial window: the least the specification allows'),
  streamWindowMax: limit(MIB, 'bytes', 'what a peer may send unread on one stream: 8 MB/s at 125 ms round trip'),
  streamReadBuffer: limit(2 * MIB, 'bytes', 'window and one frame; a peer that overruns its window is cut'),
  streamWriteBuffer: limit(4 * MIB, 'bytes', 'unsent bytes of one stream; writers wait long before'),
  streamHighWater: limit(64 * KIB, 'bytes', 'unread bytes above which a stream is paused'),
  streamQueuedWrites: limit(2 * MIB, 'bytes', 'writes that were issued without waiting for the one before'),
  streamReadTimeout: limit(30_000, 'ms', 'a frame that was asked for arrives whole in this time, else the peer stalls'),
  streamWriteTimeout: limit(30_000, 'ms', 'a reader that takes nothing for this long holds our memory'),
  streamCloseTimeout: limit(5_000, 'ms', 'flush of what was written before a half-close'),
  streamLinger: limit(5_000, 'ms', 'after our close the other side has this long to close, then the stream is reset'),
  streamIdle: limit(660_000, 'ms', 'nobody reads or writes: above the 10 min a job may last'),
  streamIdleAfterEnd: limit(30_000, 'ms', 'the other side has finished and nobody here takes notice'),
  streamOpenTimeout: limit(
    10_000,
    'ms',
    'protocol negotiation; the deadline is shared, so it falls between one and two times this',
  ),
  streamsPerPeer: limit(
    64,
    'count',
    'inbound streams of one protocol on one connection; the excess is reset and reads as busy',
  ),
  streamsPerProtocol: limit(1_024, 'count', 'inbound streams of one protocol over all peers'),
  tick: limit(250, 'ms', 'resolution of every stream deadline: one timer for all streams'),
  frameHeaderBytes: limit(4, 'bytes', 'varint length prefix: 2^28 - 1 is above every frame limit'),
  frameBytesInfer: limit(512 * KIB, 'bytes', 'a job with its sealed input, or a chunk of 64 kB with head and proofs'),
  frameBytesRecords: limit(MIB, 'bytes', 'one record part: receipt, heads, evidence, transcript slice'),
  frameBytesModels: limit(MIB, 'bytes', 'one blob piece'),
  frameBytesSync: limit(MIB, 'bytes', 'one page of checkpoints, votes or batches'),
  frameBytesDefault: limit(64 * KIB, 'bytes', 'a protocol that names no limit of its own'),
  helloFrameBytes: limit(128, 'bytes', 'the hello is 33 bytes and its answer 34'),
  helloTimeout: limit(5_000, 'ms', 'a connection that does not say which network it belongs to is closed'),
  handshakesPending: limit(512, 'count', 'connections that have not said hello yet'),
  bootstrapRetry: limit(2_000, 'ms', 'first pause before a bootstrap peer is dialled again; doubles'),
  bootstrapRetryMax: limit(60_000, 'ms', 'greatest pause between two dials of a bootstrap peer'),
  gossipHeartbeat: limit(1_000, 'ms', 'gossipsub specification'),
  gossipDegree: limit(6, 'count', 'mesh degree D, gossipsub specification'),
  gossipDegreeLow: limit(4, 'count', 'D_low, gossipsub specification'),
  gossipDegreeHigh: limit(12, 'count', 'D_high, gossipsub specification'),
  gossipRpcBytes: limit(MIB, 'bytes', 'one gossipsub RPC, several messages and control'),
  gossipMessageBytes: limit(64 * KIB, 'bytes', 'greatest message of any topic; topics set their own below'),
  gossipOutboundBuffer: limit(
    4 * MIB,
    'bytes',
    'unsent gossip for one peer; above it the stream is cut and the peer hung up',
  ),
  gossipInboundStreams: limit(4, 'count', 'gossip streams of one peer: one, and a spare while reconnecting'),
  gossipTopicBytesPerPeer: limit(128 * KIB, 'bytes', 'subscriptions of one peer, at about 1 KiB each'),
  gossipTopicShards: limit(16, 'count', 'shards of one kind of topic; 1 on a devnet (R8)'),
  gossipRpcMessages: limit(512, 'count', 'messages in one RPC'),
  gossipRpcSubscriptions: limit(128, 'count', 'subscription changes in one RPC'),
  gossipRpcControls: limit(128, 'count', 'control entries of one kind in one RPC'),
  gossipRpcIds: limit(5_000, 'count', 'message ids of one kind in one RPC, gossipsub specification'),
  gossipRpcPeers: limit(16, 'count', 'peer exchange entries in one PRUNE'),
  gossipSeenTtl: limit(120_000, 'ms', 'how long a message id is remembered and its copies dropped'),
  gossipValidators: limit(16, 'count', 'validators of one topic that run at once'),
  gossipValidatorTimeout: limit(5_000, 'ms', 'a validator that hangs frees its slot; the message is ignored'),
  gossipStuckAfter: limit(12_000, 'ms', 'a gossip peer without an outbound stream for this long is hung up'),
  gossipSlips: limit(
    6,
    'count',
    'broken promises and early grafts at once that cost nothing: a stall or a crossing message makes a few of an honest peer',
  ),
  gossipPeersPerIp: limit(10, 'count', 'production: peers of one address before gossipsub counts them as a Sybil'),
  conductFloor: limit(-100, 'points', 'misbehaviour beyond it adds nothing'),
  conductDisconnect: limit(
    -20,
    'points',
    'at or below it a peer is disconnected and not let in until its score decays',
  ),
  conductBan: limit(-50, 'points', 'at or below it a peer is banned'),
  conductBanTime: limit(1_800_000, 'ms', 'a ban lasts this long, whatever the score decays to'),
  conductHalfLife: limit(600_000, 'ms', 'misbehaviour is forgotten by half'),
  conductPeers: limit(10_000, 'count', 'peers with a record; the least guilty is forgotten first'),
  conductGossipWeight: limit(10, 'factor', 'a peer at the disconnect threshold is graylisted by gossipsub too'),
} as const satisfies Record<string, NetLimit>

export type NetLimitName = keyof typeof NET_LIMITS

/** Limits of one stream: bytes and milliseconds. */
export interface StreamLimits {
  readonly highWater: number
  readonly queuedWrites: number
  readonly readTimeout: number
  readonly writeTimeout: number
  readonly closeTimeout: number
  readonly linger: number
  readonly idle: number
  readonly idleAfterEnd: number
}

export const STREAM_LIMITS: StreamLimits = {
  highWater: NET_LIMITS.streamHighWater.value,
  queuedWrites: NET_LIMITS.streamQueuedWrites.value,
  readTimeout: NET_LIMITS.streamReadTimeout.value,
  writeTimeout: NET_LIMITS.streamWriteTimeout.value,
  closeTimeout: NET_LIMITS.streamCloseTimeout.value,
  linger: NET_LIMITS.streamLinger.value,
  idle: NET_LIMITS.streamIdle.value,
  idleAfterEnd: NET_LIMITS.streamIdleAfterEnd.value,
}

/** Greatest frame in bytes of each named stream protocol (R10). */
export const FRAME_LIMITS: ReadonlyMap<string, number> = new Map([
  ['infer', NET_LIMITS.frameBytesInfer.value],
  ['records', NET_LIMITS.frameBytesRecords.value],
  ['models', NET_LIMITS.frameBytesModels.value],
  ['sync', NET_LIMITS.frameBytesSync.value],
])
