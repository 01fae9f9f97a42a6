/** Ways in which people and tools write bytes down; nothing here knows what the bytes mean. */

/** A block of RFC 7468. */
export interface PemBlock {
  readonly label: string
  readonly bytes: Uint8Array
}

const PEM = /-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g
/** Certificates of one file: chains have five, and a folder's worth is below this. */
export const MAX_BLOCKS = 512
/** One character each, searched for: a pattern of a whole text of megabytes overflows the engine's stack. */
const NOT_HEX = /[^0-9a-fA-F]/
const NOT_BASE64 = /[^A-Za-z0-9+/_-]/
/** Shorter texts are words. */
const MIN_BASE64_CHARACTERS = 16

/** The text that the bytes are, without a byte order mark; undefined where they hold control characters or are no UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  const head = bytes.subarray(0, 256)
  if (head.some((byte) => byte < 9 || (byte > 13 && byte < 32))) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim()
  } catch {
    return undefined
  }
}

/** The blocks of a text, as far as somebody might mean them. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  for (const [, label = '', body = ''] of text.matchAll(PEM)) {
    if (blocks.length === MAX_BLOCKS) break
    blocks.push({ label, bytes: fromBase64(body) })
  }
  return blocks
}

export const pemText = (label: string, ders: readonly Uint8Array[]): string =>
  ders
    .map((der) => {
      const lines =
        Buffer.from(der)
          .toString('base64')
          .match(/.{1,64}/g) ?? []
      return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
    })
    .join('')

/** What hex, base64 or base64url text stands for, line breaks left out; undefined where it is neither. */
export function encodedBytes(text: string): Uint8Array | undefined {
  const joined = text.replaceAll(/\s+/g, '')
  const hex = joined.startsWith('0x') ? joined.slice(2) : joined
  if (hex.length > 0 && hex.length % 2 === 0 && !NOT_HEX.test(hex)) return new Uint8Array(Buffer.from(hex, 'hex'))
  const digits = joined.endsWith('==') ? joined.slice(0, -2) : joined.endsWith('=') ? joined.slice(0, -1) : joined
  return digits.length < MIN_BASE64_CHARACTERS || NOT_BASE64.test(digits) ? undefined : fromBase64(joined)
}

export function jsonOf(text: string): unknown {
  if (!/^[[{"]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Both alphabets, padded or not. */
const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
