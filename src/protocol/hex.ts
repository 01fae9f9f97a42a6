/** 0x-prefixed lower-case hexadecimal bytes. */
export type Hex = `0x${string}`
/** 32-byte digest or identifier: 0x + 64 lower-case hex digits. */
export type Digest = Hex
/** 20-byte account: 0x + 40 lower-case hex digits; shown to people as EIP-55 (`toChecksumAddress`). */
export type Address = Hex

export const ZERO_DIGEST: Digest = `0x${'0'.repeat(64)}`
export const ZERO_ADDRESS: Address = `0x${'0'.repeat(40)}`

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const nibble = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  if (code >= 65 && code <= 70) return code - 55
  return -1
}

export function bytesToHex(bytes: Uint8Array): Hex {
  let text = '0x'
  for (const byte of bytes) text += HEX_OF_BYTE[byte]
  return text as Hex
}

/** Writes the bytes of `hex` into `target` at `offset`. Throws RangeError on anything but whole, valid bytes that fit. */
export function writeHex(hex: string, target: Uint8Array, offset: number): void {
  if (!hex.startsWith('0x') || hex.length % 2 !== 0) throw new RangeError('expected 0x followed by whole bytes of hex')
  if (offset + (hex.length - 2) / 2 > target.length) {
    throw new RangeError(`expected at most ${target.length - offset} bytes of hex, got ${(hex.length - 2) / 2}`)
  }
  for (let at = 2, to = offset; at < hex.length; at += 2, to += 1) {
    const high = nibble(hex.charCodeAt(at))
    const low = nibble(hex.charCodeAt(at + 1))
    if (high < 0 || low < 0) throw new RangeError('expected hexadecimal digits after 0x')
    target[to] = high * 16 + low
  }
}

export function hexToBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, (hex.length - 2) >> 1))
  writeHex(hex, bytes, 0)
  return bytes
}

const DIGEST_PATTERN = /^0x[0-9a-f]{64}$/
const ADDRESS_PATTERN = /^0x[0-9a-f]{40}$/
const BYTES_PATTERN = /^0x(?:[0-9a-f]{2})*$/

export const isDigest = (value: unknown): value is Digest => typeof value === 'string' && DIGEST_PATTERN.test(value)
export const isAddress = (value: unknown): value is Address => typeof value === 'string' && ADDRESS_PATTERN.test(value)
export const isHex = (value: unknown): value is Hex => typeof value === 'string' && BYTES_PATTERN.test(value)
