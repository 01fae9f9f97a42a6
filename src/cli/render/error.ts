import type { CliFailure } from '../errors.ts'

/** Characters of a line: messages may hold what a file or a peer said; `--json` carries the whole. */
const MAX_LINE = 600
/** Line ends, terminals' commands and changes of direction. */
const COMMANDS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu

const line = (text: string): string =>
  (text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text).replaceAll(COMMANDS, ' ')

export function renderError({ code, message, expected, got, hint }: CliFailure): string {
  const words = message.startsWith(`${code}: `) ? message : `${code}: ${message}`
  const lines = [`opg: ${line(words)}`]
  if (expected !== undefined && !message.includes(expected)) lines.push(`  expected  ${line(expected)}`)
  if (got !== undefined && !message.includes(got)) lines.push(`  got       ${line(got)}`)
  if (hint !== undefined) lines.push(`  try       ${line(hint)}`)
  return lines.join('\n')
}
