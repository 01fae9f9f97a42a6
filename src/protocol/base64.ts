const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Above every value of six bits. */
const NO_LETTER = 64
const VALUES = new Uint8Array(128).fill(NO_LETTER)
for (const [value, letter] of [...ALPHABET].entries()) VALUES[letter.charCodeAt(0)] = value

/** RFC 4648 base64 with padding. */
export function bytesToBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += 3) {
    const left = Math.min(3, bytes.length - at)
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const letters = [18, 12, 6, 0].map((shift) => ALPHABET[(group >> shift) & 63])
    parts.push(
      letters
        .slice(0, left + 1)
        .join('')
        .padEnd(4, '='),
    )
  }
  return parts.join('')
}

/** The bytes of RFC 4648 base64 in its one form: padded, no other letters, unused bits zero; undefined for anything else. */
export function base64ToBytes(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3)
  const letters = text.length - padding
  const valueAt = (at: number): number => (at < letters ? (VALUES[text.charCodeAt(at)] ?? NO_LETTER) : 0)
  for (let at = 0, to = 0; at < text.length; at += 4, to += 3) {
    const [first, second, third, fourth] = [valueAt(at), valueAt(at + 1), valueAt(at + 2), valueAt(at + 3)]
    if ((first | second | third | fourth) >= NO_LETTER) return undefined
    bytes[to] = (first << 2) | (second >> 4)
    bytes[to + 1] = (second << 4) | (third >> 2)
    bytes[to + 2] = (third << 6) | fourth
  }
  const end = bytes.length - padding
  if (padding === 0) return bytes
  return isZeroFrom(bytes, end) ? bytes.slice(0, end) : undefined
}

const isZeroFrom = (bytes: Uint8Array, from: number): boolean => bytes.subarray(from).every((byte) => byte === 0)
