import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { toError } from '../protocol/index.ts'
import { Bootstrap } from './bootstrap.ts'
import { NET_CONDUCT, PeerConduct } from './conduct.ts'
import { NET_LIMITS, STREAM_LIMITS, type StreamLimits } from './constants.ts'
import { abortedError, causedBy, isNetError, NetError } from './errors.ts'
import { FramedStream } from './frameStream.ts'
import { PeerGossip } from './gossip.ts'
import { type GossipRouter, gossipRouter } from './gossipAdapter.ts'
import {
  decodeHello,
  decodeHelloAnswer,
  encodeHello,
  encodeHelloAnswer,
  HELLO_PROTOCOL,
  type HelloVerdict,
} from './hello.ts'
import type {
  Conduct,
  FrameStream,
  Gossip,
  HandleOptions,
  Host,
  HostInit,
  OpenStreamOptions,
  SignalOptions,
  StreamHandler,
} from './interface.ts'
import { Introductions } from './introductions.ts'
import { frameLimit, GOSSIP_KINDS, topicName } from './names.ts'
import { createNode, type Libp2pNode } from './node.ts'
import { skipRepeatedMerges } from './peerStoreCache.ts'
import { SharedDeadline, Ticker, type Ticking } from './ticker.ts'

/** Timings that tests shorten; the table's by default. */
export interface HostOverrides {
  readonly streamLimits?: Partial<StreamLimits>
  readonly tickMs?: number
  readonly helloTimeoutMs?: number
  readonly gossipStuckAfterMs?: number
  readonly identifyRetryMs?: number
  readonly inboundConnectionsPerHost?: number
}

/** A host that is not started; does no I/O. Throws NetError `invalid-configuration | invalid-name`. */
export function createHost(init: HostInit, overrides: HostOverrides = {}): Host {
  return new NetworkHost(init, overrides)
}

interface Handler {
  readonly protocol: string
  readonly handler: StreamHandler
  readonly maxInboundStreams: number
  readonly maxTotalStreams: number
  readonly maxFrameBytes: number
  active: number
}

/** One transport connection on its way through the hello. */
interface Admission {
  readonly connection: Connection
  readonly deadline: number
  readonly done: Promise<void>
  resolve(): void
  reject(error: NetError): void
  state: 'pending' | 'admitted' | 'failed'
  /** Set on a connection kept for one protocol. */
  purpose?: string
}

class NetworkHost implements Host, Ticking {
  readonly peerId: string
  readonly gossip: Gossip
  readonly conduct: Conduct
  readonly #init: HostInit
  readonly #overrides: HostOverrides
  readonly #privateKey: ReturnType<typeof privateKeyFromRaw>
  readonly #ticker: Ticker
  readonly #openDeadline: SharedDeadline
  readonly #streamLimits: StreamLimits
  readonly #topics: ReadonlyMap<string, string>
  readonly #peerConduct: PeerConduct
  readonly #peerGossip: PeerGossip
  readonly #bootstrap: Bootstrap
  readonly #introductions: Introductions
  readonly #handlers = new Map<string, Handler>()
  readonly #admissions = new Map<string, Admission>()
  /** Admitted connections of each peer, oldest first. */
  readonly #peers = new Map<string, Admission[]>()
  readonly #connectedListeners = new Set<(peer: string) => void>()
  readonly #disconnectedListeners = new Set<(peer: string) => void>()
  readonly #deafSince = new Map<string, number>()
  readonly #streams = new Set<FramedStream>()
  readonly #ownDials = new Map<string, Promise<Admission>>()
  #node: Libp2pNode | undefined
  #router: GossipRouter | undefined
  #state: 'stopped' | 'starting' | 'started' | 'stopping' = 'stopped'

  constructor(init: HostInit, overrides: HostOverrides) {
    this.#init = init
    this.#overrides = overrides
    this.#privateKey = identityKey(init.privateKey)
    this.peerId = this.#privateKey.publicKey.toString()
    this.#streamLimits = { ...STREAM_LIMITS, ...overrides.streamLimits }
    this.#topics = allTopics(init)
    this.#ticker = new Ticker(overrides.tickMs ?? NET_LIMITS.tick.value)
    this.#openDeadline = new SharedDeadline(
      this.#ticker,
      NET_LIMITS.streamOpenTimeout.value,
      () =>
        new NetError({ code: 'open-timeout' }, `expected the protocol within ${NET_LIMITS.streamOpenTimeout.value} ms`),
    )
    const parts = { logger: init.logger, ...(init.metrics === undefined ? {} : { metrics: init.metrics }) }
    this.#peerConduct = new PeerConduct(
      { ...parts, clock: init.clock },
      { records: init.conduct ?? [], onUnwelcome: (peer, code) => this.#expel(peer, code) },
    )
    this.#peerGossip = new PeerGossip(
      { ...parts, conduct: this.#peerConduct, ticker: this.#ticker },
      { topics: this.#topics },
    )
    this.#bootstrap = new Bootstrap(
      {
        ticker: this.#ticker,
        logger: init.logger,
        connect: (address) => this.connect(address),
        isConnected: (peer) => this.#peers.has(peer),
      },
      init.bootstrap.map((address) => bootstrapTarget(address)),
    )
    this.#introductions = new Introductions(
      {
        ticker: this.#ticker,
        logger: init.logger,
        identify: async (connection) => await this.#node?.services.identify.identify(connection),
      },
      overrides.identifyRetryMs,
    )
    this.conduct = this.#peerConduct
    this.gossip = this.#peerGossip
  }

  addresses(): string[] {
    return this.#node?.getMultiaddrs().map(String) ?? []
  }

  async start(): Promise<void> {
    if (this.#state !== 'stopped')
      throw new NetError({ code: 'not-started' }, `expected a stopped host, it is ${this.#state}`)
    this.#state = 'starting'
    const topics = [...this.#topics.keys()]
    try {
      const node = await createNode({
        host: this.#init,
        privateKey: this.#privateKey,
        gater: {
          denyDialPeer: (peer) => !this.conduct.isWelcome(peer.toString()),
          denyInboundEncryptedConnection: (peer) => this.#denies(peer),
        },
        router: {
          profile: this.#init.profile,
          topics,
          trustedAddresses: this.#init.trustedAddresses ?? [],
          conductScore: (peer) => this.conduct.score(peer),
        },
      })
      this.#node = node
      const forgetPeer = skipRepeatedMerges(node.peerStore)
      node.addEventListener('peer:disconnect', (event) => forgetPeer(event.detail.toString()))
      node.addEventListener('peer:identify', (event) => this.#introductions.settled(event.detail.connection))
      node.addEventListener('connection:open', (event) => this.#onConnectionOpen(event.detail))
      node.addEventListener('connection:close', (event) => this.#onConnectionClose(event.detail))
      await node.handle(HELLO_PROTOCOL, (stream, connection) => this.#answerHello(stream, connection), {
        maxInboundStreams: 1,
        maxOutboundStreams: 1,
      })
      for (const handler of this.#handlers.values()) await this.#register(node, handler)
      await node.start()
      this.#router = gossipRouter(node.services.pubsub, topics)
      this.#peerGossip.attach(this.#router)
    } catch (thrown) {
      const node = this.#node
      this.#node = undefined
      this.#state = 'stopped'
      await node?.stop()
      if (isNetError(thrown)) throw thrown
      throw new NetError(
        { code: 'listen-failed' },
        `the host could not start on ${this.#init.listen.join(', ')}`,
        causedBy(thrown),
      )
    }
    this.#state = 'started'
    this.#ticker.add(this)
    this.#bootstrap.start()
    this.#init.logger.info({ room: 'net', peer: this.peerId, addresses: this.addresses() }, 'host started')
  }

  async stop(): Promise<void> {
    const node = this.#node
    if (node === undefined || this.#state !== 'started') return
    this.#state = 'stopping'
    this.#bootstrap.stop()
    this.#introductions.stop()
    this.#ticker.delete(this)
    this.#peerGossip.detach()
    this.#openDeadline.stop()
    this.#resetStreams()
    await node.stop()
    for (const admission of this.#admissions.values()) admission.reject(notStarted())
    this.#admissions.clear()
    this.#peers.clear()
    this.#deafSince.clear()
    this.#node = undefined
    this.#router = undefined
    this.#state = 'stopped'
    this.#init.metrics?.peers.set(0)
  }

  async connect(addressOrPeer: string, options: SignalOptions = {}): Promise<string> {
    const admission = await this.#dial(addressOrPeer, options, false)
    return admission.connection.remotePeer.toString()
  }

  async disconnect(peer: string): Promise<void> {
    const id = parsePeer(peer)
    this.#resetStreams(peer)
    await this.#node?.hangUp(id)
  }

  async addressesOf(peer: string): Promise<string[]> {
    const node = this.#node
    if (node === undefined || !this.connectedPeers().includes(peer)) return []
    const { addresses } = await node.peerStore.get(peerIdFromString(peer))
    return addresses.map((address) => {
      const text = address.multiaddr.toString()
      return text.includes('/p2p/') ? text : `${text}/p2p/${peer}`
    })
  }

  connectedPeers(): string[] {
    return [...this.#peers.keys()]
  }

  async openStream(peer: string, protocol: string, options: OpenStreamOptions = {}): Promise<FrameStream> {
    if (options.signal?.aborted) throw abortedError(options.signal)
    const connection = this.#connectionTo(peer, protocol, options) ?? (await this.#dialFor(peer, protocol, options))
    const deadline = this.#openDeadline.signal()
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline])
    let stream: Stream
    try {
      stream = await connection.newStream(protocol, {
        signal,
        maxOutboundStreams: NET_LIMITS.muxerOutboundStreams.value,
      })
    } catch (thrown) {
      if (options.signal?.aborted) throw abortedError(options.signal)
      throw openError(thrown, protocol)
    }
    return this.#frame(stream, peer, options.maxFrameBytes ?? frameLimit(protocol))
  }

  handle(protocol: string, handler: StreamHandler, options: HandleOptions = {}): void {
    if (this.#handlers.has(protocol)) {
      throw new NetError({ code: 'protocol-taken', protocol }, `expected one handler for ${protocol}`)
    }
    const entry: Handler = {
      protocol,
      handler,
      maxInboundStreams: options.maxInboundStreams ?? NET_LIMITS.streamsPerPeer.value,
      maxTotalStreams: options.maxTotalStreams ?? NET_LIMITS.streamsPerProtocol.value,
      maxFrameBytes: options.maxFrameBytes ?? frameLimit(protocol),
      active: 0,
    }
    this.#handlers.set(protocol, entry)
    const node = this.#node
    if (node !== undefined && this.#state === 'started') {
      this.#register(node, entry).catch((thrown: unknown) => {
        this.#init.logger.error(
          { room: 'net', protocol, reason: toError(thrown).message },
          'protocol could not be registered',
        )
      })
    }
  }

  onPeerConnected(listener: (peer: string) => void): () => void {
    this.#connectedListeners.add(listener)
    return () => this.#connectedListeners.delete(listener)
  }

  onPeerDisconnected(listener: (peer: string) => void): () => void {
    this.#disconnectedListeners.add(listener)
    return () => this.#disconnectedListeners.delete(listener)
  }

  onTick(now: number): void {
    for (const admission of this.#admissions.values()) {
      if (admission.state === 'pending' && now >= admission.deadline) {
        const peer = admission.connection.remotePeer.toString()
        this.#refuse(admission, new NetError({ code: 'hello-timeout', peer }, 'expected a hello in time'))
      }
    }
    this.#hangUpDeafPeers(now)
  }

  #denies(peer: PeerId): boolean {
    const id = peer.toString()
    if (this.conduct.isWelcome(id) && this.#pending() < NET_LIMITS.handshakesPending.value) return false
    this.#init.metrics?.refused.inc({ code: this.conduct.isBanned(id) ? 'banned' : 'refused' })
    return true
  }

  #pending(): number {
    let pending = 0
    for (const admission of this.#admissions.values()) if (admission.state === 'pending') pending += 1
    return pending
  }

  #onConnectionOpen(connection: Connection): void {
    const admission = newAdmission(
      connection,
      this.#ticker.after(this.#overrides.helloTimeoutMs ?? NET_LIMITS.helloTimeout.value),
    )
    this.#admissions.set(connection.id, admission)
    this.#introductions.opened(connection)
    if (connection.direction === 'outbound') void this.#sayHello(admission)
  }

  #onConnectionClose(connection: Connection): void {
    this.#introductions.settled(connection)
    const admission = this.#admissions.get(connection.id)
    if (admission === undefined) return
    this.#admissions.delete(connection.id)
    const peer = connection.remotePeer.toString()
    if (admission.state === 'pending') {
      admission.state = 'failed'
      admission.reject(
        new NetError({ code: 'refused', peer }, 'the other side closed the connection before it admitted us'),
      )
    }
    const rest = this.#peers.get(peer)?.filter((other) => other !== admission)
    if (rest === undefined) return
    if (rest.length > 0) {
      this.#peers.set(peer, rest)
      return
    }
    this.#peers.delete(peer)
    this.#deafSince.delete(peer)
    this.#init.metrics?.peers.set(this.#peers.size)
    this.#notify(this.#disconnectedListeners, peer)
  }

  async #sayHello(admission: Admission): Promise<void> {
    const { connection } = admission
    const peer = connection.remotePeer.toString()
    let stream: FramedStream | undefined
    try {
      const raw = await connection.newStream(HELLO_PROTOCOL, { signal: this.#openDeadline.signal() })
      stream = this.#frame(raw, peer, NET_LIMITS.helloFrameBytes.value)
      await stream.write(encodeHello(this.#init.networkId))
      const answer = await stream.read()
      this.#judgeAnswer(admission, peer, answer)
    } catch (thrown) {
      this.#refuse(admission, this.#helloError(thrown, peer))
    } finally {
      await stream?.close()
    }
  }

  #judgeAnswer(admission: Admission, peer: string, bytes: Uint8Array | undefined): void {
    const answer = bytes === undefined ? undefined : decodeHelloAnswer(bytes)
    if (answer === undefined) {
      this.#refuse(
        admission,
        new NetError({ code: 'invalid-hello', peer }, 'expected an answer to our hello of version 1'),
      )
    } else if (answer.verdict === 'foreign-network' || answer.networkId !== this.#init.networkId) {
      this.#refuse(admission, this.#foreign(peer, answer.networkId))
    } else if (answer.verdict === 'refused') {
      this.#refuse(admission, new NetError({ code: 'refused', peer }, 'the other side does not want this connection'))
    } else this.#admit(admission)
  }

  async #answerHello(raw: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    const stream = this.#frame(raw, peer, NET_LIMITS.helloFrameBytes.value)
    const admission = this.#admissions.get(connection.id)
    try {
      const bytes = await stream.read()
      const networkId = bytes === undefined ? undefined : decodeHello(bytes)
      if (
        admission === undefined ||
        admission.state !== 'pending' ||
        connection.direction !== 'inbound' ||
        networkId === undefined
      ) {
        const error = new NetError({ code: 'invalid-hello', peer }, 'expected one hello of version 1 from the dialer')
        this.conduct.report(peer, error.code)
        if (admission !== undefined) this.#refuse(admission, error)
        return
      }
      const ours = this.#init.networkId
      if (networkId !== ours) {
        this.#reject(admission, this.#foreign(peer, networkId))
        await this.#dismiss(stream, connection, 'foreign-network')
        return
      }
      if (!this.conduct.isWelcome(peer)) {
        this.#reject(admission, new NetError({ code: 'banned', peer }, 'the peer is not welcome'))
        await this.#dismiss(stream, connection, 'refused')
        return
      }
      this.#admit(admission)
      await stream.write(encodeHelloAnswer({ verdict: 'welcome', networkId: ours }))
    } catch (thrown) {
      if (admission !== undefined) this.#refuse(admission, this.#helloError(thrown, peer))
    } finally {
      await stream.close()
    }
  }

  #helloError(thrown: unknown, peer: string): NetError {
    const error = openError(thrown, HELLO_PROTOCOL)
    if (error.code === 'unsupported-protocol') {
      return new NetError({ code: 'invalid-hello', peer }, 'expected a peer that speaks our hello', causedBy(error))
    }
    if (error.code === 'open-timeout' || error.code === 'read-timeout') {
      return new NetError({ code: 'hello-timeout', peer }, 'expected an answer to our hello in time', causedBy(error))
    }
    return new NetError(
      { code: 'refused', peer },
      'the other side closed the connection before it admitted us',
      causedBy(error),
    )
  }

  #foreign(peer: string, got: string): NetError {
    const expected = this.#init.networkId
    return new NetError(
      { code: 'foreign-network', peer, expected, got },
      `expected a peer of network ${expected}, it belongs to ${got}`,
    )
  }

  #admit(admission: Admission): void {
    if (admission.state !== 'pending') return
    admission.state = 'admitted'
    const peer = admission.connection.remotePeer.toString()
    const known = this.#peers.get(peer)
    this.#peers.set(peer, [...(known ?? []), admission])
    admission.resolve()
    if (known !== undefined) return
    this.#init.metrics?.peers.set(this.#peers.size)
    this.#notify(this.#connectedListeners, peer)
  }

  #refuse(admission: Admission, error: NetError): void {
    if (!this.#reject(admission, error)) return
    const { connection } = admission
    connection.close().catch(() => connection.abort(error))
  }

  /** Ends the admission with its one log line; the connection stays open for a last word. */
  #reject(admission: Admission, error: NetError): boolean {
    if (admission.state !== 'pending') return false
    admission.state = 'failed'
    admission.reject(error)
    this.#init.metrics?.refused.inc({ code: error.code })
    const { connection } = admission
    this.#init.logger.info(
      { room: 'net', peer: connection.remotePeer.toString(), code: error.code, direction: connection.direction },
      'connection refused',
    )
    return true
  }

  /** Tells the dialer why, and closes once it has heard. */
  async #dismiss(stream: FramedStream, connection: Connection, verdict: HelloVerdict): Promise<void> {
    try {
      await stream.write(encodeHelloAnswer({ verdict, networkId: this.#init.networkId }))
      await stream.closeWrite()
      await stream.read()
      await connection.close()
    } catch (thrown) {
      connection.abort(toError(thrown))
    }
  }

  #notify(listeners: ReadonlySet<(peer: string) => void>, peer: string): void {
    for (const listener of listeners) {
      try {
        listener(peer)
      } catch (thrown) {
        this.#init.logger.error({ room: 'net', peer, reason: toError(thrown).message }, 'peer listener failed')
      }
    }
  }

  #expel(peer: string, code: string): void {
    const node = this.#node
    if (node === undefined) return
    this.#init.logger.warn({ room: 'net', peer, code, banned: this.conduct.isBanned(peer) }, 'peer is hung up')
    this.#resetStreams(peer)
    node.hangUp(parsePeer(peer)).catch((thrown: unknown) => {
      this.#init.logger.error({ room: 'net', peer, reason: toError(thrown).message }, 'peer could not be hung up')
    })
  }

  /** A connection that closes ends its streams as if they were complete; a reset cannot be taken for an end. */
  #resetStreams(peer?: string): void {
    const error = new NetError({ code: 'connection-closed' }, 'the connection was closed here')
    for (const stream of this.#streams) if (peer === undefined || stream.peer === peer) stream.abort(error)
  }

  /** gossipsub cuts the stream of a peer that does not read and then keeps the peer without ever sending to it again. */
  #hangUpDeafPeers(now: number): void {
    const deaf = new Set(this.#router?.deafPeers())
    for (const peer of this.#deafSince.keys()) if (!deaf.has(peer)) this.#deafSince.delete(peer)
    for (const peer of deaf) {
      const since = this.#deafSince.get(peer)
      if (since === undefined) this.#deafSince.set(peer, now)
      else if (
        (now - since) * this.#ticker.tickMs >=
        (this.#overrides.gossipStuckAfterMs ?? NET_LIMITS.gossipStuckAfter.value)
      ) {
        this.#deafSince.delete(peer)
        this.#init.metrics?.gossipStuck.inc()
        this.#expel(peer, 'gossip-stuck')
      }
    }
  }

  #connectionTo(peer: string, protocol: string, options: OpenStreamOptions): Connection | undefined {
    const purpose = options.ownConnection === true ? protocol : undefined
    return this.#peers
      .get(peer)
      ?.find((admission) => admission.connection.status === 'open' && admission.purpose === purpose)?.connection
  }

  async #dialFor(peer: string, protocol: string, options: OpenStreamOptions): Promise<Connection> {
    if (options.ownConnection !== true) return (await this.#dial(peer, options, false)).connection
    const key = `${peer} ${protocol}`
    const dial = this.#ownDials.get(key) ?? this.#dial(peer, options, true)
    this.#ownDials.set(key, dial)
    try {
      const admission = await dial
      admission.purpose = protocol
      return admission.connection
    } finally {
      this.#ownDials.delete(key)
    }
  }

  async #dial(target: string, options: SignalOptions, force: boolean): Promise<Admission> {
    const node = this.#node
    if (node === undefined || this.#state !== 'started') throw notStarted()
    const { signal } = options
    if (signal?.aborted) throw abortedError(signal)
    const address = parseTarget(target)
    const peer = peerOf(address)
    if (peer === this.peerId) {
      throw new NetError({ code: 'invalid-address', got: target }, 'expected another peer, got the own address')
    }
    if (peer !== undefined && !this.conduct.isWelcome(peer)) {
      throw new NetError({ code: 'banned', peer }, 'expected a peer that is not banned here')
    }
    let connection: Connection
    try {
      connection = await node.dial(address, { force, ...(signal === undefined ? {} : { signal }) })
    } catch (thrown) {
      if (signal?.aborted) throw abortedError(signal)
      throw dialError(thrown, target)
    }
    const admission = this.#admissions.get(connection.id)
    if (admission === undefined) {
      throw new NetError(
        { code: 'refused', peer: connection.remotePeer.toString() },
        'the other side closed the connection at once',
      )
    }
    await (signal === undefined ? admission.done : raceAbort(admission.done, signal))
    return admission
  }

  #frame(stream: Stream, peer: string, maxFrameBytes: number): FramedStream {
    const { metrics } = this.#init
    const direction = stream.direction
    metrics?.streams.inc({ direction })
    const framed: FramedStream = new FramedStream(stream, {
      peer,
      maxFrameBytes,
      limits: this.#streamLimits,
      ticker: this.#ticker,
      onFreed: (error) => {
        queueMicrotask(() => this.#streams.delete(framed))
        metrics?.streams.dec({ direction })
        if (error === undefined) return
        metrics?.streamErrors.inc({ code: error.code })
        if (Object.hasOwn(NET_CONDUCT, error.code)) this.conduct.report(peer, error.code, { protocol: stream.protocol })
      },
    })
    this.#streams.add(framed)
    return framed
  }

  async #register(node: Libp2pNode, entry: Handler): Promise<void> {
    await node.handle(entry.protocol, (stream, connection) => this.#serve(entry, stream, connection), {
      maxInboundStreams: entry.maxInboundStreams,
      maxOutboundStreams: NET_LIMITS.muxerOutboundStreams.value,
    })
  }

  async #serve(entry: Handler, raw: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    if (entry.active >= entry.maxTotalStreams) {
      raw.abort(
        new NetError({ code: 'busy' }, `expected at most ${entry.maxTotalStreams} streams of ${entry.protocol}`),
      )
      return
    }
    entry.active += 1
    const stream = this.#frame(raw, peer, entry.maxFrameBytes)
    try {
      const admission = this.#admissions.get(connection.id)
      if (admission === undefined) throw new NetError({ code: 'connection-closed' }, 'the connection is gone')
      if (admission.state !== 'admitted') await admission.done
      await entry.handler(stream, peer)
      await stream.close()
    } catch (thrown) {
      const error = toError(thrown)
      const code = isNetError(error) ? error.code : 'handler-failed'
      const level = code === 'handler-failed' ? 'error' : 'debug'
      this.#init.logger[level](
        { room: 'net', peer, protocol: entry.protocol, code, reason: error.message },
        'stream handler failed',
      )
      stream.abort(
        isNetError(error)
          ? error
          : new NetError({ code: 'handler-failed', protocol: entry.protocol }, 'the stream handler failed', {
              cause: error,
            }),
      )
    } finally {
      entry.active -= 1
    }
  }
}

function identityKey(bytes: Uint8Array): ReturnType<typeof privateKeyFromRaw> {
  if (bytes.length !== 32) {
    throw new NetError(
      { code: 'invalid-configuration', field: 'privateKey' },
      `expected a private key of 32 bytes, got ${bytes.length}`,
    )
  }
  try {
    return privateKeyFromRaw(bytes)
  } catch {
    throw new NetError(
      { code: 'invalid-configuration', field: 'privateKey' },
      'expected a private key between 1 and the curve order',
    )
  }
}

function allTopics(init: HostInit): ReadonlyMap<string, string> {
  const topics = new Map<string, string>()
  for (const kind of GOSSIP_KINDS) {
    for (let shard = 0; shard < (init.topicShards ?? 1); shard += 1)
      topics.set(topicName(init.networkId, kind, shard), kind)
  }
  return topics
}

function bootstrapTarget(address: string): { readonly address: string; readonly peer: string } {
  const parsed = parseTarget(address)
  const peer = peerOf(parsed)
  if (peer === undefined) {
    throw new NetError(
      { code: 'invalid-configuration', field: 'bootstrap' },
      `expected a bootstrap multiaddr that ends in /p2p/<peer>, got ${address}`,
    )
  }
  return { address, peer }
}

function parseTarget(target: string): Multiaddr | PeerId {
  try {
    return target.startsWith('/') ? multiaddr(target) : peerIdFromString(target)
  } catch (thrown) {
    throw new NetError(
      { code: 'invalid-address', got: target },
      `expected a multiaddr or a PeerId, got ${target}`,
      causedBy(thrown),
    )
  }
}

function parsePeer(peer: string): PeerId {
  try {
    return peerIdFromString(peer)
  } catch (thrown) {
    throw new NetError({ code: 'invalid-address', got: peer }, `expected a PeerId, got ${peer}`, causedBy(thrown))
  }
}

function peerOf(target: Multiaddr | PeerId): string | undefined {
  if (!('getComponents' in target)) return target.toString()
  return target.getComponents().findLast((component) => component.name === 'p2p')?.value
}

function newAdmission(connection: Connection, deadline: number): Admission {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(() => undefined)
  return { connection, deadline, done: promise, resolve, reject, state: 'pending' }
}

function raceAbort(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function notStarted(): NetError {
  return new NetError({ code: 'not-started' }, 'expected a started host')
}

function dialError(thrown: unknown, target: string): NetError {
  const error = toError(thrown)
  const cause = { cause: error }
  switch (error.name) {
    case 'TimeoutError':
      return new NetError({ code: 'dial-timeout', target }, `no answer from ${target} in time`, cause)
    case 'NoValidAddressesError':
      return new NetError({ code: 'no-address', peer: target }, `expected a known TCP address of ${target}`, cause)
    case 'DialDeniedError':
      return new NetError({ code: 'banned', peer: target }, 'expected a peer that is not banned here', cause)
    case 'UnexpectedPeerError':
    case 'InvalidCryptoExchangeError':
      return new NetError({ code: 'unexpected-peer', target }, `another peer answers at ${target}`, cause)
    case 'EncryptionFailedError':
      if (/timeout|timed out/i.test(error.message)) {
        return new NetError({ code: 'dial-timeout', target }, `no handshake with ${target} in time`, cause)
      }
      return /unexpected|expected/i.test(error.message)
        ? new NetError({ code: 'unexpected-peer', target }, `another peer answers at ${target}`, cause)
        : new NetError({ code: 'handshake-failed', target }, `the handshake with ${target} failed`, cause)
    case 'AggregateError':
      return new NetError({ code: 'dial-failed', target }, `no address of ${target} could be reached`, cause)
    default:
      return new NetError({ code: 'dial-failed', target }, `${target} could not be reached: ${error.message}`, cause)
  }
}

function openError(thrown: unknown, protocol: string): NetError {
  if (isNetError(thrown)) return thrown
  const error = toError(thrown)
  const cause = { cause: error }
  switch (error.name) {
    case 'UnsupportedProtocolError':
      return new NetError({ code: 'unsupported-protocol', protocol }, `expected a peer that serves ${protocol}`, cause)
    case 'TooManyOutboundProtocolStreamsError':
      return new NetError({ code: 'too-many-streams' }, `too many streams of ${protocol} are open here`, cause)
    case 'StreamResetError':
    case 'UnexpectedEOFError':
      return new NetError({ code: 'busy' }, 'the other side reset the stream before it answered', cause)
    case 'ConnectionClosedError':
    case 'MuxerClosedError':
    case 'MuxerUnavailableError':
    case 'StreamClosedError':
    case 'StreamStateError':
      return new NetError({ code: 'connection-closed' }, 'the connection closed while the stream was opened', cause)
    default:
      return new NetError({ code: 'stream-failed' }, `the stream could not be opened: ${error.message}`, cause)
  }
}
