/** Ways in which people and tools write bytes down; nothing here knows what the bytes mean. */

/** A block of RFC 7468. */
export interface PemBlock {
  readonly label: string
  readonly bytes: Uint8Array
}

const PEM = /-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g
const HEX = /^(?:0x)?((?:[0-9a-fA-F]{2})+)$/
/** Base64 or base64url; shorter texts are words. */
const BASE64 = /^[A-Za-z0-9+/_-]{16,}={0,2}$/

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

export const pemBlocks = (text: string): PemBlock[] =>
  [...text.matchAll(PEM)].map(([, label = '', body = '']) => ({ label, bytes: fromBase64(body) }))

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
  const hex = HEX.exec(joined)?.[1]
  if (hex !== undefined) return new Uint8Array(Buffer.from(hex, 'hex'))
  return BASE64.test(joined) ? fromBase64(joined) : undefined
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
