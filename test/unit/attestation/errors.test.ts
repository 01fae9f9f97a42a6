import { describe, expect, it } from 'vitest'
import { mismatch, refuseCertificate } from '../../../src/attestation/errors.ts'

describe('what a refusal says', () => {
  it('is cut where a document would have it go on without end', () => {
    const endless = 'x'.repeat(1_000_000)
    expect(mismatch('bad-field', endless, endless).message.length).toBeLessThan(3_000)
    const { error } = refuseCertificate('issuer-mismatch', 1, endless, endless)
    expect(error.message.length).toBeLessThan(3_000)
    expect(JSON.stringify(error.detail).length).toBeLessThan(3_000)
  })

  it('stays on its line, and gives no command to a terminal', () => {
    const { message, detail } = mismatch('bad-field', 'a name', 'CN=\u001b[2K\r\nverdict  accepted\u009b1m\u202e\u2028')
    expect(message).toBe(
      'bad-field: expected a name, got CN=\ufffd[2K\ufffd\ufffdverdict  accepted\ufffd1m\ufffd\ufffd',
    )
    expect(detail).toMatchObject({ got: expect.not.stringContaining('\n') })
  })
})
