import { type Host, isNetError, protocolName } from '../net/index.ts'
import { type Digest, fail, ok, type RefusalCode, type Result, toError } from '../protocol/index.ts'
import type { SyncFrame } from '../wire/index.ts'
import type { RoleLogger } from './logger.ts'
import { FrameFault, typedStream } from './typedStream.ts'

export type SyncRequestKind =
  | 'offersRequest'
  | 'grantRequest'
  | 'checkpointsRequest'
  | 'checkpointRequest'
  | 'votesRequest'
  | 'batchRequest'
  | 'proposal'
  | 'latestRequest'
  | 'peersRequest'

type SyncRequest<K extends SyncRequestKind> = Extract<SyncFrame, { readonly kind: K }>
export type SyncResponder<K extends SyncRequestKind> = (
  request: SyncRequest<K>['value'],
  peer: string,
) => Promise<SyncFrame>

export const refuseSync = (code: RefusalCode, message: string): SyncFrame => ({
  kind: 'refusal',
  value: { code, message },
})

/** Why a question to a peer has no answer. */
export interface SyncFailure {
  readonly code: RefusalCode | 'unreachable' | 'bad-frame'
  readonly message: string
}

/** Questions between peers (R10, `/sync`): one request and one answer at a time on a stream. */
export interface Sync {
  start(): void
  /** Each kind has one responder in a process; what nobody answers is refused `not-serving`. */
  respond<K extends SyncRequestKind>(kind: K, responder: SyncResponder<K>): void
  ask<K extends SyncFrame['kind']>(
    peer: string,
    request: SyncRequest<SyncRequestKind>,
    expected: K,
    options?: { readonly timeoutMs?: number },
  ): Promise<Result<Extract<SyncFrame, { readonly kind: K }>['value'], SyncFailure>>
}

const ANSWER_TIMEOUT_MS = 5_000
/** A question may follow the last answer within this time; then the stream is closed. */
const IDLE_TIMEOUT_MS = 30_000

export function createSync(
  components: { readonly host: Host; readonly logger: RoleLogger },
  init: { readonly networkId: Digest },
): Sync {
  const { host, logger } = components
  const protocol = protocolName(init.networkId, 'sync')
  const responders = new Map<SyncRequestKind, SyncResponder<SyncRequestKind>>()

  const answer = async (frame: SyncFrame, peer: string): Promise<SyncFrame> => {
    const responder = responders.get(frame.kind as SyncRequestKind)
    if (responder === undefined) return refuseSync('not-serving', `no role here answers ${frame.kind}`)
    try {
      return await responder(frame.value as never, peer)
    } catch (thrown) {
      logger.error({ peer, kind: frame.kind, error: toError(thrown).message }, 'sync responder failed')
      return refuseSync('failed', 'the question could not be answered')
    }
  }

  /** Whoever sends what its signer did not sign has not checked it either; said first, since a hung-up peer hears nothing. */
  const judge = (request: SyncFrame, reply: SyncFrame, peer: string): void => {
    if (reply.kind !== 'refusal' || reply.value.code !== 'bad-signature') return
    host.conduct.report(peer, 'bad-signature', { kind: request.kind })
  }

  return {
    start: () => {
      host.handle(protocol, async (stream, peer) => {
        const typed = typedStream(stream, 'SyncFrame', 'SyncFrame', host.conduct)
        try {
          for (;;) {
            const frame = await typed.read({ timeoutMs: IDLE_TIMEOUT_MS })
            if (frame === undefined) return
            const reply = await answer(frame, peer)
            await typed.write(reply)
            judge(frame, reply, peer)
          }
        } catch (thrown) {
          if (!(thrown instanceof FrameFault) && !isNetError(thrown)) throw thrown
        }
      })
    },
    respond: (kind, responder) => {
      if (responders.has(kind)) throw new RangeError(`${kind} already has a responder`)
      responders.set(kind, responder as unknown as SyncResponder<SyncRequestKind>)
    },
    ask: async (peer, request, expected, options = {}) => {
      const timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS
      try {
        const typed = typedStream(
          await host.openStream(peer, protocol, { signal: AbortSignal.timeout(timeoutMs) }),
          'SyncFrame',
          'SyncFrame',
          host.conduct,
        )
        try {
          await typed.write(request, { timeoutMs })
          const frame = await typed.read({ timeoutMs })
          if (frame === undefined) return fail({ code: 'unreachable', message: 'the stream ended without an answer' })
          if (frame.kind === 'refusal') return fail({ code: frame.value.code, message: frame.value.message })
          if (frame.kind !== expected) {
            const { message } = typed.misplaced(`expected ${expected}, got ${frame.kind}`)
            return fail({ code: 'bad-frame', message })
          }
          return ok(frame.value as never)
        } finally {
          await typed.close()
        }
      } catch (thrown) {
        if (thrown instanceof FrameFault) return fail({ code: 'bad-frame', message: thrown.message })
        if (isNetError(thrown)) return fail({ code: 'unreachable', message: thrown.message })
        throw thrown
      }
    },
  }
}
