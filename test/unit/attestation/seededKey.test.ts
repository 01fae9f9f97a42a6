import { hkdfSync } from 'node:crypto'
import { p384 } from '@noble/curves/nist.js'
import { describe, expect, test } from 'vitest'
import { createSimulatedAuthority } from '../../../src/attestation/index.ts'
import { seededP384 } from '../../../src/attestation/simulated/seededKey.ts'

const { subtle } = globalThis.crypto
const SEED = new Uint8Array(32).fill(4)

describe('a key from a devnet seed', () => {
  test('is the one that HKDF and the order give, with the point another implementation finds', async () => {
    const { privateKey, publicKey } = await seededP384(SEED, 'unit', subtle)
    const wide = BigInt(`0x${Buffer.from(hkdfSync('sha384', SEED, '', 'unit', 56)).toString('hex')}`)
    const scalar = (wide % (p384.Point.Fn.ORDER - 1n)) + 1n
    const { d } = await subtle.exportKey('jwk', privateKey)
    expect(Buffer.from(d ?? '', 'base64url').toString('hex')).toBe(scalar.toString(16).padStart(96, '0'))
    const raw = Buffer.from(await subtle.exportKey('raw', publicKey)).toString('hex')
    expect(raw).toBe(p384.Point.BASE.multiply(scalar).toHex(false))
  })

  test('differs by seed and by purpose, and is the same for the same', async () => {
    const points = await Promise.all(
      [
        [SEED, 'a'],
        [SEED, 'a'],
        [SEED, 'b'],
        [new Uint8Array(32), 'a'],
      ].map(async ([seed, purpose]) => {
        const { publicKey } = await seededP384(seed as Uint8Array, purpose as string, subtle)
        return Buffer.from(await subtle.exportKey('raw', publicKey)).toString('hex')
      }),
    )
    expect(points[1]).toBe(points[0])
    expect(new Set(points).size).toBe(3)
  })

  test('refuses a seed that is not 32 bytes', async () => {
    await expect(seededP384(new Uint8Array(31), 'a', subtle)).rejects.toMatchObject({ code: 'bad-authority' })
  })

  test('makes an authority that another run can make again, with another certificate', async () => {
    const random = (length: number): Uint8Array => new Uint8Array(length).fill(1)
    const make = async (label: string) =>
      await createSimulatedAuthority({ subtle, random }, { label, now: 1_700_000_000_000, seed: SEED })
    const [first, again, other] = await Promise.all([make('devnet'), make('devnet'), make('another')])
    const pems = await Promise.all([first, again, other].map((authority) => authority.exportPem()))
    expect(pems[1]?.privateKey).toBe(pems[0]?.privateKey)
    expect(pems[2]?.privateKey).not.toBe(pems[0]?.privateKey)
    expect(again.trustRoot.sha256).not.toBe(first.trustRoot.sha256)
  })
})
