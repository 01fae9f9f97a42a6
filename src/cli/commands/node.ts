import { existsSync } from 'node:fs'
import {
  askControl,
  createLogger,
  findWallet,
  type LogLevel,
  type NodePorts,
  type NodeStatus,
  nodeSecp256k1,
  type RoleOfNode,
  readHome,
  readNodeFile,
  readOperatorKey,
  startNodeProcess,
} from '../../node/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError, interrupted } from '../errors.ts'
import { renderStatus } from '../render/status.ts'

const STOP_WAIT_MS = 30_000
const STOP_POLL_MS = 50

export interface NodeStartOptions {
  readonly home?: string
  readonly role?: readonly RoleOfNode[]
  readonly logLevel?: LogLevel
  /** Also stop when standard input ends: whoever started it is gone. */
  readonly untilEof?: boolean
}

/**
 * `opg node start`: runs until it is told to stop. With `--json` the first line says that it is ready, the last one how
 * it ended.
 */
export async function nodeStart(
  options: NodeStartOptions,
  context: CliContext,
  ports: Partial<NodePorts> = {},
): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const opened = await readHome(home)
  const config = { ...opened.config, roles: [...(options.role ?? opened.config.roles)] }
  const logger = createLogger(options.logLevel ?? config.log.level)
  const crypto = nodeSecp256k1()
  const privateKey = await readOperatorKey(home, opened, crypto, context.environment)
  const { network } = opened
  const wallet = config.roles.includes('requester')
    ? await findWallet(home, network, crypto, context.environment)
    : undefined
  const running = await startNodeProcess(
    { ...{ home, config, network, privateKey, logger }, ...(wallet && { wallet }) },
    ports,
  )
  const stop = (): void => void running.stop()
  context.signal.addEventListener('abort', stop, { once: true })
  if (options.untilEof === true) process.stdin.once('end', stop).once('error', stop).resume()
  if (context.signal.aborted) stop()
  else announce(running.node.status(), running.metrics, context)
  await running.stopped
  if (options.untilEof === true) process.stdin.destroy()
  if (context.signal.reason === 'SIGINT') throw interrupted()
  return { text: 'stopped', json: { event: 'stopped' } }
}

function announce(status: NodeStatus, metrics: string | undefined, context: CliContext): void {
  if (context.json) {
    const { operator, peerId, roles, addresses } = status
    context.result(JSON.stringify({ event: 'ready', operator, peerId, roles, addresses, metrics }))
  } else context.result(`ready\n${renderStatus(status)}`)
}

/** `opg node status`. */
export async function nodeStatus(options: { readonly home?: string }, context: CliContext): Promise<CommandResult> {
  const status = (await askControl(locateHome(options.home, context), 'GET', '/status')) as NodeStatus
  return { text: renderStatus(status), json: status as unknown as CommandResult['json'] }
}

/** `opg node stop`: asks, and waits until the socket is gone. */
export async function nodeStop(options: { readonly home?: string }, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  await askControl(home, 'POST', '/stop')
  context.progress('waiting for running jobs to end')
  const until = Date.now() + STOP_WAIT_MS
  while (Date.now() < until && !context.signal.aborted) {
    if (!existsSync(home.controlSocket) && (await readNodeFile(home)) === undefined)
      return { text: 'stopped', json: { stopped: true } }
    await new Promise((resolve) => setTimeout(resolve, STOP_POLL_MS))
  }
  if (context.signal.aborted) throw interrupted()
  throw new CliError({
    code: 'timed-out',
    message: `the node on ${home.directory} still runs after ${STOP_WAIT_MS} ms`,
  })
}
