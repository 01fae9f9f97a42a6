import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import { privateKeyToAddress } from 'viem/accounts'
import { describe, expect, test } from 'vitest'
import { nodeSecp256k1 } from '../../../src/node/crypto.ts'
import { addressFromPeerId, bytesToHex, peerIdFromPublicKey, publicKeyFromPeerId } from '../../../src/protocol/index.ts'

const secp256k1 = nodeSecp256k1()
const keys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((key) => key[0] !== 255 && key.some((byte) => byte > 0))

describe('PeerId', () => {
  test('R1: is the one js-libp2p gives the key, holds the key, and leads to its address without a lookup', () => {
    fc.assert(
      fc.property(keys, (privateKey) => {
        const libp2p = peerIdFromPrivateKey(privateKeyFromRaw(privateKey))
        const publicKey = secp256k1.publicKey(privateKey)
        const peerId = peerIdFromPublicKey(publicKey)
        expect(peerId).toBe(libp2p.toString())
        expect(publicKeyFromPeerId(peerId)).toEqual(publicKey)
        expect(peerIdFromString(peerId).publicKey?.raw).toEqual(publicKey)
        expect(addressFromPeerId(peerId, secp256k1)).toBe(privateKeyToAddress(bytesToHex(privateKey)).toLowerCase())
      }),
      { numRuns: 40 },
    )
  })

  test('R1: other key types, other encodings and junk hold no key', () => {
    const good = peerIdFromPublicKey(secp256k1.publicKey(new Uint8Array(32).fill(7)))
    for (const peerId of [
      '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5',
      'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
      '',
      good.slice(1),
      `${good}1`,
      `z${good.slice(1)}`,
      good.replace('16Uiu2', '16Uiu1'),
      good.replace(/.$/, '0'),
    ]) {
      expect(publicKeyFromPeerId(peerId)).toBeUndefined()
      expect(addressFromPeerId(peerId, secp256k1)).toBeUndefined()
    }
  })

  test('only compressed keys have one', () => {
    expect(() => peerIdFromPublicKey(new Uint8Array(65).fill(4))).toThrow(RangeError)
    expect(() => peerIdFromPublicKey(new Uint8Array(33).fill(4))).toThrow(RangeError)
  })

  test('R1: a PeerId whose bytes are no point has no address', () => {
    const bytes = new Uint8Array(33).fill(255)
    bytes[0] = 2
    expect(addressFromPeerId(peerIdFromPublicKey(bytes), secp256k1)).toBeUndefined()
  })
})
