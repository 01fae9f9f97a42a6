import { describe, expect, it } from 'vitest'
import { parsePemCertificates } from '../../../src/attestation/pem.ts'
import { bytesToBase64 } from '../../../src/protocol/index.ts'

const rules = { malformed: 'malformed-collateral', maxBytes: 4_096, maxCertificates: 3 } as const
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const block = (bytes: Uint8Array, end = '\n'): string =>
  [
    '-----BEGIN CERTIFICATE-----',
    ...(bytesToBase64(bytes).match(/.{1,64}/g) ?? []),
    '-----END CERTIFICATE-----',
    '',
  ].join(end)
const first = new Uint8Array(200).fill(1)
const second = new Uint8Array(7).fill(2)

const judge = (text: string | Uint8Array) => {
  const result = parsePemCertificates(typeof text === 'string' ? encode(text) : text, rules)
  return result.ok ? result.value : result.error.detail.code
}

describe('certificates in PEM', () => {
  it('come in the order written', () => {
    expect(judge(block(first) + block(second))).toEqual([first, second])
  })

  it('may have line ends of either kind, blank lines, and none at the end', () => {
    expect(judge(`\r\n${block(first, '\r\n')}\r\n\n${block(second)}\n`)).toEqual([first, second])
    expect(judge(block(first).trimEnd())).toEqual([first])
  })

  it("may end with NUL, as in Intel's quotes", () => {
    expect(judge(`${block(first)}\0`)).toEqual([first])
    expect(judge(`${block(first)}\0${block(second)}`)).toBe('malformed-collateral')
  })

  it.each([
    ['nothing', ''],
    ['blanks in a line', block(first).replace('\n', ' \n')],
    ['blanks after a block', `${block(first)}\t`],
    ['two blocks in a line', block(first).trimEnd() + block(second)],
    ['an empty block', block(new Uint8Array(0))],
    ['text before', `subject=/CN=x\n${block(first)}`],
    ['text after', `${block(first)}more`],
    ['a block without an end', block(first).slice(0, 100)],
    ['a block in a block', block(first).replace('\n', `\n-----BEGIN CERTIFICATE-----\n`)],
    ['another label', block(first).replaceAll('CERTIFICATE', 'PRIVATE KEY')],
    ['letters that are not base64', block(first).replace('AQEB', 'AQ-B')],
    ['base64 cut short', block(second).replace('=', '')],
    ['letters beyond ASCII', block(first).replace('AQEB', 'AQEé')],
    ['more certificates than allowed', block(second).repeat(4)],
    ['more bytes than allowed', block(first) + '\n'.repeat(4_096)],
  ])('are refused with %s', (_, text) => {
    expect(judge(text)).toBe('malformed-collateral')
  })
})
