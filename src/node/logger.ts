import { type DestinationStream, type Logger, pino } from 'pino'
import type { LOG_LEVELS } from './config.ts'

export type LogLevel = (typeof LOG_LEVELS)[number]
export type NodeLogger = Logger

/** Members that never reach a log, wherever a room might put them by mistake. */
const SECRETS = ['privateKey', 'password', 'input', 'output', 'prompt', 'voucher', 'data', 'salt', 'key']

/** JSON lines `{time, level, room, msg, jobId?, peer?, code?}`; stderr unless given another stream. */
export function createLogger(
  level: LogLevel,
  stream: DestinationStream = pino.destination({ fd: 2, sync: true }),
): NodeLogger {
  return pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    stream,
  )
}
