import type { ChunkSealer, EncryptionKey, OpenedInput, Sealing } from '../../attestation/index.ts'
import { type Host, isNetError, protocolName } from '../../net/index.ts'
import {
  type Digest,
  type Domain,
  digestOf,
  JOB,
  type JobRequest,
  type ProviderReply,
  type StreamId,
  toError,
} from '../../protocol/index.ts'
import type { InferServerFrame } from '../../wire/index.ts'
import type { RoleLogger } from '../logger.ts'
import { sealingContext } from '../sealingContext.ts'
import { FrameFault, type TypedStream, typedStream } from '../typedStream.ts'

/** What the server needs of the provider behind it. */
export interface InferBackend {
  request(stream: StreamId, jobId: Digest, request: JobRequest): Promise<void>
  cancel(stream: StreamId): void
  closed(stream: StreamId): void
}

export interface InferServer {
  start(): void
  /** Queues a reply; frames of one stream keep their order. A stream that is gone is not an error. */
  reply(stream: StreamId, reply: ProviderReply): void
  /** Opens the sealed input that came on this stream (R5). */
  open(stream: StreamId): Promise<Uint8Array | undefined>
  /** Requests that have not had their terminal frame. */
  readonly pending: number
}

interface OpenRequest {
  readonly id: StreamId
  readonly stream: TypedStream<'InferClientFrame', 'InferServerFrame'>
  readonly request: JobRequest
  /** Replies that wait for the write before them. */
  readonly queue: ProviderReply[]
  writing: boolean
  opened: Promise<OpenedInput | undefined> | undefined
  sealer: Promise<ChunkSealer | undefined> | undefined
}

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
  readonly #requests = new Map<StreamId, OpenRequest>()
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
    return this.#requests.size
  }

  start(): void {
    this.#host.handle(protocolName(this.#domain.networkId, 'infer'), async (stream) => {
      const typed = typedStream(stream, 'InferClientFrame', 'InferServerFrame', this.#host.conduct)
      let current: OpenRequest | undefined
      try {
        for (;;) {
          const frame = await typed.read({
            timeoutMs: current === undefined ? IDLE_TIMEOUT_MS : Number.POSITIVE_INFINITY,
          })
          if (frame === undefined) return
          if (frame.kind === 'cancel') {
            if (current !== undefined) this.#backend.cancel(current.id)
            continue
          }
          if (frame.kind !== 'request') throw typed.misplaced(frame.kind)
          if (current !== undefined && this.#requests.has(current.id)) {
            throw typed.misplaced('a second request before the first one ended')
          }
          current = this.#admit(typed, frame.value)
        }
      } catch (thrown) {
        if (!(thrown instanceof FrameFault) && !isNetError(thrown)) throw thrown
      } finally {
        if (current !== undefined && this.#requests.delete(current.id)) this.#backend.closed(current.id)
      }
    })
  }

  #admit(stream: TypedStream<'InferClientFrame', 'InferServerFrame'>, request: JobRequest): OpenRequest {
    const id = this.#next
    this.#next += 1
    const open: OpenRequest = {
      id,
      stream,
      request,
      queue: [],
      writing: false,
      opened: undefined,
      sealer: undefined,
    }
    this.#requests.set(id, open)
    const jobId = digestOf(this.#domain, JOB, request.job)
    void this.#backend.request(id, jobId, request).catch((thrown) => {
      this.#logger.error({ jobId, error: toError(thrown).message }, 'request failed')
      this.reply(id, { type: 'refusal', jobId, code: 'failed', message: 'the work failed inside the node' })
    })
    return open
  }

  reply(stream: StreamId, reply: ProviderReply): void {
    const open = this.#requests.get(stream)
    if (open === undefined) return
    open.queue.push(reply)
    if (open.writing) return
    open.writing = true
    void this.#drain(open).catch((thrown) => this.#abandon(open, thrown))
  }

  /** Replies that are given in one turn leave together. */
  async #drain(open: OpenRequest): Promise<void> {
    await Promise.resolve()
    for (let replies = open.queue.splice(0); replies.length > 0; replies = open.queue.splice(0)) {
      const frames = open.request.sealed ? await this.#seal(open, replies) : replies.map(frameOf)
      const last = frames.at(-1)?.kind
      if (last === 'end' || last === 'refusal') this.#requests.delete(open.id)
      await open.stream.writeAll(frames)
      for (const reply of replies) this.#judge(open, reply)
    }
    open.writing = false
  }

  /** Whoever sends what nobody signed has not checked it either; said first, since a hung-up peer hears nothing. */
  #judge({ stream: { peer } }: OpenRequest, reply: ProviderReply): void {
    if (reply.type !== 'refusal' || reply.code !== 'bad-signature') return
    this.#host.conduct.report(peer, 'bad-signature', { jobId: reply.jobId })
  }

  async #seal(open: OpenRequest, replies: readonly ProviderReply[]): Promise<InferServerFrame[]> {
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

  #abandon(open: OpenRequest, thrown: unknown): void {
    const error = toError(thrown)
    this.#logger.debug({ peer: open.stream.peer, error: error.message }, 'answer stream lost')
    open.stream.abort(error)
    if (this.#requests.delete(open.id)) this.#backend.closed(open.id)
  }

  async open(stream: StreamId): Promise<Uint8Array | undefined> {
    const open = this.#requests.get(stream)
    return open === undefined ? undefined : (await this.#opened(open))?.plaintext
  }

  #opened(open: OpenRequest): Promise<OpenedInput | undefined> {
    open.opened ??= this.#openInput(open.request)
    return open.opened
  }

  async #openInput({ job, input }: JobRequest): Promise<OpenedInput | undefined> {
    const key = this.#encryptionKey()
    if (key === undefined) return undefined
    const opened = await this.#sealing.openInput(key, input, sealingContext(job.grant, job.requester))
    return opened.ok ? opened.value : undefined
  }

  #sealer(open: OpenRequest): Promise<ChunkSealer | undefined> {
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
    case 'refusal':
      return { kind: 'refusal', value: { jobId: reply.jobId, code: reply.code, message: reply.message } }
  }
}
