import { createLogger, keptJob, listJobs, readCatalogue, readHome, receiptPath } from '../../node/index.ts'
import type { Digest } from '../../protocol/index.ts'
import { answerResult, wholeAnswer } from '../answer.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError } from '../errors.ts'
import { renderProgress } from '../render/infer.ts'
import { jobJson, renderJobs } from '../render/job.ts'
import { withClient } from '../session.ts'

/** `opg job list`: what became of this home's paid jobs, by its own books. */
export async function jobList(
  options: { readonly home?: string; readonly last: number },
  context: CliContext,
): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const { network } = await readHome(home)
  const jobs = await listJobs(home, network, { last: options.last, logger: createLogger('fatal') })
  return { text: renderJobs(jobs), json: { jobs: jobs.map(jobJson) } }
}

/** `opg job retry`: the same job once more. Its provider gives what it stored, and charges it once (R27). */
export async function jobRetry(
  jobId: Digest,
  options: { readonly home?: string },
  context: CliContext,
): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const { network } = await readHome(home)
  const kept = await keptJob(home, network, jobId)
  if (kept === undefined) {
    throw new CliError({
      code: 'job-unknown',
      message: `expected a job that was asked for from ${home.directory}, got ${jobId}`,
      hint: 'opg job list shows the paid ones',
    })
  }
  const { model, maxOutputUnits } = kept.job
  const known = (await readCatalogue(home.models)).find(({ id }) => id === model)
  context.progress('connecting')
  return await withClient(home, context, {}, async (node) => {
    const answered = await node.requester?.retry(jobId, {
      signal: context.signal,
      onProgress: (progress) => context.progress(renderProgress(progress)),
    })
    if (answered === undefined) throw new RangeError('the client plays no requester')
    const answer = wholeAnswer(answered, maxOutputUnits, home.receipts)
    return answerResult(answer, {
      name: known?.manifest.name ?? '(no manifest)',
      receipt: receiptPath(home.receipts, jobId),
    })
  })
}
