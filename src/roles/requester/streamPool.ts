import type { Conduct, FrameStream } from '../../net/index.ts'
import { type TypedStream, typedStream } from '../typedStream.ts'

export type InferStream = TypedStream<'InferServerFrame', 'InferClientFrame'>

/** Streams that ended an exchange cleanly and take the next one: a new stream costs a negotiation. */
export interface InferStreamPool {
  take(peer: string, signal: AbortSignal): Promise<InferStream>
  give(stream: InferStream): void
  close(): Promise<void>
}

export interface InferStreamPoolInit {
  /** Idle streams kept per peer. */
  readonly size: number
  /** ms; shorter than the server's own patience, so that a kept stream is never found dead. */
  readonly idleMs: number
}

const DEFAULTS: InferStreamPoolInit = { size: 64, idleMs: 30_000 }

export function createInferStreamPool(
  components: {
    readonly open: (peer: string, signal: AbortSignal) => Promise<FrameStream>
    readonly conduct: Pick<Conduct, 'report'>
  },
  init: InferStreamPoolInit = DEFAULTS,
): InferStreamPool {
  const idle = new Map<string, { readonly stream: InferStream; readonly timer: NodeJS.Timeout }[]>()
  return {
    take: async (peer, signal) => {
      const kept = idle.get(peer)?.pop()
      if (kept !== undefined) {
        clearTimeout(kept.timer)
        return kept.stream
      }
      const stream = await components.open(peer, signal)
      return typedStream(stream, 'InferServerFrame', 'InferClientFrame', components.conduct)
    },
    give: (stream) => {
      const kept = idle.get(stream.peer) ?? []
      if (kept.length >= init.size) {
        void stream.close()
        return
      }
      const timer = setTimeout(() => {
        idle.set(
          stream.peer,
          (idle.get(stream.peer) ?? []).filter((entry) => entry.stream !== stream),
        )
        void stream.close()
      }, init.idleMs)
      timer.unref()
      idle.set(stream.peer, [...kept, { stream, timer }])
    },
    close: async () => {
      const all = [...idle.values()].flat()
      idle.clear()
      for (const { timer } of all) clearTimeout(timer)
      await Promise.all(all.map(({ stream }) => stream.close()))
    },
  }
}
