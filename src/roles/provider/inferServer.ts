import type { ChunkSealer, EncryptionKey, OpenedInput, Sealing } from '../../attestation/index.ts'
import { type Host, isNetError, protocolName } from '../../net/index.ts'
import {
  type Digest,
  type Domain,
  digestOf,
  JOB,
  type JobRequest,
  type ProviderReply,
  type RefusalCode,
  type StreamId,
  toError,
  type Voucher,
} from '../../protocol/index.ts'
import type { InferClientFrame, InferServerFrame } from '../../wire/index.ts'
import type { RoleLogger } from '../logger.ts'
import { sealingContext } from '../sealingContext.ts'
import { FrameFault, type TypedStream, typedStream } from '../typedStream.ts'

/** What the server needs of the provider behind it. */
export interface InferBackend {
  request(stream: StreamId, jobId: Digest, request: JobRequest): Promise<void>
  recall(stream: StreamId, peer: string, jobId: Digest): Promise<void>
  /** Ends with a ledger or a refusal, on a stream that no job runs on. */
  voucher(stream: StreamId, voucher: Voucher): Promise<void>
  /** An x402 object; ends as a voucher does. */
  payment(stream: StreamId, peer: string, payload: Uint8Array): Promise<void>
  cancel(stream: StreamId, jobId: Digest): void
  closed(stream: StreamId): void
}

export interface InferServer {
  start(): void
  /** Queues a reply; frames of one stream keep their order. A stream that is gone is not an error. */
  reply(stream: StreamId, reply: ProviderReply): void
  /** Opens the sealed input that came on this stream (R5). */
  open(stream: StreamId): Promise<Uint8Array | undefined>
  /** Holds against the peer of a stream what no honest one does. */
  report(stream: StreamId, code: RefusalCode): void
  /** Exchanges that have not had their terminal frame. */
  readonly pending: number
}

type InferStream = TypedStream<'InferClientFrame', 'InferServerFrame'>

/** One thing a client asked for, until its terminal frame. */
interface Exchange {
  readonly id: StreamId
  readonly stream: InferStream
  /** Of a job; undefined of anything else. */
  readonly request: JobRequest | undefined
  /** Kinds of the frame that ends it. */
  readonly ends: ReadonlySet<InferServerFrame['kind']>
  /** Replies that wait for the write before them. */
  readonly queue: ProviderReply[]
  /** Settles when it is over. */
  readonly over: Promise<void>
  end(): void
  writing: boolean
  /** What its peer did: held against it once it was told, since a hung-up peer hears nothing. */
  misconduct: RefusalCode | undefined
  opened: Promise<OpenedInput | undefined> | undefined
  sealer: Promise<ChunkSealer | undefined> | undefined
}

const JOB_ENDS: Exchange['ends'] = new Set(['end', 'refusal'] as const)
const PAYMENT_ENDS: Exchange['ends'] = new Set(['ledger', 'refusal'] as const)

/** A client that sends vouchers reads what they are answered with: so many answers wait for it at most. */
const MAX_QUEUED = 4_096

/** A client may ask again on the same stream within this time, ms. */
const IDLE_TIMEOUT_MS = 60_000

/** `/infer` (R10): one request after another on a stream, each ended by an explicit terminal frame. */
export class StreamedInferServer implements InferServer {
  readonly #host: Host
  readonly #sealing: Sealing
  readonly #logger: RoleLogger
  readonly #domain: Domain
  readonly #backend: InferBackend
  readonly #encryptionKey: () => EncryptionKey | undefined
  readonly #exchanges = new Map<StreamId, Exchange>()
  #next = 1

  constructor(
    components: { readonly host: Host; readonly sealing: Sealing; readonly logger: RoleLogger },
    init: {
      readonly domain: Domain
      readonly backend: InferBackend
      readonly encryptionKey: () => EncryptionKey | undefined
    },
  ) {
    this.#host = components.host
    this.#sealing = components.sealing
    this.#logger = components.logger
    this.#domain = init.domain
    this.#backend = init.backend
    this.#encryptionKey = init.encryptionKey
  }

  get pending(): number {
    return this.#exchanges.size
  }

  start(): void {
    this.#host.handle(protocolName(this.#domain.networkId, 'infer'), async (stream) => {
      const typed = typedStream(stream, 'InferClientFrame', 'InferServerFrame', this.#host.conduct)
      const own = new Set<Exchange>()
      try {
        await this.#serve(typed, own)
      } catch (thrown) {
        if (!(thrown instanceof FrameFault) && !isNetError(thrown)) throw thrown
      } finally {
        for (const exchange of own) if (this.#close(exchange)) this.#backend.closed(exchange.id)
      }
    })
  }

  /** Reads one frame after another; a job may run meanwhile, anything else is over before the next one is read. */
  async #serve(stream: InferStream, own: Set<Exchange>): Promise<void> {
    let job: Exchange | undefined
    const isLive = (): boolean => job !== undefined && this.#exchanges.has(job.id)
    for (;;) {
      const frame = await stream.read({ timeoutMs: job === undefined ? IDLE_TIMEOUT_MS : Number.POSITIVE_INFINITY })
      if (frame === undefined) return
      if (job !== undefined && job.queue.length > MAX_QUEUED) throw stream.misplaced('more frames than were read')
      if (frame.kind === 'cancel') {
        if (job !== undefined) this.#backend.cancel(job.id, frame.value.jobId)
        continue
      }
      if (frame.kind === 'voucher' && job !== undefined && isLive()) {
        await this.#attempt(job, this.#backend.voucher(job.id, frame.value))
        continue
      }
      if (isLive()) throw stream.misplaced(`a ${frame.kind} before the request before it ended`)
      own.clear()
      const isJob = frame.kind === 'request' || frame.kind === 'recall'
      const request = frame.kind === 'request' ? frame.value : undefined
      const exchange = this.#begin(stream, request, isJob ? JOB_ENDS : PAYMENT_ENDS)
      own.add(exchange)
      const attempt = this.#attempt(exchange, this.#dispatch(exchange, frame))
      if (isJob) job = exchange
      else await Promise.all([attempt, exchange.over])
    }
  }

  #dispatch({ id, stream }: Exchange, frame: InferClientFrame): Promise<void> {
    switch (frame.kind) {
      case 'request':
        return this.#backend.request(id, digestOf(this.#domain, JOB, frame.value.job), frame.value)
      case 'recall':
        return this.#backend.recall(id, stream.peer, frame.value.jobId)
      case 'voucher':
        return this.#backend.voucher(id, frame.value)
      case 'payment':
        return this.#backend.payment(id, stream.peer, frame.value.payload)
      case 'cancel':
        return Promise.resolve()
    }
  }

  async #attempt({ id }: Exchange, work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (thrown) {
      this.#logger.error({ error: toError(thrown).message }, 'request failed')
      this.reply(id, { type: 'refusal', code: 'failed', message: 'the work failed inside the node' })
    }
  }

  #begin(stream: InferStream, request: JobRequest | undefined, ends: Exchange['ends']): Exchange {
    const id = this.#next
    this.#next += 1
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    const exchange: Exchange = {
      ...{ id, stream, request, ends, queue: [], over, end },
      ...{ writing: false, misconduct: undefined, opened: undefined, sealer: undefined },
    }
    this.#exchanges.set(id, exchange)
    return exchange
  }

  /** False when it was over already. */
  #close(exchange: Exchange): boolean {
    exchange.end()
    return this.#exchanges.delete(exchange.id)
  }

  report(stream: StreamId, code: RefusalCode): void {
    const exchange = this.#exchanges.get(stream)
    if (exchange !== undefined) exchange.misconduct = code
  }

  reply(stream: StreamId, reply: ProviderReply): void {
    const open = this.#exchanges.get(stream)
    if (open === undefined) return
    open.queue.push(reply)
    if (open.writing) return
    open.writing = true
    void this.#drain(open).catch((thrown) => this.#abandon(open, thrown))
  }

  /** Replies that are given in one turn leave together. */
  async #drain(open: Exchange): Promise<void> {
    await Promise.resolve()
    for (let replies = open.queue.splice(0); replies.length > 0; replies = open.queue.splice(0)) {
      const frames = open.request?.sealed ? await this.#seal(open, replies) : replies.map(frameOf)
      const last = frames.at(-1)?.kind
      const isOver = last !== undefined && open.ends.has(last)
      if (isOver) this.#exchanges.delete(open.id)
      await open.stream.writeAll(frames)
      if (isOver) open.end()
      for (const reply of replies) this.#judge(open, reply)
    }
    if (open.misconduct !== undefined) this.#host.conduct.report(open.stream.peer, open.misconduct)
    open.misconduct = undefined
    open.writing = false
  }

  /** Whoever sends what nobody signed has not checked it either; said first, since a hung-up peer hears nothing. */
  #judge({ stream: { peer } }: Exchange, reply: ProviderReply): void {
    if (reply.type !== 'refusal' || reply.code !== 'bad-signature') return
    this.#host.conduct.report(peer, 'bad-signature', { jobId: reply.jobId })
  }

  async #seal(open: Exchange, replies: readonly ProviderReply[]): Promise<InferServerFrame[]> {
    const frames: InferServerFrame[] = []
    for (const reply of replies) {
      if (reply.type !== 'chunk') {
        frames.push(frameOf(reply))
        continue
      }
      const sealer = await this.#sealer(open)
      if (sealer === undefined) return [...frames, unsealable(reply.jobId)]
      const data = await sealer.sealChunk(reply.chunk.index, reply.chunk.data)
      frames.push(frameOf({ ...reply, chunk: { ...reply.chunk, data } }))
    }
    return frames
  }

  #abandon(open: Exchange, thrown: unknown): void {
    const error = toError(thrown)
    this.#logger.debug({ peer: open.stream.peer, error: error.message }, 'answer stream lost')
    open.stream.abort(error)
    if (this.#close(open)) this.#backend.closed(open.id)
  }

  async open(stream: StreamId): Promise<Uint8Array | undefined> {
    const open = this.#exchanges.get(stream)
    return open === undefined ? undefined : (await this.#opened(open))?.plaintext
  }

  #opened(open: Exchange): Promise<OpenedInput | undefined> {
    const { request } = open
    if (request === undefined) return Promise.resolve(undefined)
    open.opened ??= this.#openInput(request)
    return open.opened
  }

  async #openInput({ job, input }: JobRequest): Promise<OpenedInput | undefined> {
    const key = this.#encryptionKey()
    if (key === undefined) return undefined
    const opened = await this.#sealing.openInput(key, input, sealingContext(job.grant, job.requester))
    return opened.ok ? opened.value : undefined
  }

  #sealer(open: Exchange): Promise<ChunkSealer | undefined> {
    open.sealer ??= this.#opened(open).then((opened) => opened?.response.sealer('to-requester'))
    return open.sealer
  }
}

const unsealable = (jobId: Digest): InferServerFrame => ({
  kind: 'refusal',
  value: { jobId, code: 'unseal-failed', message: 'the sealed input cannot be opened here' },
})

export function frameOf(reply: ProviderReply): InferServerFrame {
  switch (reply.type) {
    case 'accepted':
      return { kind: 'accepted', value: { jobId: reply.jobId, grant: reply.grant } }
    case 'chunk':
      return { kind: 'chunk', value: { jobId: reply.jobId, ...reply.chunk } }
    case 'head':
      return { kind: 'head', value: reply.signed }
    case 'receipt':
      return {
        kind: 'receipt',
        value: { receipt: reply.signed, runtimeClass: reply.runtimeClass, traceHash: reply.traceHash },
      }
    case 'certificate':
      return {
        kind: 'certificate',
        value: { certificate: reply.certificate, checkpoint: reply.signed, receiptProof: reply.receiptProof },
      }
    case 'end':
      return { kind: 'end', value: { jobId: reply.jobId, outcome: reply.outcome } }
    case 'refusal': {
      const { type: _, ...value } = reply
      return { kind: 'refusal', value }
    }
    case 'ledger': {
      const { type: _, ...value } = reply
      return { kind: 'ledger', value }
    }
    case 'settlement':
      return { kind: 'settlement', value: { settlement: reply.settlement } }
    case 'payment-required':
      return { kind: 'paymentRequired', value: { required: reply.required } }
  }
}
