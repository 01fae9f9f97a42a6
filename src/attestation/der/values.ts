import { DerError, DerReader, type Element, TAG } from './reader.ts'

/** Dotted form of an object identifier (X.690, 8.19). */
export function oidText(content: Uint8Array): string {
  const [first] = content
  const last = content.at(-1)
  if (first === undefined || last === undefined || last >= 0x80) throw new DerError('an object identifier cut short')
  let text = ''
  let arc = 0
  for (const byte of content) {
    if (arc === 0 && byte === 0x80) throw new DerError('an arc with leading zeros')
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an arc too large')
    if (byte < 0x80) {
      const root = Math.min(2, Math.floor(arc / 40))
      text = text === '' ? `${root}.${arc - root * 40}` : `${text}.${arc}`
      arc = 0
    }
  }
  return text
}

/** Content of a non-negative INTEGER without its sign byte (X.690, 8.3). */
export function unsignedBytes(content: Uint8Array): Uint8Array {
  const [first, second] = content
  if (first === undefined || first >= 0x80) throw new DerError('an integer that is empty or negative')
  if (first !== 0 || second === undefined) return content
  if (second < 0x80) throw new DerError('an integer with leading zeros')
  return content.subarray(1)
}

/** A non-negative INTEGER below 2^48. */
export function smallInteger(content: Uint8Array): number {
  const bytes = unsignedBytes(content)
  if (bytes.length > 6) throw new DerError('an integer too large')
  return bytes.reduce((value, byte) => value * 256 + byte, 0)
}

export function booleanValue(content: Uint8Array): boolean {
  const [byte] = content
  if (content.length !== 1 || (byte !== 0 && byte !== 0xff)) throw new DerError('a boolean other than 00 or FF')
  return byte === 0xff
}

/** Bytes of a BIT STRING of whole bytes. */
export function wholeBits(content: Uint8Array): Uint8Array {
  if (content[0] !== 0) throw new DerError('a bit string with unused bits')
  return content.subarray(1)
}

/** Named bits of a BIT STRING, bit 0 the first: at most 16 (X.690, 11.2). */
export function namedBits(content: Uint8Array): number {
  const [unused, first = 0, second = 0] = content
  if (unused === undefined || unused > 7 || content.length < 2 || content.length > 3)
    throw new DerError('named bits of a length never used')
  let bits = 0
  const value = first * 256 + second
  for (let bit = 0; bit < 16; bit += 1) if ((value & (0x8000 >> bit)) !== 0) bits |= 1 << bit
  return bits
}

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime in the forms of RFC 5280, 4.1.2.5. */
export function timeOf({ tag, content }: Element): number {
  const yearDigits = tag === TAG.utcTime ? 2 : tag === TAG.generalizedTime ? 4 : 0
  if (yearDigits === 0 || content.length !== yearDigits + 11 || content[yearDigits + 10] !== 0x5a)
    throw new DerError('a time that is none')
  const short = digitsOf(content, 0, yearDigits)
  const year = yearDigits === 4 ? short : short < 50 ? 2000 + short : 1900 + short
  const month = digitsOf(content, yearDigits, 2)
  const day = digitsOf(content, yearDigits + 2, 2)
  const hour = digitsOf(content, yearDigits + 4, 2)
  const minute = digitsOf(content, yearDigits + 6, 2)
  const second = digitsOf(content, yearDigits + 8, 2)
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0)
  if (day < 1 || day > days || hour > 23 || minute > 59 || second > 59) throw new DerError('a date that does not exist')
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function digitsOf(content: Uint8Array, from: number, count: number): number {
  let value = 0
  for (let at = from; at < from + count; at += 1) {
    const digit = (content[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) throw new DerError('a time that is none')
    value = value * 10 + digit
  }
  return value
}

/** r and s of a DER ECDSA-Sig-Value (RFC 3279, 2.2.3) as IEEE P1363, `width` bytes each. */
export function ecdsaSignature(der: Uint8Array, width: number): Uint8Array {
  const outer = new DerReader(der)
  const pair = outer.enter(TAG.sequence)
  outer.end()
  const signature = new Uint8Array(2 * width)
  for (const at of [width, 2 * width]) {
    const bytes = unsignedBytes(pair.expect(TAG.integer).content)
    if (bytes.length > width) throw new DerError('an ECDSA integer longer than its curve')
    signature.set(bytes, at - bytes.length)
  }
  pair.end()
  return signature
}
