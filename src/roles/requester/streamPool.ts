import type { Conduct, FrameStream } from '../../net/index.ts'
import { type TypedStream, typedStream } from '../typedStream.ts'

export type InferStream = TypedStream<'InferServerFrame', 'InferClientFrame'>

/** Streams that ended an exchange cleanly and take the next one: a new stream costs a negotiation. */
export interface InferStreamPool {
  take(peer: string): Promise<InferStream>
  give(stream: InferStream): void
  /** Drops what is kept for a peer that is gone. */
  forget(peer: string): void
  close(): Promise<void>
}

export interface InferStreamPoolInit {
  /** Idle streams kept per peer. */
  readonly size: number
  /** ms; a kept stream is closed after one to two of these, before the server's own patience ends. */
  readonly idleMs: number
}

const DEFAULTS: InferStreamPoolInit = { size: 64, idleMs: 20_000 }

interface Kept {
  readonly stream: InferStream
  /** Sweeps it has seen: the second one closes it. */
  sweeps: number
}

export function createInferStreamPool(
  components: {
    readonly open: (peer: string) => Promise<FrameStream>
    readonly conduct: Pick<Conduct, 'report'>
  },
  init: InferStreamPoolInit = DEFAULTS,
): InferStreamPool {
  const idle = new Map<string, Kept[]>()
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  const sweep = (): void => {
    for (const [peer, kept] of idle) {
      const old = kept.filter((entry) => entry.sweeps > 0)
      const young = kept.filter((entry) => entry.sweeps === 0)
      for (const { stream } of old) void stream.close()
      for (const entry of young) entry.sweeps += 1
      if (young.length > 0) idle.set(peer, young)
      else idle.delete(peer)
    }
    if (idle.size > 0) return
    clearInterval(sweeper)
    sweeper = undefined
  }

  return {
    take: async (peer) => {
      const kept = idle.get(peer)?.pop()
      if (kept !== undefined) return kept.stream
      return typedStream(await components.open(peer), 'InferServerFrame', 'InferClientFrame', components.conduct)
    },
    give: (stream) => {
      const kept = idle.get(stream.peer) ?? []
      if (closed || kept.length >= init.size) {
        void stream.close()
        return
      }
      kept.push({ stream, sweeps: 0 })
      idle.set(stream.peer, kept)
      if (sweeper === undefined) {
        sweeper = setInterval(sweep, init.idleMs)
        sweeper.unref()
      }
    },
    forget: (peer) => {
      for (const { stream } of idle.get(peer) ?? []) stream.abort(new Error('the peer is gone'))
      idle.delete(peer)
    },
    close: async () => {
      closed = true
      clearInterval(sweeper)
      const all = [...idle.values()].flat()
      idle.clear()
      await Promise.all(all.map(({ stream }) => stream.close()))
    },
  }
}
