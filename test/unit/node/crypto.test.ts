import { secp256k1 as noble } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { recoverAddress } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { describe, expect, test } from 'vitest'
import { nodeSecp256k1 } from '../../../src/node/crypto.ts'
import { type Libsecp256k1, libsecp256k1, nativeSecp256k1, wasmSecp256k1 } from '../../../src/node/libsecp256k1.ts'
import { addressFromPublicKey, bytesToHex, hexToBytes, type Signature } from '../../../src/protocol/index.ts'

const ORDER = noble.Point.Fn.ORDER
const privateKeys = fc
  .bigInt({ min: 1n, max: ORDER - 1n })
  .map((value) => hexToBytes(`0x${value.toString(16).padStart(64, '0')}`))
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex)

const builds = [wasmSecp256k1, nativeSecp256k1()].filter((build): build is Libsecp256k1 => build !== undefined)

describe('libsecp256k1', () => {
  test('is native where a prebuilt binary is, as on the machines of CI', () => {
    expect(libsecp256k1().build).toBe(
      process.platform === 'linux' && process.arch === 'x64' ? 'native' : builds.at(-1)?.build,
    )
  })
})

describe.each(builds)('nodeSecp256k1 on the $build build', (library) => {
  const secp256k1 = nodeSecp256k1(library)

  test('R28: keys and points agree with @noble/curves', () => {
    fc.assert(
      fc.property(privateKeys, (privateKey) => {
        const publicKey = secp256k1.publicKey(privateKey)
        expect(publicKey).toEqual(noble.getPublicKey(privateKey, true))
        expect(secp256k1.decompress(publicKey)).toEqual(noble.getPublicKey(privateKey, false).slice(1))
        expect(addressFromPublicKey(publicKey, secp256k1)).toBe(
          privateKeyToAddress(bytesToHex(privateKey)).toLowerCase(),
        )
      }),
      { numRuns: 50 },
    )
  })

  test('R3: signatures are those of viem, 65 bytes, low s, v 27 or 28, and recover to the signer', async () => {
    await fc.assert(
      fc.asyncProperty(privateKeys, digests, async (privateKey, digest) => {
        const signature = secp256k1.sign(digest, privateKey)
        expect(signature).toBe(await sign({ hash: digest, privateKey: bytesToHex(privateKey), to: 'hex' }))
        const bytes = hexToBytes(signature)
        expect(bytes.length).toBe(65)
        expect([27, 28]).toContain(bytes[64])
        expect(BigInt(bytesToHex(bytes.subarray(32, 64))) <= ORDER / 2n).toBe(true)
        const address = secp256k1.recover(digest, signature)
        expect(address).toBe(privateKeyToAddress(bytesToHex(privateKey)).toLowerCase())
        expect(address).toBe((await recoverAddress({ hash: digest, signature })).toLowerCase())
      }),
      { numRuns: 30 },
    )
  })

  test('R3: the high-s twin, other v, other lengths and junk recover to nothing', () => {
    fc.assert(
      fc.property(privateKeys, digests, (privateKey, digest) => {
        const bytes = hexToBytes(secp256k1.sign(digest, privateKey))
        const s = BigInt(bytesToHex(bytes.subarray(32, 64)))
        const twin = new Uint8Array(bytes)
        twin.set(hexToBytes(`0x${(ORDER - s).toString(16).padStart(64, '0')}`), 32)
        twin[64] = bytes[64] === 27 ? 28 : 27
        expect(secp256k1.recover(digest, bytesToHex(twin))).toBeUndefined()
        for (const v of [0, 1, 26, 29]) {
          const other = new Uint8Array(bytes)
          other[64] = v
          expect(secp256k1.recover(digest, bytesToHex(other))).toBeUndefined()
        }
        expect(secp256k1.recover(digest, bytesToHex(bytes.subarray(0, 64)))).toBeUndefined()
      }),
      { numRuns: 20 },
    )
    const digest = bytesToHex(new Uint8Array(32).fill(1))
    for (const bytes of [new Uint8Array(65), new Uint8Array(65).fill(255)]) {
      bytes[64] = 27
      expect(secp256k1.recover(digest, bytesToHex(bytes))).toBeUndefined()
    }
    expect(secp256k1.recover(digest, '0x' as Signature)).toBeUndefined()
    expect(secp256k1.recover(digest, `0x${'zz'.repeat(65)}` as Signature)).toBeUndefined()
  })

  test('keys out of range are refused, bytes that are no point are undefined', () => {
    for (const key of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31).fill(1)]) {
      expect(() => secp256k1.publicKey(key)).toThrow(RangeError)
      expect(() => secp256k1.sign(bytesToHex(new Uint8Array(32)), key)).toThrow(RangeError)
    }
    expect(secp256k1.decompress(new Uint8Array(33).fill(2))).toEqual(expect.anything())
    expect(secp256k1.decompress(new Uint8Array(33))).toBeUndefined()
    expect(secp256k1.decompress(new Uint8Array(65).fill(4))).toBeUndefined()
  })
})
