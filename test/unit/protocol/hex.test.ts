import { describe, expect, it } from 'vitest'
import {
  bytesToHex,
  hexToBytes,
  isAddress,
  isDigest,
  isHex,
  writeHex,
  ZERO_ADDRESS,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'

describe('hex', () => {
  it('writes every byte value as two lower-case digits and reads it back', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const hex = bytesToHex(bytes)
    expect(hex).toBe(`0x${Buffer.from(bytes).toString('hex')}`)
    expect(hexToBytes(hex)).toEqual(bytes)
  })

  it('keeps leading zeros and the empty string', () => {
    expect(bytesToHex(new Uint8Array())).toBe('0x')
    expect(hexToBytes('0x')).toEqual(new Uint8Array())
    expect(hexToBytes('0x0001')).toEqual(Uint8Array.of(0, 1))
  })

  it.each(['', '0', '12', 'zz', '0x1', '0xg0', '0x 1', '0x-1', '0x+1', '0X00', '0xé0'])('refuses %j', (text) => {
    expect(() => hexToBytes(text)).toThrow(RangeError)
  })

  it('writes at an offset and refuses bytes that do not fit', () => {
    const target = new Uint8Array(4)
    writeHex('0xabcd', target, 2)
    expect(target).toEqual(Uint8Array.of(0, 0, 0xab, 0xcd))
    expect(() => writeHex('0xabcdef', target, 2)).toThrow(RangeError)
  })

  it('knows a digest, an address and whole bytes by their lower-case form only', () => {
    expect(isDigest(ZERO_DIGEST)).toBe(true)
    expect(isAddress(ZERO_ADDRESS)).toBe(true)
    expect(isHex('0x')).toBe(true)
    for (const wrong of [
      `0x${'A'.repeat(64)}`,
      `${ZERO_DIGEST}0`,
      `${ZERO_DIGEST}\n`,
      ZERO_ADDRESS,
      '',
      undefined,
      0,
    ]) {
      expect(isDigest(wrong)).toBe(false)
    }
    for (const wrong of [`0x${'A'.repeat(40)}`, `${ZERO_ADDRESS}\n`, ZERO_DIGEST, null]) {
      expect(isAddress(wrong)).toBe(false)
    }
    for (const wrong of ['0x0', '0xAB', 'ab', '0xab ']) expect(isHex(wrong)).toBe(false)
  })
})
