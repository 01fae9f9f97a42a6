import { type Host, isNetError, protocolName } from '../net/index.ts'
import { type Digest, type SignedCheckpoint, toError } from '../protocol/index.ts'
import type { RecordsFrame, RecordsRequest } from '../wire/index.ts'
import type { CommitteeLookup } from './committee.ts'
import type { RoleLogger } from './logger.ts'
import type { PeerDirectory } from './peerDirectory.ts'
import type { ProviderJournal } from './provider/journal.ts'
import { type Entitlement, serveRecords } from './provider/recordsServer.ts'
import { FrameFault, type TypedStream, typedStream } from './typedStream.ts'

export type RecordsStream = TypedStream<'RecordsFrame', 'RecordsFrame'>

/** Who holds records: a provider's journal, a verifier's own checks. */
export type RecordsSource = Pick<ProviderJournal, 'checkpoint' | 'records' | 'grant'>

/** A stream that a provider opened to its seat. `first` was read from it already. */
export type LinkHandler = (link: RecordsStream, first: RecordsFrame) => Promise<void>

/**
 * The one handler of `/records` (R10) of a process, whatever roles it plays: streams that begin with a request are answered from
 * the first source that holds the checkpoint, the others belong to the verifier.
 */
export interface RecordsDoor {
  start(): void
  serve(source: RecordsSource): void
  /** At most one per process; without it pushes are refused `not-serving`. */
  onLink(handler: LinkHandler): void
}

export function createRecordsDoor(
  components: { readonly host: Host; readonly logger: RoleLogger },
  init: { readonly networkId: Digest; readonly entitled: Entitlement },
): RecordsDoor {
  const { host, logger } = components
  const sources: RecordsSource[] = []
  let linked: LinkHandler | undefined

  const answer = async (stream: RecordsStream, request: RecordsRequest): Promise<void> => {
    for (const source of sources) {
      if ((await source.checkpoint(request.checkpoint)) !== undefined) {
        return serveRecords(stream, request, source, init.entitled)
      }
    }
    await stream.write({ kind: 'refusal', value: { code: 'not-found', message: 'no such checkpoint here' } })
  }

  const follow = async (stream: RecordsStream): Promise<void> => {
    for (;;) {
      const frame = await stream.read({ timeoutMs: Number.POSITIVE_INFINITY })
      if (frame === undefined) return
      if (frame.kind === 'request') await answer(stream, frame.value)
      else if (linked !== undefined) return linked(stream, frame)
      else if (frame.kind === 'grant' || frame.kind === 'push') {
        const message = 'this node is no verifier'
        await stream.write({ kind: 'refusal', value: { code: 'not-serving', message } })
        return
      } else throw stream.misplaced(`a stream does not begin with ${frame.kind}`)
    }
  }

  return {
    start: () => {
      host.handle(protocolName(init.networkId, 'records'), async (raw) => {
        const stream = typedStream(raw, 'RecordsFrame', 'RecordsFrame', host.conduct)
        try {
          await follow(stream)
        } catch (thrown) {
          if (thrown instanceof FrameFault || isNetError(thrown)) return
          logger.error({ peer: stream.peer, error: toError(thrown).message }, 'records stream failed')
          throw thrown
        }
      })
    },
    serve: (source) => {
      sources.push(source)
    },
    onLink: (handler) => {
      if (linked !== undefined) throw new RangeError('links already have a handler')
      linked = handler
    },
  }
}

/** R10, R12: transcripts that are not open go to the seats of the checkpoint alone, proved by the PeerId. */
export const seatEntitlement =
  ({
    committee,
    directory,
  }: {
    readonly committee: Pick<CommitteeLookup, 'committeeOf'>
    readonly directory: Pick<PeerDirectory, 'operatorOf'>
  }): Entitlement =>
  async (peer: string, { checkpoint }: SignedCheckpoint) => {
    const operator = directory.operatorOf(peer)
    const found = await committee.committeeOf(checkpoint)
    return found.ok && found.value.seats.some(({ verifier }) => verifier === operator)
  }
