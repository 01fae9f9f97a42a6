import canonicalize from 'canonicalize'
import { utf8 } from './hash.ts'

/** A value that RFC 8785 can carry without loss. Integers above 2^53 travel as decimal strings. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined }

/** RFC 8785 (JCS) bytes. Throws RangeError on NaN, infinities and integers a double cannot hold. */
export function canonicalBytes(value: Json): Uint8Array {
  assertExact(value)
  const text = (canonicalize as unknown as (input: unknown) => string | undefined)(value)
  if (text === undefined) throw new RangeError('expected a JSON value')
  return utf8(text)
}

function assertExact(value: Json | undefined): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('expected a finite number')
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new RangeError('integers above 2^53 are written as decimal strings')
    }
  } else if (Array.isArray(value)) for (const item of value) assertExact(item)
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) assertExact(item)
}
