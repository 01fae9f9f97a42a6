import { createHash } from 'node:crypto'
import { encodeAbiParameters, getAddress, keccak256, stringToBytes } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  H,
  keccak,
  keccakBytes,
  keccakWords,
  provideKeccak,
  sha256,
  tagDigest,
  toChecksumAddress,
  utf8,
  type Word,
  writeUintWord,
  writeWord,
} from '../../../src/protocol/index.ts'

const DIGEST = `0x${'a1'.repeat(32)}` as const
const ADDRESS = `0x${'b2'.repeat(20)}` as const

describe('hash', () => {
  it('is the Keccak-256 of Ethereum, not SHA3-256', () => {
    expect(keccak(new Uint8Array())).toBe('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')
    expect(keccak(utf8('abc'))).toBe('0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45')
    expect(Buffer.from(keccakBytes(utf8('abc'))).toString('hex')).toBe(keccak(utf8('abc')).slice(2))
  })

  it('R28 takes a faster Keccak-256 from its platform, and nothing that is none', () => {
    let calls = 0
    provideKeccak((bytes) => {
      calls += 1
      return keccak256(bytes, 'bytes')
    })
    const before = calls
    expect(keccak(utf8('abc'))).toBe('0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45')
    expect(calls).toBe(before + 1)
    const sha3 = (bytes: Uint8Array) => new Uint8Array(createHash('sha3-256').update(bytes).digest())
    expect(() => provideKeccak(sha3)).toThrow(RangeError)
    expect(keccak(utf8('abc'))).toBe('0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45')
  })

  it('R3 identifies blobs by sha-256', () => {
    const bytes = utf8('model bytes')
    expect(sha256(bytes)).toBe(`0x${createHash('sha256').update(bytes).digest('hex')}`)
  })

  it('R3 H(T, ...) = keccak256(abi.encode(keccak256(T), ...)), as viem encodes it', () => {
    const tag = 'OPG/example/1'
    const expected = keccak256(
      encodeAbiParameters(
        [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'address' }, { type: 'uint256' }, { type: 'uint64' }],
        [keccak256(stringToBytes(tag)), DIGEST, ADDRESS, 2n ** 256n - 1n, BigInt(Number.MAX_SAFE_INTEGER)],
      ),
    )
    expect(H(tag, DIGEST, ADDRESS, 2n ** 256n - 1n, Number.MAX_SAFE_INTEGER)).toBe(expected)
  })

  it('R3 separates tags and the number of words', () => {
    const hashes = [H('OPG/a/1'), H('OPG/b/1'), H('OPG/a/1', 0), H('OPG/a/1', 0, 0), H('OPG/b/1', 0)]
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('gives the same tag digest every time and for callers that hash raw bytes', () => {
    expect(tagDigest('OPG/a/1')).toEqual(tagDigest('OPG/a/1'))
    expect(keccakWords(tagDigest('OPG/a/1'), 7)).toBe(H('OPG/a/1', 7))
  })

  it.each([
    [0, 0n],
    [255, 255n],
    [256, 256n],
    [2 ** 32, 2n ** 32n],
    [Number.MAX_SAFE_INTEGER, 2n ** 53n - 1n],
  ])('encodes number %d and its bigint as one word', (number, integer) => {
    const words = [new Uint8Array(32), new Uint8Array(32)]
    writeUintWord(number, words[0]!, 0)
    writeUintWord(integer, words[1]!, 0)
    expect(words[0]).toEqual(words[1])
    expect(BigInt(`0x${Buffer.from(words[0]!).toString('hex')}`)).toBe(integer)
  })

  it.each<[string, Word]>([
    ['a negative number', -1],
    ['a fraction', 0.5],
    ['NaN', Number.NaN],
    ['a number above 2^53 - 1', 2 ** 53],
    ['a negative bigint', -1n],
    ['2^256', 2n ** 256n],
    ['31 bytes', new Uint8Array(31)],
    ['33 bytes', new Uint8Array(33)],
    ['hex of 31 bytes', `0x${'00'.repeat(31)}`],
    ['hex of 33 bytes', `0x${'00'.repeat(33)}`],
    ['the empty hex', '0x'],
    ['half a byte', `0x${'0'.repeat(63)}`],
  ])('refuses %s as a word', (_, word) => {
    expect(() => writeWord(word, new Uint8Array(64), 0)).toThrow(RangeError)
  })

  it('shows addresses in EIP-55 form', () => {
    for (let at = 0; at < 50; at += 1) {
      const address = `0x${keccak(utf8(`address ${at}`)).slice(26)}` as const
      expect(toChecksumAddress(address)).toBe(getAddress(address))
    }
  })
})
