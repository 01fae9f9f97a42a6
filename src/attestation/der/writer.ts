import { concatBytes } from '../bytes.ts'

/** One element of up to 65,535 bytes of content, its length in the fewest bytes (X.690, 10.1). */
export function encodeElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = concatBytes(...contents)
  const { length } = content
  if (length > 0xffff) throw new RangeError(`expected at most 65535 bytes of content, got ${length}`)
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return concatBytes(Uint8Array.of(tag, ...head), content)
}

/** A non-negative INTEGER below 65,536. */
export function encodeInteger(value: number): Uint8Array<ArrayBuffer> {
  const bytes = value < 0x100 ? [value] : [value >> 8, value & 0xff]
  return encodeElement(0x02, Uint8Array.of(...((bytes[0] ?? 0) < 0x80 ? bytes : [0, ...bytes])))
}
