import { startFacilitator } from '../../gateway/index.ts'
import {
  createLogger,
  type LogLevel,
  nodeSecp256k1,
  openFacilitatorHome,
  readHome,
  readOperatorKey,
} from '../../node/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { interrupted } from '../errors.ts'
import { renderFacts } from '../render/table.ts'

export interface FacilitatorOptions {
  readonly home?: string
  /** Key file of role `operator`, instead of the node's own. */
  readonly key?: string
  readonly host?: string
  readonly port?: number
  readonly logLevel?: LogLevel
  readonly untilEof?: boolean
}

/** `opg facilitator`: runs until it is told to stop; with `--json` the first line says that it is ready. */
export async function facilitator(options: FacilitatorOptions, context: CliContext): Promise<CommandResult> {
  const home = locateHome(options.home, context)
  const opened = await readHome(home)
  const { host, port, key } = options
  const config = {
    ...opened.config.facilitator,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  }
  const logger = createLogger(options.logLevel ?? opened.config.log.level)
  const keyed = key === undefined ? opened : { ...opened, config: { ...opened.config, key } }
  const privateKey = await readOperatorKey(home, keyed, nodeSecp256k1(), context.environment)
  const parts = await openFacilitatorHome(home, opened, { privateKey, logger })
  try {
    const running = await startFacilitator({ home: parts, logger, clock: Date.now }, { config })
    const { url, network, signer, assets, resumed } = running
    if (context.json) {
      context.result(JSON.stringify({ event: 'ready', url, network, signer, assets: [...assets], resumed }))
    } else {
      const facts = [
        ['ready', url],
        ['network', network],
        ['pays gas', signer],
        ['settles', assets.join(', ')],
      ] as const
      context.result(renderFacts(facts))
    }
    await untilTold(context, options.untilEof === true)
    await running.stop()
  } finally {
    await parts.close()
  }
  if (context.signal.reason === 'SIGINT') throw interrupted()
  return { text: 'stopped', json: { event: 'stopped' } }
}

/** Resolves on a signal or, if asked, when standard input ends: whoever started it is gone. */
async function untilTold({ signal }: CliContext, untilEof: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) return
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (untilEof)
    process.stdin
      .once('end', resolve)
      .once('error', () => resolve())
      .resume()
  await promise
  if (untilEof) process.stdin.destroy()
}
