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
  readonly done: () => void
  opened: Promise<OpenedInput | undefined> | undefined
  sealer: Promise<ChunkSealer | undefined> | undefined
  writes: Promise<void>
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
      done: () => this.#requests.delete(id),
      opened: undefined,
      sealer: undefined,
      writes: Promise.resolve(),
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
    open.writes = open.writes.then(() => this.#write(open, reply)).catch((thrown) => this.#abandon(open, thrown))
    if (reply.type === 'end' || reply.type === 'refusal') void open.writes.then(open.done)
  }

  async #write(open: OpenRequest, reply: ProviderReply): Promise<void> {
    if (!this.#requests.has(open.id)) return
    if (reply.type !== 'chunk' || !open.request.sealed) return open.stream.write(frameOf(reply))
    const sealer = await this.#sealer(open)
    if (sealer === undefined) return this.#unsealable(open, reply.jobId)
    const data = await sealer.sealChunk(reply.chunk.index, reply.chunk.data)
    return open.stream.write(frameOf({ ...reply, chunk: { ...reply.chunk, data } }))
  }

  #unsealable(open: OpenRequest, jobId: Digest): Promise<void> {
    const code: RefusalCode = 'unseal-failed'
    open.done()
    return open.stream.write(
      frameOf({ type: 'refusal', jobId, code, message: 'the sealed input cannot be opened here' }),
    )
  }

  #abandon(open: OpenRequest, thrown: unknown): void {
    if (!this.#requests.delete(open.id)) return
    const error = toError(thrown)
    this.#logger.debug({ peer: open.stream.peer, error: error.message }, 'answer stream lost')
    open.stream.abort(error)
    this.#backend.closed(open.id)
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

function frameOf(reply: ProviderReply): InferServerFrame {
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
