import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import {
  base64ToBytes,
  bytesToBase64,
  type Digest,
  formatReceiptFile,
  isDigest,
  JOB,
  type ReceiptNetwork,
  structFromJson,
  structToJson,
  toError,
} from '../protocol/index.ts'
import type { KeptJob, RequestAnswer, RequesterJournal } from '../roles/index.ts'
import { decode, encode } from '../wire/index.ts'
import { NodeError } from './errors.ts'
import { writeWhole } from './home.ts'
import { receiptFileOf } from './receipts.ts'

/** Where the receipt file of a job lies. */
export const receiptPath = (directory: string, jobId: Digest): string => join(directory, `${jobId}.json`)

const jobPath = (directory: string, jobId: Digest): string => join(directory, `${jobId}.job.json`)

const bytes = z.string().transform((text, context) => {
  const read = base64ToBytes(text)
  if (read !== undefined) return read
  context.addIssue('expected base64')
  return z.NEVER
})
const mask = z.int().min(0)
const keptSchema = z.strictObject({
  job: z.unknown(),
  signature: z.custom<KeptJob['signature']>((value) => typeof value === 'string' && /^0x[0-9a-f]{130}$/.test(value)),
  offer: bytes,
  inputSalt: z.custom<Digest>(isDigest),
  input: bytes,
  parameters: bytes,
  assurance: mask,
  notChecked: mask,
})

/**
 * A requester's memory as files (section 4): `<jobId>.job.json` before a job is sent, with all that is needed to ask for it
 * again (R27), the input among it: mode 0600. `<jobId>.json`, the receipt file, when it is answered. Several processes may
 * share the directory.
 */
export function createRequesterJournal(directory: string, network: ReceiptNetwork): RequesterJournal {
  return {
    saveJob: async (jobId, kept) => {
      await writeWhole(jobPath(directory, jobId), `${JSON.stringify(jsonOf(kept))}\n`)
    },
    loadJob: async (jobId) => {
      const path = jobPath(directory, jobId)
      const text = await readIfThere(path)
      return text === undefined ? undefined : readKept(path, text)
    },
    saveAnswer: async (answer: RequestAnswer) => {
      await writeWhole(receiptPath(directory, answer.jobId), formatReceiptFile(receiptFileOf(answer, network)))
    },
  }
}

function jsonOf({ job, signature, offer, inputSalt, input, parameters, assurance, notChecked }: KeptJob): object {
  return {
    job: structToJson(JOB, job),
    signature,
    offer: bytesToBase64(encode('SignedOffer', offer)),
    inputSalt,
    input: bytesToBase64(input),
    parameters: bytesToBase64(parameters),
    assurance,
    notChecked,
  }
}

/** Throws NodeError `job-unreadable`. */
function readKept(path: string, text: string): KeptJob {
  try {
    const { job, offer, ...rest } = keptSchema.parse(JSON.parse(text))
    const signed = decode('SignedOffer', offer)
    if (!signed.ok) throw signed.error
    return { ...rest, job: structFromJson(JOB, job, 'job'), offer: signed.value }
  } catch (thrown) {
    const { message } = toError(thrown)
    throw new NodeError(
      { code: 'job-unreadable', path, expected: 'a job as this version keeps it', got: message },
      `${path}: expected a job as this version keeps it: ${message}`,
      { cause: thrown },
    )
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown)
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
