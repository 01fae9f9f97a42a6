import { startGateway } from '../../gateway/index.ts'
import {
  createLogger,
  findWallet,
  type LogLevel,
  nodeSecp256k1,
  type OpenedHome,
  readHome,
  readOperatorKey,
  startNodeProcess,
} from '../../node/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { interrupted } from '../errors.ts'
import { renderFacts } from '../render/table.ts'

export interface GatewayOptions {
  readonly home?: string
  readonly host?: string
  readonly port?: number
  readonly logLevel?: LogLevel
  /** Also stop when standard input ends: whoever started it is gone. */
  readonly untilEof?: boolean
}

/** `opg gateway`: a requester of the home, which pays from its wallet, with an HTTP door, until it is told to stop. */
export async function gateway(options: GatewayOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const opened = await readHome(home)
  const { network } = opened
  const config = { ...opened.config, roles: ['requester'] satisfies OpenedHome['config']['roles'] }
  const { host = config.gateway.host, port = config.gateway.port } = options
  const logger = createLogger(options.logLevel ?? config.log.level)
  const { environment } = context
  const crypto = nodeSecp256k1()
  const privateKey = await readOperatorKey(home, opened, crypto, environment)
  const wallet = await findWallet(home, network, crypto, environment)
  const running = await startNodeProcess({
    ...{ home, config, network, privateKey, logger },
    ...(wallet === undefined ? {} : { wallet }),
  })
  try {
    const door = await startGateway(
      { node: running.node, clock: Date.now, logger: logger.child({ room: 'gateway' }) },
      { home, network, config: { ...config.gateway, host, port }, privateKey },
    )
    running.attach(door)
    const stop = (): void => void running.stop()
    context.signal.addEventListener('abort', stop, { once: true })
    if (options.untilEof === true) process.stdin.once('end', stop).once('error', stop).resume()
    if (context.signal.aborted) stop()
    else announce(door.url, running.metrics, context)
    await running.stopped
  } catch (thrown) {
    await running.stop()
    throw thrown
  }
  if (options.untilEof === true) process.stdin.destroy()
  if (context.signal.reason === 'SIGINT') throw interrupted()
  return { text: 'stopped', json: { event: 'stopped' } }
}

function announce(url: string, metrics: string | undefined, context: CliContext): void {
  if (context.json) context.result(JSON.stringify({ event: 'ready', url, metrics }))
  else
    context.result(
      renderFacts([
        ['ready', url],
        ['metrics', metrics ?? 'off'],
      ]),
    )
}
