import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { NetLogger } from './interface.ts'

/**
 * js-libp2p makes a logger per stream, and its own costs as much as the stream. Ours is one object a component: errors go to our
 * log at debug level, the rest nowhere.
 */
export function libp2pLogger(logger: NetLogger): ComponentLogger {
  return { forComponent: (name) => componentLogger(logger, name) }
}

function componentLogger(logger: NetLogger, component: string): Logger {
  const log: Logger = Object.assign(() => {}, {
    error: (format: unknown, ...values: unknown[]) => {
      const cause = values.find((value) => value instanceof Error) ?? (format instanceof Error ? format : undefined)
      logger.debug({ room: 'net', component, reason: cause?.message }, String(format))
    },
    trace: () => {},
    enabled: false,
    newScope: () => log,
  })
  return log
}
