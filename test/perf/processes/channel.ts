import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { toError } from '../../../src/protocol/index.ts'

/** Questions and answers between a bench and its processes, over the structured-clone pipe of `fork`. */

interface Question {
  readonly id: number
  readonly name: string
  readonly value: unknown
}

type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

/** What a process can be asked: each name with the type of its question and of its answer. */
export type Methods = { readonly [name: string]: (value: never) => unknown }

type Asked<M extends Methods, K extends keyof M> = Parameters<M[K]>[0]
type Answered<M extends Methods, K extends keyof M> = Awaited<ReturnType<M[K]>>

export interface BenchProcess<M extends Methods> {
  readonly pid: number
  ask<K extends keyof M & string>(name: K, value: Asked<M, K>): Promise<Answered<M, K>>
  /** Asks it to `stop` and waits for its end. */
  stop(): Promise<void>
}

const STOP_TIMEOUT_MS = 20_000

export function startProcess<M extends Methods>(program: URL, name: string): BenchProcess<M> {
  const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let next = 1
  child.on('message', (message) => {
    const answer = message as Answer
    const promise = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) promise?.reject(new Error(`${name}: ${answer.error}`))
    else promise?.resolve(answer.value)
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended with ${signal ?? code}`))
    waiting.clear()
  })
  const ask = (method: string, value: unknown): Promise<unknown> => {
    const promise = Promise.withResolvers<unknown>()
    waiting.set(next, promise)
    child.send({ id: next, name: method, value } satisfies Question)
    next += 1
    return promise.promise
  }
  return {
    pid: child.pid ?? -1,
    ask: (method, value) => ask(method, value) as never,
    stop: () => end(child, () => ask('stop', undefined)),
  }
}

async function end(child: ChildProcess, askToStop: () => Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await askToStop()
  child.disconnect()
  await exit
  clearTimeout(timer)
}

/** The side of the process: answers questions until the parent is gone. `stop` is awaited before the exit. */
export function serveProcess(methods: { readonly [name: string]: (value: never) => unknown }): void {
  process.on('message', (message) => void answer(message as Question))
  process.on('disconnect', () => process.exit(0))

  const answer = async ({ id, name, value }: Question): Promise<void> => {
    try {
      const method = methods[name]
      if (method === undefined) throw new RangeError(`nothing here answers ${name}`)
      process.send?.({ id, value: await method(value as never) } satisfies Answer)
    } catch (thrown) {
      process.send?.({ id, error: toError(thrown).stack ?? toError(thrown).message } satisfies Answer)
    }
  }
}

/** CPU time so far, ms of user and system together: the whole process with its helper threads, and JavaScript's thread. */
export interface CpuTimes {
  readonly process: number
  readonly thread: number
}

export function cpuTimes(): CpuTimes {
  const sum = ({ user, system }: { readonly user: number; readonly system: number }): number => (user + system) / 1_000
  return { process: sum(process.cpuUsage()), thread: sum(process.threadCpuUsage()) }
}

export const cpuBetween = (before: CpuTimes, after: CpuTimes): CpuTimes => ({
  process: after.process - before.process,
  thread: after.thread - before.thread,
})
