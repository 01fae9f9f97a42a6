import { packageVersion } from '../../node/index.ts'
import type { CommandResult } from '../context.ts'

/** `opg version`. */
export function version(): CommandResult {
  const own = packageVersion()
  const { node } = process.versions
  return { text: `opg ${own} (Node ${node})`, json: { version: own, node } }
}
