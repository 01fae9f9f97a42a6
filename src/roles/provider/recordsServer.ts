import type { JobRecord, SignedCheckpoint } from '../../protocol/index.ts'
import { PRIVACY } from '../../protocol/index.ts'
import { encode, maxBytes, type RecordsFrame, type RecordsRequest } from '../../wire/index.ts'
import { recordsHashOf } from '../records.ts'
import type { TypedStream } from '../typedStream.ts'
import type { ProviderJournal } from './journal.ts'

type RecordsStream = TypedStream<'RecordsFrame', 'RecordsFrame'>

const MAX_RECORDS = 256
/** Heads and chunks of one part, bytes; a frame holds at least one chunk. */
const PART_BYTES = maxBytes('RecordPart') / 2

/** Whether a peer may see transcripts of a checkpoint that are not open to all (R10, R12). */
export type Entitlement = (peer: string, checkpoint: SignedCheckpoint) => Promise<boolean>

/** Answers one RecordsRequest: the grant, the records, and an explicit end (R10). */
export async function serveRecords(
  link: RecordsStream,
  request: RecordsRequest,
  journal: Pick<ProviderJournal, 'checkpoint' | 'records' | 'grant'>,
  entitled: Entitlement = () => Promise.resolve(true),
): Promise<void> {
  const { checkpoint: digest, from, count } = request
  if (count === 0 || count > MAX_RECORDS) return refuse(link, 'too-much', `expected 1 to ${MAX_RECORDS} records`)
  const signed = await journal.checkpoint(digest)
  const records = signed === undefined ? undefined : await journal.records(digest, from, count)
  if (signed === undefined || records === undefined) return refuse(link, 'not-found', 'no such checkpoint here')
  const full = await entitled(link.peer, signed)
  const grant = await journal.grant(signed.checkpoint.grant)
  if (grant !== undefined) await link.write({ kind: 'grant', value: { grant } })
  const sent = records.map((record) => visible(record, full))
  for (const [at, record] of sent.entries()) {
    for (const frame of framesOf(from + at, record)) await link.write(frame)
  }
  await link.write({ kind: 'end', value: { count: sent.length, recordsHash: recordsHashOf(sent) } })
}

const refuse = (link: RecordsStream, code: 'too-much' | 'not-found', message: string): Promise<void> =>
  link.write({ kind: 'refusal', value: { code, message } })

function visible(record: JobRecord, full: boolean): JobRecord {
  if (full || record.job.privacy === PRIVACY.open) return record
  const { transcript: _, ...rest } = record
  return rest
}

/** One frame when the record fits, else its heads and chunks in parts. */
function* framesOf(index: number, record: JobRecord): Generator<RecordsFrame> {
  if (encode('JobRecord', shell(record)).length + sizeOf(record) <= PART_BYTES) {
    yield { kind: 'record', value: { index, record, more: false } }
    return
  }
  yield { kind: 'record', value: { index, record: shell(record), more: true } }
  const chunks = record.transcript?.chunks ?? []
  let at = 0
  let heads = record.heads
  do {
    let bytes = 0
    const start = at
    while (at < chunks.length && (at === start || bytes < PART_BYTES)) {
      bytes += chunks[at]?.data.length ?? 0
      at += 1
    }
    yield { kind: 'part', value: { index, heads, chunks: chunks.slice(start, at), more: at < chunks.length } }
    heads = []
  } while (at < chunks.length)
}

function shell(record: JobRecord): JobRecord {
  if (record.transcript === undefined) return { ...record, heads: [] }
  return { ...record, heads: [], transcript: { ...record.transcript, chunks: [] } }
}

const HEAD_BYTES = maxBytes('SignedHead')

function sizeOf(record: JobRecord): number {
  const chunks = record.transcript?.chunks ?? []
  return chunks.reduce((sum, { data }) => sum + data.length + 64, record.heads.length * HEAD_BYTES)
}
