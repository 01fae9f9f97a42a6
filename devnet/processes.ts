import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { toError } from '../src/protocol/index.ts'

const run = promisify(execFile)
const POLL_MS = 25

/** The command line of a process; undefined when there is none. */
export async function commandOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8')
    return text === '' ? undefined : text.replaceAll('\0', ' ').trim()
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown)
    if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error
  }
  if (process.platform === 'linux') return undefined
  try {
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)])
    return stdout.trim() === '' ? undefined : stdout.trim()
  } catch {
    return undefined
  }
}

/** Whether the process lives and its command line names `mark`: a pid file may be older than the pid's present owner. */
export const isOurs = async (pid: number, mark: string): Promise<boolean> =>
  (await commandOf(pid))?.includes(mark) === true

/** False when the process was gone already. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown)
    if (error.code === 'ESRCH') return false
    throw error
  }
}

/** Ends a process of ours: SIGTERM, then SIGKILL after `graceMs`. False when it was gone or is somebody else's. */
export async function endProcess(pid: number, mark: string, graceMs: number): Promise<boolean> {
  if (!(await isOurs(pid, mark)) || !sendSignal(pid, 'SIGTERM')) return false
  if (await isGone(pid, mark, graceMs)) return true
  sendSignal(pid, 'SIGKILL')
  await isGone(pid, mark, graceMs)
  return true
}

async function isGone(pid: number, mark: string, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs
  while (Date.now() < until) {
    if (!(await isOurs(pid, mark))) return true
    await sleep(POLL_MS)
  }
  return false
}
