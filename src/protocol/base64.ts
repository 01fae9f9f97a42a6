const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter.charCodeAt(0), value]))

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
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  const letters = text.length - padding
  let held = 0
  let bits = 0
  let to = 0
  for (let at = 0; at < letters; at += 1) {
    const value = VALUES.get(text.charCodeAt(at))
    if (value === undefined) return undefined
    held = (held << 6) | value
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[to] = (held >> bits) & 255
      to += 1
      held &= (1 << bits) - 1
    }
  }
  return held === 0 ? bytes : undefined
}
