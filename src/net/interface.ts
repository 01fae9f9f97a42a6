import type { Clock, Digest } from '../protocol/index.ts'
import type { NetMetrics } from './metrics.ts'

/** The part of a pino logger that this room uses. Never given keys, prompts or message contents. */
export interface NetLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type NetProfile = 'devnet' | 'production'

export interface HostInit {
  /** 32-byte secp256k1 key; the PeerId follows from it (R1). */
  readonly privateKey: Uint8Array
  /** Multiaddrs to listen on; empty for a node that only dials. */
  readonly listen: readonly string[]
  /** Multiaddrs to tell others instead of those found, for a node behind a fixed address translation. */
  readonly announce?: readonly string[]
  /** Multiaddrs, each with `/p2p/<peer>`, that are dialled at start and again whenever the connection is lost. */
  readonly bootstrap: readonly string[]
  readonly networkId: Digest
  readonly profile: NetProfile
  /** Shards per kind of topic, 1 by default (R8). */
  readonly topicShards?: number
  /** Production: IP addresses whose peers gossipsub does not count as one Sybil (a data centre's gateway). */
  readonly trustedAddresses?: readonly string[]
  /** Standing of peers from an earlier run. */
  readonly conduct?: readonly ConductRecord[]
  readonly logger: NetLogger
  readonly metrics?: NetMetrics
  readonly clock: Clock
}

export interface SignalOptions {
  readonly signal?: AbortSignal
}

export interface OpenStreamOptions extends SignalOptions {
  /** Greatest frame in bytes either side may send; the protocol's own by default. */
  readonly maxFrameBytes?: number
  /** Uses a connection kept for this protocol alone, so that bulk data does not delay other streams (R10: models). */
  readonly ownConnection?: boolean
}

export interface HandleOptions {
  /** Streams of one connection, 64 by default; the excess is reset, which the caller reads as `busy`. */
  readonly maxInboundStreams?: number
  /** Streams over all peers, 1024 by default. */
  readonly maxTotalStreams?: number
  readonly maxFrameBytes?: number
}

export type StreamHandler = (stream: FrameStream, peer: string) => Promise<void>

/**
 * One process on the network. Every connection is admitted by a hello that names the network (R2) before any stream of ours
 * is served; `connect` resolves only then.
 */
export interface Host {
  readonly peerId: string
  /** Multiaddrs with `/p2p/<peerId>`; empty before `start`. */
  addresses(): string[]
  start(): Promise<void>
  stop(): Promise<void>
  /**
   * Dials a multiaddr, or a PeerId whose address is known, and waits for the hello. Returns the PeerId. Rejects with NetError
   * `invalid-address | no-address | dial-failed | dial-timeout | handshake-failed | unexpected-peer | foreign-network | refused |
   * banned | invalid-hello | hello-timeout | aborted | not-started`.
   */
  connect(addressOrPeer: string, options?: SignalOptions): Promise<string>
  disconnect(peer: string): Promise<void>
  /** Admitted peers only. */
  connectedPeers(): string[]
  /** Multiaddrs with `/p2p/<peer>` that a connected peer listens on, as it told us; none before it did. */
  addressesOf(peer: string): Promise<string[]>
  /**
   * Opens a stream, dialling first where needed. Free it with `close()` in a `finally`. Rejects with NetError: those of
   * `connect`, and `unsupported-protocol | busy | too-many-streams | open-timeout | connection-closed`.
   */
  openStream(peer: string, protocol: string, options?: OpenStreamOptions): Promise<FrameStream>
  /** The stream is closed when the handler resolves and reset when it rejects. */
  handle(protocol: string, handler: StreamHandler, options?: HandleOptions): void
  onPeerConnected(listener: (peer: string) => void): () => void
  onPeerDisconnected(listener: (peer: string) => void): () => void
  readonly gossip: Gossip
  readonly conduct: Conduct
}

export interface FrameOptions extends SignalOptions {
  /** Milliseconds until the stream is given up; `Infinity` to wait as long as the connection lives. */
  readonly timeoutMs?: number
}

/**
 * Length-prefixed frames over one stream, both ways, with back-pressure. Any number of exchanges may follow each other on it.
 * A frame that breaks the limits, a stall and an end inside a frame all reset the stream: it cannot be used again after an error,
 * except `aborted` (the caller's own signal), `concurrent-read` and a `frame-too-large` of its own write.
 */
export interface FrameStream {
  readonly peer: string
  readonly protocol: string
  /** Resolves when there is room for more. The frame must not be changed before. Writes keep their order. */
  write(frame: Uint8Array, options?: FrameOptions): Promise<void>
  /** Frames that leave together: one packet instead of one each, which is most of what a small frame costs. */
  writeAll(frames: readonly Uint8Array[], options?: FrameOptions): Promise<void>
  /** One frame, or undefined when the other side has ended cleanly between frames. One read at a time. */
  read(options?: FrameOptions): Promise<Uint8Array | undefined>
  frames(options?: FrameOptions): AsyncIterable<Uint8Array>
  /** Says that no more frames will come from here; reading goes on. */
  closeWrite(): Promise<void>
  /** Ends both ways: flushes what was written, discards what comes, resets after a grace period. Never rejects. */
  close(): Promise<void>
  /** Resets the stream at once. */
  abort(error: Error): void
}

export type GossipVerdict =
  | { readonly action: 'accept' }
  | { readonly action: 'ignore' | 'reject'; readonly code: string }

export type GossipValidator = (data: Uint8Array, from: string) => Promise<GossipVerdict>

/** A message that was not judged: it will not come again by itself within two minutes, so its content must be pulled. */
export interface MissedMessage {
  readonly topic: string
  readonly from: string
  readonly data: Uint8Array
  readonly code: 'queue-full' | 'validator-failed' | 'validator-timeout'
}

export interface SubscribeOptions {
  readonly maxBytes: number
  /** Messages that wait for a validator; the excess is dropped and counted. */
  readonly queueLength: number
  /** Valid messages per second in the whole topic: from it follow the score weights. */
  readonly expectedPerSecond: number
  readonly onMissed?: (missed: MissedMessage) => void
}

/**
 * Best-effort broadcast (R8). Messages are unsigned by gossipsub and identified by content, so a forged copy with the same bytes
 * cannot exist; authorship comes from the signature inside, which the validator checks (R9).
 *
 * A message id is marked as seen before the validator runs: what a validator ignores is not delivered again for `gossipSeenTtl`.
 * A caller that ignored for want of context (unknown stake, block or future time) pulls the object later, or calls `forget` when
 * it is ready for the next copy.
 */
export interface Gossip {
  /** The validator is the consumer: what it accepts is forwarded. What it throws counts as `ignore`, is logged and counted. */
  subscribe(topic: string, validator: GossipValidator, options: SubscribeOptions): void
  unsubscribe(topic: string): void
  /** `recipients: 0` when nobody listens or the same bytes went out before; never an error. */
  publish(topic: string, data: Uint8Array): Promise<{ recipients: number }>
  /** Connected peers subscribed to the topic. */
  peers(topic: string): string[]
  /** Peers of our mesh, to whom messages are pushed. */
  meshPeers(topic: string): string[]
  /** gossipsub's own score of a peer, conduct included. */
  score(peer: string): number
  /** Lets the next copy of these bytes through again; false when they were not known. */
  forget(topic: string, data: Uint8Array): boolean
}

export interface ConductRule {
  /** Points taken off for one incident, above 0. */
  readonly weight: number
}

export interface ConductRecord {
  readonly peer: string
  readonly score: number
  /** Milliseconds since 1970 when `score` was right. */
  readonly at: number
  readonly bannedUntil?: number
}

/** The one place where misbehaviour becomes a score, a log line and a metric. 0 is neutral; only time mends. */
export interface Conduct {
  /** Adds codes of another room. The same code with another weight is an error. */
  register(table: Readonly<Record<string, ConductRule>>): void
  /** Throws NetError `unknown-conduct-code` for a code nobody registered. `detail` is logged: no secrets. */
  report(peer: string, code: string, detail?: Readonly<Record<string, unknown>>): void
  score(peer: string): number
  isBanned(peer: string): boolean
  /** False for a banned peer and for one at or below the disconnect threshold. */
  isWelcome(peer: string): boolean
  /** What to keep over a restart. */
  records(): ConductRecord[]
}
