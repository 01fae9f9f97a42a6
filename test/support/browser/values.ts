/** Values between Node and a page as JSON, byte strings and `undefined` told apart from all else. */

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const BYTES = '$bytes'
const UNDEFINED = '$undefined'

/** Throws TypeError for what JSON would lose: functions, bigints, numbers that are none, instances of classes. */
export const packed = (value: unknown): string => JSON.stringify(pack(value))

export const unpacked = (text: string): unknown => unpack(JSON.parse(text) as Json)

function pack(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (value === undefined) return { [UNDEFINED]: true }
  if (value instanceof Uint8Array) return { [BYTES]: toBase64(value) }
  if (Array.isArray(value)) return value.map(pack)
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, pack(member)]))
  throw new TypeError(`expected a value of JSON or bytes, got ${String(value)}`)
}

function unpack(value: Json): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(unpack)
  const members = value as { readonly [name: string]: Json }
  if (UNDEFINED in members) return undefined
  const bytes = members[BYTES]
  if (typeof bytes === 'string') return fromBase64(bytes)
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, unpack(member)]))
}

/** Characters that `String.fromCharCode` takes as arguments at once. */
const CHUNK = 8192

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  return btoa(text)
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
