import {
  ASSURANCE,
  type Digest,
  decodeTensors,
  digestOf,
  domainOfReceipt,
  fail,
  JOB,
  nameOfCode,
  ok,
  parseReceiptFile,
  type ReceiptFile,
  type Result,
  STATUS,
  type Tensors,
  toChecksumAddress,
} from '../protocol/index.ts'
import type { Ask } from './ask.ts'
import type { Problem } from './http/problem.ts'
import { kserveResponse } from './kserve/response.ts'
import { problem } from './problems.ts'

/** An answer as its receipt file has it: everything that is handed on comes from there. */
export interface Answer {
  readonly jobId: Digest
  /** The receipt file, RFC 8785 JSON. */
  readonly text: string
  readonly file: ReceiptFile
  readonly tensors: Tensors
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Reads a receipt file that holds its transcript. Problem `job-failed` when the provider's bytes are no tensors. */
export function readAnswer(bytes: Uint8Array): Result<Answer, Problem> {
  const file = parseReceiptFile(bytes)
  if (!file.ok) return fail(problem('job-failed', 'a receipt with its transcript', file.error.message))
  const chunks = file.value.transcript?.chunks ?? []
  const output = Buffer.concat(chunks.map(({ data }) => data))
  const tensors = decodeTensors(new Uint8Array(output))
  if (!tensors.ok) return fail(problem('job-failed', 'an answer of tensors', tensors.error.message))
  const jobId = digestOf(domainOfReceipt(file.value), JOB, file.value.job.job)
  return ok({ jobId, text: decoder.decode(bytes), file: file.value, tensors: tensors.value })
}

/** The body of 200: the outputs, and in `parameters` what proves them. */
export function answerBody({ jobId, text, file, tensors }: Answer, ask: Ask): object {
  const { receipt } = file.receipt
  return kserveResponse(tensors, {
    model: ask.model.id,
    name: ask.model.manifest.name,
    id: ask.id,
    outputs: ask.outputs,
    parameters: {
      opg_job_id: jobId,
      opg_provider: toChecksumAddress(receipt.provider),
      opg_fee: receipt.fee.toString(),
      opg_status: nameOfCode(STATUS, receipt.status),
      opg_assurance: nameOfCode(ASSURANCE, receipt.assurance),
      ...(ask.withReceipt ? { opg_receipt: text } : {}),
    },
  })
}
