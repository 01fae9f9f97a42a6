import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { toError } from '../protocol/index.ts'
import type { StreamLimits } from './constants.ts'
import { abortedError, causedBy, isNetError, NetError } from './errors.ts'
import { FrameDecoder, headerLength, writeHeader } from './frameDecoder.ts'
import type { FrameOptions, FrameStream } from './interface.ts'
import type { Ticker, Ticking } from './ticker.ts'

export interface FrameStreamInit {
  readonly peer: string
  readonly maxFrameBytes: number
  readonly limits: StreamLimits
  readonly ticker: Ticker
  /** Called once, when the stream takes no more room on either side; with the error that ended it, if any. */
  readonly onFreed?: (error: NetError | undefined) => void
}

interface Reader {
  resolve(frame: Uint8Array | undefined): void
  reject(error: NetError): void
  readonly deadline: number
  readonly timeoutMs: number
  stopListening?: () => void
}

interface Writer {
  readonly bytes: Uint8Array | Uint8ArrayList
  sent: boolean
  resolve(): void
  reject(error: NetError): void
  readonly deadline: number
  readonly timeoutMs: number
  stopListening?: () => void
}

const DONE = Promise.resolve()
/** Up to this size headers and frames are copied into one buffer: cheaper than a list of them. */
const COPIED_BYTES = 16 * 1024

/**
 * Frames over a js-libp2p v3 stream. Iterating such a stream, its `onDrain` and the helpers of its utilities lose data, hang or
 * buffer without bound under conditions a remote peer controls, so only its events, `send`, `pause` and `resume` are used.
 */
export class FramedStream implements FrameStream, Ticking {
  readonly peer: string
  readonly protocol: string
  readonly #stream: Stream
  readonly #limits: StreamLimits
  readonly #ticker: Ticker
  readonly #maxFrameBytes: number
  readonly #decoder: FrameDecoder
  readonly #onFreed: ((error: NetError | undefined) => void) | undefined
  readonly #writers: Writer[] = []
  #reader: Reader | undefined
  #failure: NetError | undefined
  #freed = false
  /** The other side has said that it ends; `#ended` follows once the bytes of the same packet have been taken in. */
  #finished = false
  #ended = false
  #received = false
  #resuming = false
  #discarding = false
  #aborted = false
  #awaitsDrain = false
  #onFlushed: (() => void) | undefined
  #queuedBytes = 0
  #lastActive: number
  #closing: Promise<void> | undefined
  #closingWrite: Promise<void> | undefined
  #closeDeadline = Number.POSITIVE_INFINITY
  #lingerDeadline = Number.POSITIVE_INFINITY

  constructor(stream: Stream, init: FrameStreamInit) {
    this.#stream = stream
    this.peer = init.peer
    this.protocol = stream.protocol
    this.#limits = init.limits
    this.#ticker = init.ticker
    this.#maxFrameBytes = init.maxFrameBytes
    this.#decoder = new FrameDecoder(init.maxFrameBytes)
    this.#onFreed = init.onFreed
    this.#lastActive = init.ticker.now
    this.#finished = stream.remoteWriteStatus === 'closed' && stream.status !== 'reset' && stream.status !== 'aborted'
    this.#ended = this.#finished
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
    stream.addEventListener('close', this.#onClose)
    if (stream.status === 'open' || stream.status === 'closing') {
      this.#ticker.add(this)
      return
    }
    if (stream.status !== 'closed') this.#failure = this.#closeError(undefined)
    this.#free()
  }

  read(options: FrameOptions = {}): Promise<Uint8Array | undefined> {
    this.#lastActive = this.#ticker.now
    if (this.#reader !== undefined) {
      return Promise.reject(new NetError({ code: 'concurrent-read' }, 'expected one read at a time on a stream'))
    }
    if (options.signal?.aborted) return Promise.reject(abortedError(options.signal))
    const ready = this.#poll()
    if (ready !== undefined) return ready
    if (this.#resume()) {
      const resumed = this.#poll()
      if (resumed !== undefined) return resumed
    }
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? this.#limits.readTimeout
      const reader: Reader = { resolve, reject, timeoutMs, deadline: this.#ticker.after(timeoutMs) }
      this.#reader = reader
      const { signal } = options
      if (signal !== undefined) {
        reader.stopListening = onAbort(signal, () => this.#settleReader(abortedError(signal)))
      }
    })
  }

  async *frames(options: FrameOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const frame = await this.read(options)
      if (frame === undefined) return
      yield frame
    }
  }

  write(frame: Uint8Array, options: FrameOptions = {}): Promise<void> {
    return this.writeAll([frame], options)
  }

  writeAll(frames: readonly Uint8Array[], options: FrameOptions = {}): Promise<void> {
    this.#lastActive = this.#ticker.now
    if (frames.length === 0) return DONE
    const refusal = this.#refuseWrite(frames, options)
    if (refusal !== undefined) return Promise.reject(refusal)
    const bytes = encodeFrames(frames)
    const idle = this.#writers.length === 0 && !this.#stream.writableNeedsDrain
    if (idle) {
      const failure = this.#send(bytes)
      if (failure !== undefined) return Promise.reject(failure)
      if (!this.#stream.writableNeedsDrain) return DONE
    }
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? this.#limits.writeTimeout
      const writer: Writer = { bytes, sent: idle, resolve, reject, timeoutMs, deadline: this.#ticker.after(timeoutMs) }
      this.#writers.push(writer)
      if (!idle) this.#queuedBytes += bytes.byteLength
      this.#awaitDrain()
      const { signal } = options
      if (signal !== undefined)
        writer.stopListening = onAbort(signal, () => this.#abandonWriter(writer, abortedError(signal)))
    })
  }

  closeWrite(): Promise<void> {
    this.#closingWrite ??= this.#closeWriteOnce()
    return this.#closingWrite
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeOnce()
    return this.#closing
  }

  abort(error: Error): void {
    this.#abort(
      isNetError(error) ? error : new NetError({ code: 'stream-closed' }, 'the stream was reset here', causedBy(error)),
    )
  }

  onTick(now: number): void {
    const reader = this.#reader
    if (reader !== undefined && now >= reader.deadline) {
      this.#abort(
        new NetError(
          { code: 'read-timeout', after: reader.timeoutMs },
          `expected a whole frame within ${reader.timeoutMs} ms, ${this.#decoder.missing} bytes are missing`,
        ),
      )
      return
    }
    const writer = this.#writers[0]
    if (writer !== undefined && now >= writer.deadline) {
      this.#abort(
        new NetError(
          { code: 'write-timeout', after: writer.timeoutMs },
          `expected the other side to read within ${writer.timeoutMs} ms`,
        ),
      )
      return
    }
    if (now >= this.#closeDeadline || now >= this.#lingerDeadline) {
      const after = now >= this.#closeDeadline ? this.#limits.closeTimeout : this.#limits.linger
      this.#abort(
        new NetError({ code: 'close-timeout', after }, `expected the other side to finish within ${after} ms`),
      )
      return
    }
    if (reader !== undefined || writer !== undefined || this.#closing !== undefined) return
    const idle = this.#ended ? this.#limits.idleAfterEnd : this.#limits.idle
    if ((now - this.#lastActive) * this.#ticker.tickMs > idle) {
      this.#abort(new NetError({ code: 'idle-timeout', after: idle }, `nothing was read or written for ${idle} ms`))
    }
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    this.#received = true
    this.#lastActive = this.#ticker.now
    if (this.#discarding) return
    if (event.data instanceof Uint8Array) this.#decoder.push(event.data)
    else for (const part of event.data) this.#decoder.push(part)
    this.#settleReader()
    if (!this.#resuming) this.#pauseWhenFull()
  }

  readonly #onRemoteCloseWrite = (): void => {
    this.#finished = true
    queueMicrotask(() => {
      this.#ended = true
      this.#settleReader()
    })
  }

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (this.#stream.status !== 'closed' || !this.#finished) this.#failure ??= this.#closeError(event.error)
    this.#finish()
  }

  readonly #onDrain = (): void => {
    queueMicrotask(() => this.#flush())
  }

  /** The settled outcome of a read, or undefined when it must wait. Frames that arrived before an error come first. */
  #poll(): Promise<Uint8Array | undefined> | undefined {
    const frame = this.#nextFrame()
    if (frame !== undefined) return Promise.resolve(frame)
    const outcome = this.#outcome()
    if (outcome === undefined) return undefined
    return outcome === 'end' ? Promise.resolve(undefined) : Promise.reject(outcome)
  }

  /** Resets the stream when the bytes are no frame; the outcome then says so. */
  #nextFrame(): Uint8Array | undefined {
    if (this.#discarding || this.#aborted) return undefined
    try {
      return this.#decoder.next()
    } catch (thrown) {
      this.#abort(
        isNetError(thrown)
          ? thrown
          : new NetError({ code: 'stream-failed' }, 'the frame decoder failed', causedBy(thrown)),
      )
      return undefined
    }
  }

  #outcome(): NetError | 'end' | undefined {
    if (this.#discarding) {
      return this.#failure ?? new NetError({ code: 'stream-closed' }, 'the stream was closed here')
    }
    if (this.#stream.readBufferLength > 0 && this.#stream.status !== 'aborted') return undefined
    if (this.#failure !== undefined) return this.#failure
    if (!this.#ended) return undefined
    if (!this.#decoder.inFrame) return 'end'
    const missing = this.#decoder.missing
    const error = new NetError(
      { code: 'unexpected-end', missing },
      `the stream ended inside a frame, ${missing} bytes or more are missing`,
    )
    this.#abort(error)
    return this.#failure ?? error
  }

  #settleReader(abandoned?: NetError): void {
    const reader = this.#reader
    if (reader === undefined) return
    if (abandoned !== undefined) {
      this.#reader = undefined
      reader.reject(abandoned)
      return
    }
    const frame = this.#nextFrame()
    const outcome = frame ?? this.#outcome()
    if (outcome === undefined || this.#reader !== reader) return
    this.#reader = undefined
    reader.stopListening?.()
    if (outcome === 'end') reader.resolve(undefined)
    else if (outcome instanceof NetError) reader.reject(outcome)
    else reader.resolve(outcome)
  }

  #pauseWhenFull(): void {
    if (this.#reader !== undefined || this.#decoder.buffered < this.#limits.highWater) return
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  /** Lets bytes in again; true when some came. Must not pause before `resume` returns: the stream would reopen its window. */
  #resume(): boolean {
    if (this.#stream.readStatus !== 'paused') return false
    const before = this.#decoder.buffered
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch (thrown) {
      if (this.#stream.status === 'open') this.#abort(this.#closeError(toError(thrown)))
    } finally {
      this.#resuming = false
    }
    return this.#decoder.buffered > before || this.#ended || this.#failure !== undefined
  }

  #refuseWrite(frames: readonly Uint8Array[], options: FrameOptions): NetError | undefined {
    let length = 0
    for (const frame of frames) {
      length += frame.length
      if (frame.length <= this.#maxFrameBytes) continue
      return new NetError(
        { code: 'frame-too-large', limit: this.#maxFrameBytes, got: frame.length },
        `expected a frame of at most ${this.#maxFrameBytes} bytes, got ${frame.length}`,
      )
    }
    if (this.#failure !== undefined) return this.#failure
    if (this.#closingWrite !== undefined || this.#closing !== undefined || this.#stream.writeStatus !== 'writable') {
      return new NetError({ code: 'stream-closed' }, 'expected a stream that is open for writing')
    }
    if (options.signal?.aborted) return abortedError(options.signal)
    const queued = this.#queuedBytes + length
    if (this.#queuedBytes > 0 && queued > this.#limits.queuedWrites) {
      return new NetError(
        { code: 'write-overflow', limit: this.#limits.queuedWrites, got: queued },
        `expected at most ${this.#limits.queuedWrites} bytes of waiting writes, got ${queued}: await each write`,
      )
    }
    return undefined
  }

  #send(bytes: Uint8Array | Uint8ArrayList): NetError | undefined {
    try {
      this.#stream.send(bytes)
      return undefined
    } catch (thrown) {
      const error = this.#closeError(toError(thrown))
      this.#abort(error)
      return this.#failure ?? error
    }
  }

  #awaitDrain(): void {
    if (this.#awaitsDrain) return
    this.#awaitsDrain = true
    this.#stream.addEventListener('drain', this.#onDrain)
  }

  #flush(): void {
    while (!this.#stream.writableNeedsDrain && this.#failure === undefined) {
      const writer = this.#writers[0]
      if (writer === undefined) break
      if (!writer.sent) {
        writer.sent = true
        this.#queuedBytes -= writer.bytes.byteLength
        if (this.#send(writer.bytes) !== undefined) return
        if (this.#stream.writableNeedsDrain) return
      }
      this.#writers.shift()
      writer.stopListening?.()
      writer.resolve()
    }
    if (this.#writers.length === 0) this.#onFlushed?.()
  }

  /** A write that did not leave is taken back; one that left cannot be, so only its wait ends. */
  #abandonWriter(writer: Writer, error: NetError): void {
    const at = this.#writers.indexOf(writer)
    if (at < 0) return
    this.#writers.splice(at, 1)
    if (!writer.sent) this.#queuedBytes -= writer.bytes.byteLength
    writer.reject(error)
    if (this.#writers.length === 0) this.#onFlushed?.()
  }

  #rejectWriters(error: NetError): void {
    this.#queuedBytes = 0
    for (const writer of this.#writers.splice(0)) {
      writer.stopListening?.()
      writer.reject(error)
    }
    this.#onFlushed?.()
  }

  async #closeWriteOnce(): Promise<void> {
    this.#closeDeadline = this.#ticker.after(this.#limits.closeTimeout)
    try {
      if (this.#writers.length > 0) {
        await new Promise<void>((resolve) => {
          this.#onFlushed = resolve
        })
      }
      if (this.#failure !== undefined) throw this.#failure
      await this.#stream.close()
    } catch (thrown) {
      throw this.#failure ?? this.#closeError(toError(thrown))
    } finally {
      this.#closeDeadline = Number.POSITIVE_INFINITY
    }
  }

  async #closeOnce(): Promise<void> {
    this.#discarding = true
    this.#settleReader()
    this.#decoder.clear()
    this.#resume()
    if (this.#freed) return
    try {
      await this.closeWrite()
    } catch (thrown) {
      this.#abort(this.#closeError(toError(thrown)))
      return
    }
    if (!this.#freed) this.#lingerDeadline = this.#ticker.after(this.#limits.linger)
  }

  #abort(error: NetError): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#failure ??= error
    this.#decoder.clear()
    this.#stream.abort(this.#failure)
    this.#finish()
  }

  #finish(): void {
    this.#free()
    this.#settleReader()
    if (this.#writers.length > 0) {
      this.#rejectWriters(this.#failure ?? new NetError({ code: 'stream-closed' }, 'the stream is closed'))
    }
  }

  /**
   * Why the stream is no more. js-libp2p refuses a stream over a limit by a reset before the first byte of an answer, and drops
   * streams of a lost connection without an end.
   */
  #closeError(cause: Error | undefined): NetError {
    if (isNetError(cause)) return cause
    if (cause?.name === 'StreamBufferError') {
      return new NetError({ code: 'stream-failed' }, 'expected the other side to respect its window', causedBy(cause))
    }
    if (this.#stream.status !== 'reset') {
      return new NetError(
        { code: 'connection-closed' },
        'the connection closed while the stream was open',
        causedBy(cause),
      )
    }
    if (this.#stream.direction === 'outbound' && !this.#received && this.#stream.readBufferLength === 0) {
      return new NetError({ code: 'busy' }, 'the other side reset the stream before it answered', causedBy(cause))
    }
    return new NetError({ code: 'stream-reset' }, 'the other side reset the stream', causedBy(cause))
  }

  #free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#ticker.delete(this)
    this.#onFreed?.(this.#failure)
  }
}

function encodeFrames(frames: readonly Uint8Array[]): Uint8Array | Uint8ArrayList {
  let length = 0
  for (const frame of frames) length += headerLength(frame.length) + frame.length
  if (length <= COPIED_BYTES) {
    const bytes = new Uint8Array(length)
    let at = 0
    for (const frame of frames) {
      writeHeader(frame.length, bytes, at)
      at += headerLength(frame.length)
      bytes.set(frame, at)
      at += frame.length
    }
    return bytes
  }
  const list = new Uint8ArrayList()
  for (const frame of frames) {
    const prefix = new Uint8Array(headerLength(frame.length))
    writeHeader(frame.length, prefix)
    list.append(prefix)
    list.append(frame)
  }
  return list
}

function onAbort(signal: AbortSignal, listener: () => void): () => void {
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}
