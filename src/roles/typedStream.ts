import type { Conduct, FrameOptions, FrameStream } from '../net/index.ts'
import { CodedError } from '../protocol/index.ts'
import { decode, encode, type WireMessage, type WireType } from '../wire/index.ts'

/** A peer sent something that is no frame of this protocol, or one that does not belong here. */
export class FrameFault extends CodedError<{
  readonly code: 'bad-frame'
  readonly peer: string
  readonly problem: string
}> {}

/** Frames of one protocol as messages. What does not decode is refused by code, costs the peer and ends the stream. */
export interface TypedStream<In extends WireType, Out extends WireType> {
  readonly peer: string
  /** The next message; undefined when the other side ended cleanly. Rejects with FrameFault or NetError. */
  read(options?: FrameOptions): Promise<WireMessage<In> | undefined>
  write(message: WireMessage<Out>, options?: FrameOptions): Promise<void>
  /** Messages that are ready at once, in as few packets as keep to a moderate size. */
  writeAll(messages: readonly WireMessage<Out>[], options?: FrameOptions): Promise<void>
  /** The frame decoded but has no place here: scored, and the stream ends. */
  misplaced(problem: string): FrameFault
  close(): Promise<void>
  abort(error: Error): void
}

/** Sides of a stream that may send a refusal. */
const REFUSING: ReadonlySet<WireType> = new Set(['InferServerFrame', 'RecordsFrame', 'SyncFrame'])
/** Of a refusal's message, which is 512 bytes at most. */
const MAX_PROBLEM_LENGTH = 256

/** Frames beyond it wait for room in the stream before the next ones are encoded. */
const PACKET_BYTES = 64 * 1024

export function typedStream<In extends WireType, Out extends WireType>(
  stream: FrameStream,
  incoming: In,
  outgoing: Out,
  conduct: Pick<Conduct, 'report'>,
): TypedStream<In, Out> {
  const fault = (problem: string): FrameFault => {
    refuse(problem)
    conduct.report(stream.peer, 'bad-frame', { protocol: stream.protocol, problem })
    const error = new FrameFault({ code: 'bad-frame', peer: stream.peer, problem }, `${stream.protocol}: ${problem}`)
    stream.abort(error)
    return error
  }
  /** Sent before the peer is scored, which may hang it up; a peer that takes no more is not waited for. */
  const refuse = (problem: string): void => {
    if (!REFUSING.has(outgoing)) return
    const value = { code: 'bad-frame', message: problem.slice(0, MAX_PROBLEM_LENGTH) } as const
    const refusal = { kind: 'refusal', value } as unknown as WireMessage<Out>
    stream.write(encode(outgoing, refusal)).catch(() => undefined)
  }
  return {
    peer: stream.peer,
    read: async (options) => {
      const bytes = await stream.read(options)
      if (bytes === undefined) return undefined
      const message = decode(incoming, bytes)
      if (!message.ok) throw fault(message.error.message)
      return message.value
    },
    write: (message, options) => stream.write(encode(outgoing, message), options),
    writeAll: async (messages, options) => {
      let packet: Uint8Array[] = []
      let bytes = 0
      for (const message of messages) {
        const frame = encode(outgoing, message)
        if (bytes > 0 && bytes + frame.length > PACKET_BYTES) {
          await stream.writeAll(packet, options)
          packet = []
          bytes = 0
        }
        packet.push(frame)
        bytes += frame.length
      }
      await stream.writeAll(packet, options)
    },
    misplaced: fault,
    close: () => stream.close(),
    abort: (error) => stream.abort(error),
  }
}
