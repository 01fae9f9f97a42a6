import { toError } from '../protocol/index.ts'
import type { PeerConduct } from './conduct.ts'
import { NET_LIMITS } from './constants.ts'
import { causedBy, NetError } from './errors.ts'
import type { GossipRouter, RouterVerdict } from './gossipAdapter.ts'
import { topicScore } from './gossipScore.ts'
import type { Gossip, GossipValidator, GossipVerdict, MissedMessage, NetLogger, SubscribeOptions } from './interface.ts'
import type { NetMetrics } from './metrics.ts'
import type { Ticker, Ticking } from './ticker.ts'

export interface GossipComponents {
  readonly conduct: PeerConduct
  readonly logger: NetLogger
  readonly metrics?: NetMetrics
  readonly ticker: Ticker
}

export interface GossipInit {
  /** Topic to the kind it is counted under. */
  readonly topics: ReadonlyMap<string, string>
  readonly validators?: number
  readonly validatorTimeoutMs?: number
}

interface Job {
  readonly data: Uint8Array
  readonly from: string
  settle(verdict: RouterVerdict): void
  deadline: number
}

const OVERSIZE: GossipVerdict = { action: 'reject', code: 'gossip-message-too-large' }

/** Bounded validation in front of gossipsub, and the one adapter from a verdict to score, log line and metric (R9). */
export class PeerGossip implements Gossip {
  readonly #components: GossipComponents
  readonly #init: GossipInit
  readonly #topics = new Map<string, Topic>()
  #router: GossipRouter | undefined

  constructor(components: GossipComponents, init: GossipInit) {
    this.#components = components
    this.#init = init
  }

  /** Subscriptions made before the start take effect here. */
  attach(router: GossipRouter): void {
    this.#router = router
    for (const topic of this.#topics.values()) this.#join(router, topic)
  }

  detach(): void {
    this.#router = undefined
    for (const topic of this.#topics.values()) topic.stop()
  }

  subscribe(topic: string, validator: GossipValidator, options: SubscribeOptions): void {
    const kind = this.#kind(topic)
    if (this.#topics.has(topic)) {
      throw new NetError({ code: 'topic-taken', topic }, `expected one validator for ${topic}: unsubscribe first`)
    }
    const largest = NET_LIMITS.gossipMessageBytes.value
    if (
      !(
        options.maxBytes > 0 &&
        options.maxBytes <= largest &&
        options.queueLength >= 0 &&
        options.expectedPerSecond >= 0
      )
    ) {
      throw new NetError(
        { code: 'invalid-configuration', field: 'gossip.subscribe' },
        `expected maxBytes up to ${largest}, queueLength and expectedPerSecond of 0 or more, got ${JSON.stringify(options)}`,
      )
    }
    const queue = new Topic(topic, kind, validator, options, this.#components, {
      validators: this.#init.validators ?? NET_LIMITS.gossipValidators.value,
      timeoutMs: this.#init.validatorTimeoutMs ?? NET_LIMITS.gossipValidatorTimeout.value,
      forget: (data) => this.#router?.forget(topic, data) ?? false,
    })
    this.#topics.set(topic, queue)
    if (this.#router !== undefined) this.#join(this.#router, queue)
  }

  unsubscribe(topic: string): void {
    const queue = this.#topics.get(topic)
    if (queue === undefined) return
    this.#topics.delete(topic)
    this.#router?.unsubscribe(topic)
    queue.stop()
  }

  async publish(topic: string, data: Uint8Array): Promise<{ recipients: number }> {
    this.#kind(topic)
    const limit = this.#topics.get(topic)?.options.maxBytes ?? NET_LIMITS.gossipMessageBytes.value
    if (data.length > limit) {
      throw new NetError(
        { code: 'message-too-large', limit, got: data.length },
        `expected a message of at most ${limit} bytes on ${topic}, got ${data.length}`,
      )
    }
    if (this.#router === undefined) throw new NetError({ code: 'not-started' }, 'expected a started host')
    try {
      return { recipients: await this.#router.publish(topic, data) }
    } catch (thrown) {
      throw new NetError({ code: 'publish-failed', topic }, `publishing on ${topic} failed`, causedBy(thrown))
    }
  }

  peers(topic: string): string[] {
    return this.#router?.subscribers(topic) ?? []
  }

  meshPeers(topic: string): string[] {
    return this.#router?.meshPeers(topic) ?? []
  }

  score(peer: string): number {
    return this.#router?.score(peer) ?? 0
  }

  forget(topic: string, data: Uint8Array): boolean {
    return this.#router?.forget(topic, data) ?? false
  }

  #join(router: GossipRouter, topic: Topic): void {
    router.subscribe(topic.name, (data, from) => topic.judge(data, from), topicScore(topic.options.expectedPerSecond))
  }

  #kind(topic: string): string {
    const kind = this.#init.topics.get(topic)
    if (kind === undefined) {
      throw new NetError(
        { code: 'unknown-topic', topic },
        `expected a topic of this network, made by topicName, got ${topic}`,
      )
    }
    return kind
  }
}

interface TopicInit {
  readonly validators: number
  readonly timeoutMs: number
  readonly forget: (data: Uint8Array) => boolean
}

class Topic implements Ticking {
  readonly name: string
  readonly options: SubscribeOptions
  readonly #kind: string
  readonly #validator: GossipValidator
  readonly #components: GossipComponents
  readonly #init: TopicInit
  readonly #waiting: Job[] = []
  readonly #running = new Set<Job>()

  constructor(
    name: string,
    kind: string,
    validator: GossipValidator,
    options: SubscribeOptions,
    components: GossipComponents,
    init: TopicInit,
  ) {
    this.name = name
    this.#kind = kind
    this.#validator = validator
    this.options = options
    this.#components = components
    this.#init = init
  }

  judge(data: Uint8Array, from: string): Promise<RouterVerdict> {
    if (data.length > this.options.maxBytes) {
      return Promise.resolve(this.#conclude(OVERSIZE, from, { limit: this.options.maxBytes, got: data.length }))
    }
    if (this.#running.size >= this.#init.validators && this.#waiting.length >= this.options.queueLength) {
      return Promise.resolve(this.#miss({ topic: this.name, from, data, code: 'queue-full' }))
    }
    return new Promise((settle) => {
      const job: Job = { data, from, settle, deadline: Number.POSITIVE_INFINITY }
      if (this.#running.size < this.#init.validators) void this.#run(job)
      else {
        this.#waiting.push(job)
        this.#components.metrics?.gossipQueue.set({ kind: this.#kind }, this.#waiting.length)
      }
    })
  }

  onTick(now: number): void {
    for (const job of this.#running) {
      if (now < job.deadline) continue
      this.#leave(job)
      this.#components.logger.error(
        { room: 'net', topic: this.name, code: 'validator-timeout' },
        'gossip validator hangs',
      )
      job.settle(this.#miss({ topic: this.name, from: job.from, data: job.data, code: 'validator-timeout' }))
    }
  }

  stop(): void {
    for (const job of [...this.#running, ...this.#waiting.splice(0)]) job.settle('ignore')
    this.#running.clear()
    this.#components.ticker.delete(this)
  }

  async #run(job: Job): Promise<void> {
    if (this.#running.size === 0) this.#components.ticker.add(this)
    this.#running.add(job)
    job.deadline = this.#components.ticker.after(this.#init.timeoutMs)
    let verdict: RouterVerdict
    try {
      const judged = await this.#validator(job.data, job.from)
      if (!this.#running.has(job)) return
      verdict = this.#conclude(judged, job.from)
    } catch (thrown) {
      if (!this.#running.has(job)) return
      const reason = toError(thrown).message
      this.#components.logger.error(
        { room: 'net', topic: this.name, code: 'validator-failed', reason },
        'gossip validator failed',
      )
      verdict = this.#miss({ topic: this.name, from: job.from, data: job.data, code: 'validator-failed' })
    }
    this.#leave(job)
    job.settle(verdict)
  }

  #leave(job: Job): void {
    this.#running.delete(job)
    const next = this.#waiting.shift()
    if (next !== undefined) {
      this.#components.metrics?.gossipQueue.set({ kind: this.#kind }, this.#waiting.length)
      void this.#run(next)
    } else if (this.#running.size === 0) this.#components.ticker.delete(this)
  }

  #conclude(verdict: GossipVerdict, from: string, detail: Readonly<Record<string, unknown>> = {}): RouterVerdict {
    const code = verdict.action === 'accept' ? '' : verdict.code
    this.#components.metrics?.gossip.inc({ kind: this.#kind, action: verdict.action, code })
    if (verdict.action === 'reject') {
      const known = this.#components.conduct.knows(code) ? code : 'gossip-rejected'
      this.#components.conduct.report(from, known, { topic: this.name, verdict: code, ...detail })
    } else if (verdict.action === 'ignore') {
      this.#components.logger.debug({ room: 'net', topic: this.name, peer: from, code }, 'gossip message ignored')
    }
    return verdict.action
  }

  /** Nobody judged the message, so the next copy of it, from whomever, is let in. */
  #miss(missed: MissedMessage): RouterVerdict {
    this.#init.forget(missed.data)
    this.#components.metrics?.gossip.inc({ kind: this.#kind, action: 'ignore', code: missed.code })
    try {
      this.options.onMissed?.(missed)
    } catch (thrown) {
      const reason = toError(thrown).message
      this.#components.logger.error({ room: 'net', topic: this.name, code: missed.code, reason }, 'onMissed failed')
    }
    return 'ignore'
  }
}
