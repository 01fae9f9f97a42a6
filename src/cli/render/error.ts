import type { CliFailure } from '../errors.ts'

export function renderError({ code, message, expected, got, hint }: CliFailure): string {
  const lines = [`opg: ${code}: ${message}`]
  if (expected !== undefined && !message.includes(expected)) lines.push(`  expected  ${expected}`)
  if (got !== undefined && !message.includes(got)) lines.push(`  got       ${got}`)
  if (hint !== undefined) lines.push(`  try       ${hint}`)
  return lines.join('\n')
}
