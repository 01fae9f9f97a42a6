import { base64ToBytes, bytesToBase64 } from '../protocol/index.ts'

/** RFC 4648, 5: no padding. */
export const bytesToBase64Url = (bytes: Uint8Array): string =>
  bytesToBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

/** The bytes of base64url in its one form: no padding, unused bits zero; undefined for anything else. */
export function base64UrlToBytes(text: string): Uint8Array | undefined {
  if (/[^A-Za-z0-9_-]/.test(text) || text.length % 4 === 1) return undefined
  const padded = text.replaceAll('-', '+').replaceAll('_', '/')
  return base64ToBytes(padded.padEnd(Math.ceil(text.length / 4) * 4, '='))
}
