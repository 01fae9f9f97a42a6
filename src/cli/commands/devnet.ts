import { join, resolve } from 'node:path'
import type { SimulatedFormat } from '../../node/index.ts'
import type { Json } from '../../protocol/index.ts'
import { type CliContext, type CommandResult, DEVNET_DIRECTORY } from '../context.ts'
import { CliError, interrupted } from '../errors.ts'
import { renderFacts, renderTable } from '../render/table.ts'

/** A devnet as its directory describes it. */
export interface DevnetView {
  readonly directory: string
  readonly rpc: string
  readonly network: string
  readonly networkId: string
  readonly processes: readonly DevnetProcessView[]
}

export interface DevnetProcessView {
  readonly name: string
  readonly state: 'running' | 'stopped'
  readonly pid?: number
  readonly home?: string
  readonly operator?: string
  readonly addresses?: readonly string[]
  readonly metrics?: string
}

export interface DevnetUpOptions {
  readonly directory: string
  readonly seed: string
  readonly providers: number
  readonly verifiers: number
  readonly settlers: number
  /** Formats of the providers' simulated evidence, in turn. */
  readonly evidence: readonly SimulatedFormat[]
  readonly detach: boolean
}

/** A devnet that this process holds. */
export interface RunningDevnet {
  readonly view: DevnetView
  /** Resolves when a process of it ended by itself. */
  readonly failed: Promise<string>
  stop(): Promise<void>
}

/** What `devnet/` gives the command line: it needs anvil and the models, which only a checkout has. */
export interface DevnetLauncher {
  /** Starts everything in child processes and waits until it is healthy. */
  up(options: DevnetUpOptions, note: (text: string) => void): Promise<RunningDevnet>
  /** The same in a process of its own. */
  detach(options: DevnetUpOptions, note: (text: string) => void): Promise<DevnetView>
  /** Stops what the directory's files name and is ours. Returns the names of what was stopped. */
  down(directory: string): Promise<readonly string[]>
  /** Undefined where there is no devnet. */
  status(directory: string): Promise<DevnetView | undefined>
}

export const devnetDirectory = (
  given: string | undefined,
  { workingDirectory }: Pick<CliContext, 'workingDirectory'>,
): string => (given === undefined ? join(workingDirectory, DEVNET_DIRECTORY) : resolve(workingDirectory, given))

/** `opg devnet up`: in the foreground until Ctrl-C, which stops all of it. */
export async function devnetUp(
  launcher: DevnetLauncher,
  options: DevnetUpOptions,
  context: CliContext,
): Promise<CommandResult> {
  const note = (text: string): void => context.note(text)
  if (options.detach) {
    const view = await launcher.detach(options, note)
    return { text: renderDevnet(view), json: jsonOf(view) }
  }
  const running = await launcher.up(options, note)
  try {
    const { view } = running
    context.result(context.json ? JSON.stringify({ event: 'ready', ...view }) : renderDevnet(view))
    const aborted = new Promise<undefined>((done) => {
      if (context.signal.aborted) done(undefined)
      context.signal.addEventListener('abort', () => done(undefined), { once: true })
    })
    const failed = await Promise.race([running.failed, aborted])
    if (failed !== undefined) throw new CliError({ code: 'failed', message: `${failed}; the devnet was stopped` })
  } finally {
    await running.stop()
  }
  if (context.signal.reason === 'SIGINT') throw interrupted()
  return { text: 'stopped', json: { event: 'stopped' } }
}

/** `opg devnet down`. */
export async function devnetDown(launcher: DevnetLauncher, directory: string): Promise<CommandResult> {
  const stopped = await launcher.down(directory)
  return { text: stopped.length === 0 ? 'nothing ran' : `stopped ${stopped.join(', ')}`, json: { stopped } }
}

/** `opg devnet status`. */
export async function devnetStatus(launcher: DevnetLauncher, directory: string): Promise<CommandResult> {
  const view = await launcher.status(directory)
  if (view !== undefined) return { text: renderDevnet(view), json: jsonOf(view) }
  throw new CliError({
    code: 'devnet-missing',
    message: `expected a devnet in ${directory}, there is none`,
    hint: 'opg devnet up',
  })
}

const jsonOf = (view: DevnetView): { readonly [name: string]: Json } => JSON.parse(JSON.stringify(view))

function renderDevnet({ directory, rpc, network, networkId, processes }: DevnetView): string {
  const facts = renderFacts([
    ['network', `${network} ${networkId}`],
    ['directory', directory],
    ['chain', rpc],
  ])
  const table = renderTable(
    ['PROCESS', 'STATE', 'PID', 'OPERATOR', 'ADDRESS'],
    processes.map(({ name, state, pid, operator, addresses }) => [
      name,
      state,
      pid === undefined ? '' : `${pid}`,
      operator ?? '',
      addresses?.[0] ?? '',
    ]),
  )
  return `${facts}\n\n${table}`
}
