import { ok, type Result } from '../protocol/index.ts'
import { type AttestationError, type EvidenceCode, refuse, refuseSize } from './errors.ts'

/** Arrays and objects inside each other: vendors' documents nest below ten. */
const MAX_JSON_DEPTH = 32
/** Members of objects and elements of arrays together. */
const MAX_JSON_VALUES = 65_536

export interface JsonRules {
  /** The code of bytes that are no JSON, or that nest or hold too much. */
  readonly malformed: EvidenceCode
  /** Bytes allowed. */
  readonly maxBytes: number
}

/**
 * One JSON text (RFC 8259) in UTF-8 without a byte order mark, bounded in size, depth and count. A name that comes twice
 * in one object is `duplicate-key`: readers that keep the first and readers that keep the last would see two documents.
 */
export function parseJson(bytes: Uint8Array, rules: JsonRules): Result<unknown, AttestationError> {
  if (bytes.length > rules.maxBytes) return refuseSize(rules.maxBytes, bytes.length)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    const fault = findFault(text)
    if (fault === undefined) return ok(value)
    return refuse(fault.code ?? rules.malformed, fault.expected, fault.got)
  } catch (cause) {
    return refuse(rules.malformed, 'JSON in UTF-8', `${bytes.length} bytes that are not`, cause)
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An own member: `__proto__` and `constructor` are names like any other. */
export const memberOf = (value: unknown, name: string): unknown =>
  isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

interface Fault {
  readonly code?: 'duplicate-key'
  readonly expected: string
  readonly got: string
}

/** Walks a text that `JSON.parse` has read: only strings and structure matter. */
function findFault(text: string): Fault | undefined {
  /** Names of each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = []
  let values = 0
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charCodeAt(at)
    if (letter === QUOTE) {
      const end = stringEnd(text, at)
      const names = open.at(-1)
      if (names !== undefined && isName(text, end)) {
        const inner = text.slice(at + 1, end)
        const name: string = inner.includes('\\') ? JSON.parse(`"${inner}"`) : inner
        if (names.has(name))
          return { code: 'duplicate-key', expected: 'each name once in its object', got: `"${inner.slice(0, 64)}"` }
        names.add(name)
      }
      at = end
    } else if (letter === OPEN_OBJECT || letter === OPEN_ARRAY) {
      open.push(letter === OPEN_OBJECT ? new Set() : undefined)
      if (open.length > MAX_JSON_DEPTH) return { expected: `at most ${MAX_JSON_DEPTH} levels`, got: 'deeper ones' }
    } else if (letter === CLOSE_OBJECT || letter === CLOSE_ARRAY) open.pop()
    else if (letter === COMMA) {
      values += 1
      if (values > MAX_JSON_VALUES) return { expected: `at most ${MAX_JSON_VALUES} values`, got: 'more' }
    }
  }
  return undefined
}

/** Position of the quotation mark that closes the string opened at `from`. */
function stringEnd(text: string, from: number): number {
  let at = text.indexOf('"', from + 1)
  while (isEscaped(text, at, from)) at = text.indexOf('"', at + 1)
  return at
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(text: string, at: number, from: number): boolean {
  let slashes = 0
  while (at - slashes - 1 > from && text.charCodeAt(at - slashes - 1) === BACKSLASH) slashes += 1
  return slashes % 2 === 1
}

/** Whether a colon follows the string that ends here. */
function isName(text: string, end: number): boolean {
  let at = end + 1
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  return text[at] === ':'
}
