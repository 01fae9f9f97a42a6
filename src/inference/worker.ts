import { Worker } from 'node:worker_threads'
import type { Digest } from '../protocol/index.ts'
import { orphanGuardEntry } from './entry.ts'
import type { InferenceErrorDetail } from './errors.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { probeRuntime, TensorSession } from './session.ts'
import type { ExecutionProvider } from './types.ts'

/** The program of a worker process: takes messages in order, one at a time, and ends with its parent. */

new Worker(orphanGuardEntry)
process.on('disconnect', () => process.exit(0))

const EXIT_UNUSABLE = 69

const sessions = new Map<Digest, TensorSession>()
const waiting: ToWorker[] = []
const skipped = new Set<number>()
let pumping = false
let provider: ExecutionProvider = 'cpu'

const answer = (message: FromWorker): boolean => process.send?.(message) ?? false

process.on('message', (message: ToWorker) => {
  if (message.type === 'skip') {
    if (waiting.some((other) => other.type === 'run' && other.job === message.job)) skipped.add(message.job)
    return
  }
  waiting.push(message)
  if (!pumping) void pump()
})

async function pump(): Promise<void> {
  pumping = true
  for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) await handle(message)
  pumping = false
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'start': {
      provider = message.provider
      const runtime = await probeRuntime(provider)
      if (runtime.ok) answer({ type: 'ready', runtime: runtime.value })
      else refuse(runtime.error)
      return
    }
    case 'load': {
      const { id } = message.model
      const session = sessions.has(id) ? undefined : await TensorSession.load(message.model, provider)
      if (session?.ok === true) sessions.set(id, session.value)
      answer(
        session?.ok === false ? { type: 'loaded', model: id, error: session.error } : { type: 'loaded', model: id },
      )
      return
    }
    case 'unload': {
      const session = sessions.get(message.model)
      sessions.delete(message.model)
      await session?.release()
      return
    }
    case 'run': {
      await run(message)
      return
    }
    case 'skip':
      return
  }
}

async function run({ job, model, input, trace }: Extract<ToWorker, { type: 'run' }>): Promise<void> {
  if (skipped.delete(job)) {
    answer({ type: 'failed', job, error: { code: 'cancelled' }, duration: 0 })
    return
  }
  const began = performance.now()
  const session = sessions.get(model)
  if (session === undefined) {
    answer({ type: 'failed', job, error: { code: 'model-unknown', model }, duration: 0 })
    return
  }
  const result = await session.run(input, trace)
  const duration = performance.now() - began
  if (result.ok) answer({ type: 'done', job, ...result.value, duration })
  else answer({ type: 'failed', job, error: result.error, duration })
}

/** The answer must be flushed before the exit, or the parent learns only that the process died. */
function refuse(error: InferenceErrorDetail): void {
  const message: FromWorker = { type: 'refused', error }
  process.send?.(message, undefined, {}, () => process.exit(EXIT_UNUSABLE))
}
