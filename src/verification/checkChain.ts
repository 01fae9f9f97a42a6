import {
  ChunkChain,
  type Digest,
  digestOf,
  firstHead,
  HEAD,
  inputHashOf,
  type JobRecord,
  MAX_CHUNKS_PER_HEAD,
  merkleRoot,
  traceDigestOf,
} from '../protocol/index.ts'
import { type Found, found, type ReceiptContext } from './receiptContext.ts'

/** Section 2: heads of this job in order and often enough, the last one the output's, all under `headsRoot`. */
export function checkHeads({ heads, receipt }: JobRecord, { domain }: ReceiptContext): Found {
  let index = 0
  let fee = 0n
  let units = 0
  for (const { head } of heads) {
    if (head.jobId !== receipt.jobId || head.grant !== receipt.grant) {
      return found('bad-heads', `heads of job ${receipt.jobId}`, head.jobId)
    }
    const cadence = index === 0 ? 1 : MAX_CHUNKS_PER_HEAD
    if (head.index <= index || head.index > index + cadence) {
      return found('bad-heads', `a head at ${index + 1} to ${index + cadence}`, head.index)
    }
    if (head.fee < fee || head.outputUnits < units) return found('bad-heads', 'fees and units that grow', head.fee)
    index = head.index
    fee = head.fee
    units = head.outputUnits
  }
  if (index !== receipt.chunks) return found('bad-heads', `a head at ${receipt.chunks}`, index)
  const last = heads.at(-1)?.head
  const output = last?.head ?? firstHead(receipt.jobId)
  if (output !== receipt.outputHead) return found('bad-heads', receipt.outputHead, output)
  if (last !== undefined && (fee !== receipt.fee || units !== receipt.outputUnits)) {
    return found('bad-heads', `fee ${receipt.fee} for ${receipt.outputUnits} units`, `fee ${fee} for ${units}`)
  }
  const root = merkleRoot(
    'head',
    heads.map(({ head }) => digestOf(domain, HEAD, head)),
  )
  return root === receipt.headsRoot ? undefined : found('bad-heads', root, receipt.headsRoot)
}

/** The chunks shown are those the heads cover, and the input is the one the job names. */
export function checkTranscript({ transcript, heads, receipt, job }: JobRecord): Found {
  if (transcript === undefined) return undefined
  const inputHash = inputHashOf(transcript.inputSalt, transcript.input)
  if (inputHash !== job.inputHash) return found('bad-chain', job.inputHash, inputHash)
  if (transcript.chunks.length !== receipt.chunks) {
    return found('bad-chain', `${receipt.chunks} chunks`, transcript.chunks.length)
  }
  const signed = new Map<number, Digest>(heads.map(({ head }) => [head.index, head.head]))
  const chain = new ChunkChain(receipt.jobId)
  for (const chunk of transcript.chunks) {
    if (!chain.accept(chunk)) return found('bad-chain', `chunk ${chain.index + 1}`, chunk.index)
    const head = signed.get(chunk.index)
    if (head !== undefined && head !== chain.head) return found('bad-chain', head, chain.head)
  }
  return chain.head === receipt.outputHead ? undefined : found('bad-chain', receipt.outputHead, chain.head)
}

/** The runtime class and the trace bytes the record names are those the receipt commits to (R16, R17). */
export function checkTrace({ receipt, runtimeClass, traceHash }: JobRecord): Found {
  const trace = traceDigestOf(runtimeClass, traceHash)
  return trace === receipt.trace ? undefined : found('bad-chain', receipt.trace, trace)
}
