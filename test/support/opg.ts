import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { errorSchema, resultSchemas } from '../../src/cli/index.ts'

export const OPG = fileURLToPath(new URL('../../bin/opg.js', import.meta.url))

export interface OpgRun {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
  /** The last line of stdout. */
  readonly json: Record<string, unknown>
}

export interface OpgOptions {
  readonly program?: string
  readonly node?: string
  readonly cwd?: string
  readonly environment?: Record<string, string>
}

/** Runs `opg` in a process of its own to its end. */
export async function opg(args: readonly string[], options: OpgOptions = {}): Promise<OpgRun> {
  return await ended(startOpg(args, options))
}

export function startOpg(args: readonly string[], options: OpgOptions = {}): ChildProcess {
  const { program = OPG, node = process.execPath, cwd, environment } = options
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...environment }
  return spawn(node, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    ...(cwd === undefined ? {} : { cwd }),
  })
}

export async function ended(child: ChildProcess): Promise<OpgRun> {
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    stdout += part
  })
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    stderr += part
  })
  const exit = await new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
  })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  return { exit, stdout, stderr, json: last.startsWith('{') ? JSON.parse(last) : {} }
}

/** What each command prints, by its words. */
export type Results = { readonly [C in keyof typeof resultSchemas]: z.infer<(typeof resultSchemas)[C]> }

/** The result of a command, as its schema reads it. Throws with all that the command wrote where it is none. */
export function resultOf<C extends keyof Results>(command: C, { exit, stdout, stderr, json }: OpgRun): Results[C] {
  const parsed = resultSchemas[command].safeParse(json)
  if (parsed.success) return parsed.data as Results[C]
  throw new Error(`opg ${command} ended with ${exit}: ${stdout}${stderr}\n${parsed.error.message}`)
}

/** The code of the error a command ended with. Throws where it ended with none. */
export function codeOf({ exit, stdout, stderr, json }: OpgRun): string {
  const parsed = errorSchema.safeParse(json)
  if (parsed.success) return parsed.data.error.code
  throw new Error(`expected an error of opg, it ended with ${exit}: ${stdout}${stderr}`)
}

/** Resolves with the first line of stdout. */
export async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const part of child.stdout ?? []) {
    text += String(part)
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error(`expected a line, the process ended after "${text}"`)
}
