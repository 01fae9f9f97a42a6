import { CommanderError } from 'commander'
import type { NodePorts } from '../node/index.ts'
import { toError } from '../protocol/index.ts'
import type { DevnetLauncher } from './commands/devnet.ts'
import type { CliContext } from './context.ts'
import { describeError, exitOf, interrupted } from './errors.ts'
import { EXIT } from './exitCodes.ts'
import { createProgram, type RunCommand } from './program.ts'
import { renderError } from './render/error.ts'

export interface MainOptions {
  readonly loadDevnet?: () => Promise<DevnetLauncher>
  /** What `node start` takes instead of its machine's own: devnet adversaries. */
  readonly ports?: Partial<NodePorts>
}

/** Where the program reads and writes: the process, or a test's stand-in. */
export interface Terminal {
  readonly environment: CliContext['environment']
  readonly workingDirectory: string
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean }
}

/** Runs the program on this process: Ctrl-C drains, a second one kills, and the exit code says how it ended. */
export async function main(argv: readonly string[], options: MainOptions = {}): Promise<void> {
  const abort = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted)
    abort.abort(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const terminal = {
    environment: process.env,
    workingDirectory: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
  }
  try {
    process.exitCode = await runProgram(argv, options, terminal, abort.signal)
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

/** Runs one command line and returns its exit code. */
export async function runProgram(
  argv: readonly string[],
  options: MainOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { stdout, stderr } = terminal
  let exit: number = EXIT.ok
  const fail = (thrown: unknown, json: boolean): void => {
    const failure = describeError(signal.reason === 'SIGINT' ? interrupted() : thrown)
    exit = exitOf(failure)
    if (json) stdout.write(`${JSON.stringify({ ok: false, error: failure })}\n`)
    else stderr.write(`${renderError(failure)}\n`)
  }
  const run: RunCommand = async (json, command) => {
    const context = createContext(json, terminal, signal)
    try {
      const { text, json: members, exit: end = EXIT.ok } = await command(context)
      context.endProgress()
      stdout.write(json ? `${JSON.stringify({ ok: true, ...members })}\n` : `${text}\n`)
      exit = end
    } catch (thrown) {
      context.endProgress()
      fail(thrown, json)
    }
  }
  const program = createProgram({
    run,
    ...options,
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
  })
  try {
    await program.parseAsync([...argv])
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw toError(thrown)
    if (thrown.exitCode === 0) return EXIT.ok
    fail(thrown, argv.includes('--json'))
  }
  return exit
}

interface ProgressContext extends CliContext {
  endProgress(): void
}

function createContext(json: boolean, terminal: Terminal, signal: AbortSignal): ProgressContext {
  const { environment, workingDirectory, stdout, stderr } = terminal
  let shown = false
  const clear = (): void => {
    if (shown) stderr.write('\r\u001b[K')
    shown = false
  }
  return {
    json,
    environment,
    workingDirectory,
    signal,
    result: (text) => {
      clear()
      stdout.write(`${text}\n`)
    },
    note: (text) => {
      clear()
      stderr.write(`${text}\n`)
    },
    progress: (text) => {
      if (stderr.isTTY !== true) return
      stderr.write(`\r\u001b[K${text}`)
      shown = true
    },
    endProgress: clear,
  }
}
