import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { compactSignatures, decodeRevert, REGISTRATION, registrationDigest } from '../../../src/chain/index.ts'
import { fromAbi, toAbi, toSafeNumber } from '../../../src/chain/structs.ts'
import { BATCH, type Batch, createDomain, type Digest, type Hex, ZERO_DIGEST } from '../../../src/protocol/index.ts'

const ACCOUNT = privateKeyToAccount(`0x${'42'.repeat(32)}`)
const BATCH_VALUE: Batch = {
  number: 7,
  previous: `0x${'01'.repeat(32)}`,
  epoch: 3,
  settler: `0x${'5e'.repeat(20)}`,
  checkpointsRoot: ZERO_DIGEST,
  leaves: 0,
  votesRoot: ZERO_DIGEST,
  auditsRoot: ZERO_DIGEST,
  auditOf: 0,
  jobs: 0,
  rejected: 0,
  acceptedFee: 2n ** 100n,
  mac: 5n,
  data: ZERO_DIGEST,
  cutoff: 1_795_254_273_000,
}

describe('what contracts read', () => {
  it('packs 65-byte signatures into 64, with v in the top bit of s', async () => {
    const digests: Digest[] = [
      `0x${'01'.repeat(32)}`,
      `0x${'02'.repeat(32)}`,
      `0x${'03'.repeat(32)}`,
      `0x${'04'.repeat(32)}`,
    ]
    const signatures = await Promise.all(digests.map((hash) => ACCOUNT.sign({ hash })))
    const parities = new Set(signatures.map((signature) => signature.slice(-2)))
    expect(parities).toEqual(new Set(['1b', '1c']))
    const packed = compactSignatures(signatures)
    expect(packed).toHaveLength(2 + 128 * signatures.length)
    for (const [index, signature] of signatures.entries()) {
      const at = 2 + index * 128
      expect(packed.slice(at, at + 64)).toBe(signature.slice(2, 66))
      const s = BigInt(`0x${packed.slice(at + 64, at + 128)}`)
      expect(s >> 255n).toBe(signature.endsWith('1c') ? 1n : 0n)
      expect(s & ((1n << 255n) - 1n)).toBe(BigInt(`0x${signature.slice(66, 130)}`))
    }
  })

  it.each(['0x', `0x${'00'.repeat(64)}`, `0x${'00'.repeat(65)}`] as Hex[])('refuses %s as a signature', (signature) => {
    expect(() => compactSignatures([signature])).toThrow(RangeError)
  })

  it('turns a batch into what viem encodes and back', () => {
    const encoded = toAbi(BATCH, BATCH_VALUE)
    expect(encoded.number).toBe(7n)
    expect(encoded.leaves).toBe(0)
    expect(fromAbi(BATCH, { ...encoded, settler: `0x${'5E'.repeat(20)}` })).toEqual(BATCH_VALUE)
  })

  it('refuses integers a double cannot hold', () => {
    expect(() => toSafeNumber(2n ** 53n)).toThrow(RangeError)
    expect(toSafeNumber(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('names custom errors of every contract, and keeps bytes it does not know', () => {
    const known = decodeRevert(`0xd93c0665`)
    expect(known.detail).toMatchObject({ code: 'reverted', error: '0xd93c0665' })
    const panic = decodeRevert(`0x4e487b71${'11'.padStart(64, '0')}`)
    expect(panic.detail).toMatchObject({ code: 'reverted', error: 'Panic', args: [17n] })
    expect(decodeRevert('0x').detail).toMatchObject({ code: 'reverted', args: [] })
  })

  it('signs a registration under the type StakeManager hashes (R1)', () => {
    expect(REGISTRATION.typeString).toBe('Registration(address operator,address owner,address payout,uint256 deadline)')
    const registration = {
      operator: `0x${'01'.repeat(20)}`,
      owner: `0x${'02'.repeat(20)}`,
      payout: `0x${'03'.repeat(20)}`,
      deadline: 5n,
    } as const
    const one = registrationDigest(createDomain(31337, `0x${'b2'.repeat(20)}`, `0x${'ab'.repeat(32)}`), registration)
    const other = registrationDigest(createDomain(31337, `0x${'b2'.repeat(20)}`, `0x${'ac'.repeat(32)}`), registration)
    expect(one).not.toBe(other)
  })
})
