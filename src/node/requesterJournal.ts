import { join } from 'node:path'
import { type Digest, formatReceiptFile, JOB, type ReceiptNetwork, structToJson } from '../protocol/index.ts'
import type { RequestAnswer, RequesterJournal } from '../roles/index.ts'
import { writeWhole } from './home.ts'
import { receiptFileOf } from './receipts.ts'

/** Where the receipt file of a job lies. */
export const receiptPath = (directory: string, jobId: Digest): string => join(directory, `${jobId}.json`)

/**
 * A requester's memory as files (section 4): `<jobId>.job.json` before a job is sent, `<jobId>.json`, the receipt file,
 * when it is answered. Several processes may share the directory.
 */
export function createRequesterJournal(directory: string, network: ReceiptNetwork): RequesterJournal {
  return {
    saveJob: async (jobId, { job, signature }) => {
      const text = JSON.stringify({ job: structToJson(JOB, job), signature })
      await writeWhole(join(directory, `${jobId}.job.json`), `${text}\n`)
    },
    saveAnswer: async (answer: RequestAnswer) => {
      await writeWhole(receiptPath(directory, answer.jobId), formatReceiptFile(receiptFileOf(answer, network)))
    },
  }
}
