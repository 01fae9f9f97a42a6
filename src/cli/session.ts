import { createClient, createLogger, type Home, type LogLevel, type OpgNode } from '../node/index.ts'
import type { CliContext } from './context.ts'
import { interrupted } from './errors.ts'

/** Runs an errand with a requester of the home that lives as long as the errand. */
export async function withClient<T>(
  home: Home,
  context: CliContext,
  options: { readonly logLevel?: LogLevel },
  errand: (node: OpgNode) => Promise<T>,
): Promise<T> {
  const logger = createLogger(options.logLevel ?? 'fatal')
  const node = await createClient(home, { logger, environment: context.environment })
  try {
    await node.start()
    if (context.signal.aborted) throw interrupted()
    return await errand(node)
  } finally {
    await node.stop()
  }
}
