import { NET_LIMITS } from './constants.ts'
import { NetError, type NetErrorDetail } from './errors.ts'

const HEADER_BYTES = NET_LIMITS.frameHeaderBytes.value

/** Bytes the length prefix of a frame takes: a minimal unsigned varint (LEB128). */
export function headerLength(length: number): number {
  let bytes = 1
  for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}

export function writeHeader(length: number, target: Uint8Array, offset = 0): void {
  let rest = length
  let at = offset
  while (rest > 127) {
    target[at] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
    at += 1
  }
  target[at] = rest
}

/** Cuts a byte stream into length-prefixed frames. Holds at most what was pushed; frames are copies and own their memory. */
export class FrameDecoder {
  readonly #maxFrameBytes: number
  #chunks: Uint8Array[] = []
  /** Read position: chunk index and offset inside it. */
  #index = 0
  #offset = 0
  #length = 0
  /** Length of the frame being read, -1 before its header is known. */
  #frameBytes = -1
  #failure: NetError | undefined

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes pushed and not yet handed out. */
  get buffered(): number {
    return this.#length
  }

  /** Bytes still to come before the begun frame is whole; 0 between frames. */
  get missing(): number {
    if (this.#frameBytes >= 0) return Math.max(0, this.#frameBytes - this.#length)
    return this.#length > 0 ? 1 : 0
  }

  /** True inside a frame, its header included. */
  get inFrame(): boolean {
    return this.#frameBytes >= 0 || this.#length > 0
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#length += bytes.length
  }

  clear(): void {
    this.#chunks = []
    this.#index = 0
    this.#offset = 0
    this.#length = 0
    this.#frameBytes = -1
  }

  /**
   * The next whole frame, or undefined when more bytes are needed. Throws NetError `frame-too-large | invalid-length`, and the
   * same ever after: past a broken prefix there are no frames.
   */
  next(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#frameBytes < 0 && !this.#readHeader()) return undefined
    if (this.#length < this.#frameBytes) return undefined
    const frame = this.#take(this.#frameBytes)
    this.#frameBytes = -1
    return frame
  }

  #readHeader(): boolean {
    let value = 0
    let scale = 1
    let index = this.#index
    let offset = this.#offset
    for (let count = 1; ; count += 1) {
      const chunk = this.#chunks[index]
      const byte = chunk?.[offset]
      if (chunk === undefined || byte === undefined) return false
      value += (byte & 127) * scale
      scale *= 128
      offset += 1
      if (offset === chunk.length) {
        index += 1
        offset = 0
      }
      if (byte < 128) {
        if (byte === 0 && count > 1) throw this.#fail({ code: 'invalid-length' }, 'expected a minimal length prefix')
        this.#skipTo(index, offset, count)
        break
      }
      if (count === HEADER_BYTES) {
        throw this.#fail({ code: 'invalid-length' }, `expected a length prefix of at most ${HEADER_BYTES} bytes`)
      }
    }
    if (value > this.#maxFrameBytes) {
      throw this.#fail(
        { code: 'frame-too-large', limit: this.#maxFrameBytes, got: value },
        `expected a frame of at most ${this.#maxFrameBytes} bytes, the other side announced ${value}`,
      )
    }
    this.#frameBytes = value
    return true
  }

  #fail(detail: NetErrorDetail, message: string): NetError {
    this.#failure = new NetError(detail, message)
    return this.#failure
  }

  #skipTo(index: number, offset: number, bytes: number): void {
    this.#index = index
    this.#offset = offset
    this.#length -= bytes
    this.#compact()
  }

  #take(bytes: number): Uint8Array {
    const frame = new Uint8Array(bytes)
    let written = 0
    while (written < bytes) {
      const chunk = this.#chunks[this.#index]
      if (chunk === undefined) throw new RangeError('frame decoder lost count of its bytes')
      const part = chunk.subarray(this.#offset, this.#offset + bytes - written)
      frame.set(part, written)
      written += part.length
      this.#offset += part.length
      if (this.#offset === chunk.length) {
        this.#index += 1
        this.#offset = 0
      }
    }
    this.#length -= bytes
    this.#compact()
    return frame
  }

  #compact(): void {
    if (this.#index === this.#chunks.length) {
      this.#chunks = []
      this.#index = 0
    } else if (this.#index > 64) {
      this.#chunks.splice(0, this.#index)
      this.#index = 0
    }
  }
}
