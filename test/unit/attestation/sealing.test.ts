import { createDecipheriv } from 'node:crypto'
import { x25519 } from '@noble/curves/ed25519.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  createSealing,
  type EncryptionKey,
  MAX_CHUNK_INDEX,
  type OpenedInput,
  type SealedInput,
} from '../../../src/attestation/index.ts'
import { bytesToHex, type Digest, hexToBytes, type Result, utf8 } from '../../../src/protocol/index.ts'
import { random, subtle } from '../../support/nitroMint.ts'

const networkId: Digest = `0x${'5a'.repeat(32)}`
const sealing = createSealing({ subtle, random }, { networkId })
const AAD = utf8('grant and requester')
const TEXT = utf8('what only the enclave may read')

let key: EncryptionKey
let input: SealedInput
let opened: OpenedInput
beforeAll(async () => {
  key = await sealing.generateEncryptionKey()
  input = must(await sealing.sealInput(key.publicKey, TEXT, AAD))
  opened = must(await sealing.openInput(key, input.sealed, AAD))
})

function must<T>(result: Result<T, Error>): T {
  if (!result.ok) throw result.error
  return result.value
}

const codeOf = (result: Result<unknown, { code: string }>): string => (result.ok ? 'opened' : result.error.code)

const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** RFC 9180, base mode, written from the text on other primitives: what an independent recipient computes. */
function independentRecipient(privateKey: Uint8Array, enc: Uint8Array, info: Uint8Array) {
  const empty = new Uint8Array(0)
  const kemSuite = join(utf8('KEM'), new Uint8Array([0x00, 0x20]))
  const suite = join(utf8('HPKE'), new Uint8Array([0x00, 0x20, 0x00, 0x01, 0x00, 0x02]))
  const labeledExtract = (id: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array) =>
    extract(sha256, join(utf8('HPKE-v1'), id, utf8(label), ikm), salt)
  const labeledExpand = (id: Uint8Array, prk: Uint8Array, label: string, context: Uint8Array, length: number) =>
    expand(
      sha256,
      prk,
      join(new Uint8Array([length >> 8, length & 255]), utf8('HPKE-v1'), id, utf8(label), context),
      length,
    )
  const dh = x25519.getSharedSecret(privateKey, enc)
  const kemContext = join(enc, x25519.getPublicKey(privateKey))
  const shared = labeledExpand(
    kemSuite,
    labeledExtract(kemSuite, empty, 'eae_prk', dh),
    'shared_secret',
    kemContext,
    32,
  )
  const context = join(
    new Uint8Array([0]),
    labeledExtract(suite, empty, 'psk_id_hash', empty),
    labeledExtract(suite, empty, 'info_hash', info),
  )
  const secret = labeledExtract(suite, shared, 'secret', empty)
  const exporter = labeledExpand(suite, secret, 'exp', context, 32)
  return {
    key: labeledExpand(suite, secret, 'key', context, 32),
    nonce: labeledExpand(suite, secret, 'base_nonce', context, 12),
    export: (exported: string) => labeledExpand(suite, exporter, 'sec', utf8(exported), 32),
  }
}

function decipher(aesKey: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array {
  const gcm = createDecipheriv('aes-256-gcm', aesKey, nonce)
  gcm.setAAD(aad)
  gcm.setAuthTag(sealed.slice(-16))
  return Uint8Array.from(Buffer.concat([gcm.update(sealed.slice(0, -16)), gcm.final()]))
}

describe('R5: inputs sealed to the encryption key', () => {
  it('are what RFC 9180 says, and so are the chunks of their answers, to an independent implementation', async () => {
    const privateKey = random(32)
    const { sealed, response } = must(await sealing.sealInput(bytesToHex(x25519.getPublicKey(privateKey)), TEXT, AAD))
    const info = join(utf8('OPG/seal/1'), hexToBytes(networkId))
    const recipient = independentRecipient(privateKey, sealed.slice(0, 32), info)
    expect(decipher(recipient.key, recipient.nonce, sealed.slice(32), AAD)).toEqual(TEXT)

    const chunk = await (await response.sealer('to-provider')).sealChunk(258, TEXT, AAD)
    const secret = recipient.export('OPG/seal/response/1')
    const chunkKey = expand(
      sha256,
      extract(sha256, secret, chunk.slice(0, 16)),
      utf8('OPG/seal/chunk/1 to-provider'),
      32,
    )
    const nonce = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    expect(decipher(chunkKey, nonce, chunk.slice(16), AAD)).toEqual(TEXT)
  })

  it('open whole, whatever they hold and whatever context they are bound to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 60 }), async (bytes, aad) => {
        const { sealed } = must(await sealing.sealInput(key.publicKey, bytes, aad))
        expect(sealed.length).toBe(32 + bytes.length + 16)
        expect(must(await sealing.openInput(key, sealed, aad)).plaintext).toEqual(bytes)
      }),
      { numRuns: 30 },
    )
  })

  it('stay shut when any bit is flipped', async () => {
    for (let bit = 0; bit < input.sealed.length * 8; bit += 1) {
      const bad = Uint8Array.from(input.sealed)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      // X25519 ignores the highest bit of a public key, but the key schedule hashes the bytes as sent.
      expect(codeOf(await sealing.openInput(key, bad, AAD))).toBe('unsealable')
    }
  })

  it('stay shut under another context, another key, another network', async () => {
    expect(codeOf(await sealing.openInput(key, input.sealed, utf8('other')))).toBe('unsealable')
    expect(codeOf(await sealing.openInput(key, input.sealed, new Uint8Array()))).toBe('unsealable')
    expect(codeOf(await sealing.openInput(await sealing.generateEncryptionKey(), input.sealed, AAD))).toBe('unsealable')
    const elsewhere = createSealing({ subtle, random }, { networkId: `0x${'5b'.repeat(32)}` })
    expect(codeOf(await elsewhere.openInput(key, input.sealed, AAD))).toBe('unsealable')
  })

  it('are refused outside their limits', async () => {
    expect(codeOf(await sealing.openInput(key, new Uint8Array(47), AAD))).toBe('sealed-size')
    expect(codeOf(await sealing.openInput(key, new Uint8Array(48), AAD))).toBe('unsealable')
    expect(codeOf(await sealing.openInput(key, new Uint8Array(16 * 1_048_576 + 49), AAD))).toBe('sealed-size')
    expect(codeOf(await sealing.sealInput(key.publicKey, new Uint8Array(16 * 1_048_576 + 1), AAD))).toBe('sealed-size')
    expect(codeOf(await sealing.sealInput(key.publicKey, TEXT, new Uint8Array(1025)))).toBe('sealed-size')
  })

  it('go to no low-order point and to no key of another length', async () => {
    for (const recipient of [`0x${'00'.repeat(32)}`, `0x01${'00'.repeat(31)}`, '0x00', 'key'] as Digest[])
      expect(codeOf(await sealing.sealInput(recipient, TEXT, AAD))).toBe('bad-recipient-key')
    expect(codeOf(await sealing.openInput(key, new Uint8Array(80), AAD))).toBe('unsealable')
  })

  it('R4: the private key cannot be exported', async () => {
    await expect(subtle.exportKey('pkcs8', key.keys.privateKey)).rejects.toThrow()
  })
})

describe('R5: answers to a key inside the input', () => {
  it('reach the requester in any order and again, each way under its own key', async () => {
    const sealer = await opened.response.sealer('to-requester')
    const chunks = [
      await sealer.sealChunk(0, utf8('a')),
      await sealer.sealChunk(1, utf8('b')),
      await sealer.sealChunk(MAX_CHUNK_INDEX, utf8('c')),
    ]
    const opener = input.response.opener('to-requester')
    expect(must(await opener.openChunk(1, chunks[1]!))).toEqual(utf8('b'))
    expect(must(await opener.openChunk(0, chunks[0]!))).toEqual(utf8('a'))
    expect(must(await opener.openChunk(0, chunks[0]!))).toEqual(utf8('a'))
    expect(must(await opener.openChunk(MAX_CHUNK_INDEX, chunks[2]!))).toEqual(utf8('c'))
    expect(codeOf(await input.response.opener('to-provider').openChunk(0, chunks[0]!))).toBe('unsealable')

    const back = await (await input.response.sealer('to-provider')).sealChunk(0, utf8('more'))
    expect(must(await opened.response.opener('to-provider').openChunk(0, back))).toEqual(utf8('more'))
  })

  it('stay shut at another index, with another context, with any bit flipped, under another input', async () => {
    const chunk = await (await opened.response.sealer('to-requester')).sealChunk(3, TEXT, AAD)
    const open = (index: number, bytes: Uint8Array, aad: Uint8Array) =>
      input.response.opener('to-requester').openChunk(index, bytes, aad)
    expect(codeOf(await open(3, chunk, AAD))).toBe('opened')
    expect(codeOf(await open(4, chunk, AAD))).toBe('unsealable')
    expect(codeOf(await open(3, chunk, utf8('other')))).toBe('unsealable')
    for (let bit = 0; bit < chunk.length * 8; bit += 1) {
      const bad = Uint8Array.from(chunk)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      expect(codeOf(await open(3, bad, AAD))).toBe('unsealable')
    }
    const other = must(await sealing.sealInput(key.publicKey, TEXT, AAD))
    expect(codeOf(await other.response.opener('to-requester').openChunk(3, chunk, AAD))).toBe('unsealable')
  })

  it('never repeat key and nonce when a host has the same input opened twice, and do not mix', async () => {
    const again = must(await sealing.openInput(key, input.sealed, AAD))
    const one = await (await opened.response.sealer('to-requester')).sealChunk(0, TEXT)
    const two = await (await again.response.sealer('to-requester')).sealChunk(0, TEXT)
    expect(bytesToHex(one.slice(16))).not.toBe(bytesToHex(two.slice(16)))
    const opener = input.response.opener('to-requester')
    expect(codeOf(await opener.openChunk(0, one))).toBe('opened')
    expect(codeOf(await opener.openChunk(0, two))).toBe('unsealable')
    expect(codeOf(await opener.openChunk(0, join(two.slice(0, 16), one.slice(16))))).toBe('unsealable')
    const both = input.response.opener('to-requester')
    const results = await Promise.all([both.openChunk(0, one), both.openChunk(0, two)])
    expect(results.map(codeOf).sort()).toEqual(['opened', 'unsealable'])
  })

  it('are not sealed twice under one index', async () => {
    const sealer = await opened.response.sealer('to-requester')
    await sealer.sealChunk(5, TEXT)
    for (const index of [5, 4, -1, 6.5, MAX_CHUNK_INDEX + 1, Number.NaN])
      await expect(sealer.sealChunk(index, TEXT)).rejects.toMatchObject({ code: 'bad-index' })
    const concurrent = await Promise.allSettled([sealer.sealChunk(6, TEXT), sealer.sealChunk(6, TEXT)])
    expect(concurrent.map((each) => each.status)).toEqual(['fulfilled', 'rejected'])
    await expect(sealer.sealChunk(9, new Uint8Array(131_073))).rejects.toMatchObject({ code: 'sealed-size' })
    const opener = input.response.opener('to-requester')
    expect(codeOf(await opener.openChunk(-1, new Uint8Array(40)))).toBe('bad-index')
    expect(codeOf(await opener.openChunk(0, new Uint8Array(31)))).toBe('sealed-size')
  })
})
