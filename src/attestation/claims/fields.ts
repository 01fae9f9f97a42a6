import { bytesToHex } from '../../protocol/index.ts'

type Field = readonly [name: string, value: string]

/** Bytes shown whole: the longest field of a report that says something, a public key or a register, is below. */
const MAX_SHOWN_BYTES = 512

/** Every member of a parsed structure as `name  value`, nested names joined by dots; bytes in hex. */
export function fieldsOf(structure: object, prefix = ''): Field[] {
  const entries = structure instanceof Map ? [...structure] : Object.entries(structure)
  return entries.flatMap(([key, value]) => fieldOf(`${prefix}${key}`, value))
}

function fieldOf(name: string, value: unknown): Field[] {
  if (value === undefined || value === null) return [[name, 'none']]
  if (value instanceof Uint8Array) {
    return [[name, value.length > MAX_SHOWN_BYTES ? `${value.length} bytes` : bytesToHex(value)]]
  }
  if (typeof value === 'bigint') return [[name, `0x${value.toString(16)}`]]
  if (typeof value === 'object') {
    const inner = fieldsOf(value, `${name}.`)
    return inner.length > 0 ? inner : [[name, 'none']]
  }
  return [[name, String(value)]]
}
