import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeSecp256k1 } from '../../../src/node/crypto.ts'
import { DEVNET_KEY_TAG, devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import {
  decryptKey,
  type KeyPurpose,
  readKeyFile,
  SCRYPT_COST_DEVNET,
  writeKeyFile,
} from '../../../src/node/keystore.ts'
import { H, hexToBytes, keccakBytes, utf8 } from '../../../src/protocol/index.ts'

const secp256k1 = nodeSecp256k1()
const NETWORK = `0x${'11'.repeat(32)}` as const
const OTHER = `0x${'22'.repeat(32)}` as const
const PURPOSE: KeyPurpose = { networkId: NETWORK, role: 'operator' }
const EXPECTED = { networkId: NETWORK, role: 'operator', profile: 'production' } as const
const KEY = hexToBytes(`0x${'07'.repeat(32)}`)

/** Test vectors of the Web3 Secret Storage definition, password "testpassword". */
const STANDARD_KEY = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const STANDARD_PBKDF2 = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: {
      c: 262144,
      dklen: 32,
      prf: 'hmac-sha256',
      salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
    },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}
const STANDARD_SCRYPT = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 262144,
      p: 8,
      r: 1,
      salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
    },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-keys-'))
})
afterAll(() => rm(directory, { recursive: true }))

const code = (expected: string) => expect.objectContaining({ code: expected })
const write = (name: string, purpose: KeyPurpose = PURPOSE, replace = false): Promise<string> =>
  writeKeyFile(join(directory, name), KEY, 'correct horse', purpose, secp256k1, { cost: SCRYPT_COST_DEVNET, replace })
const read = (name: string, password = 'correct horse', expected: Parameters<typeof readKeyFile>[2] = EXPECTED) =>
  readKeyFile(join(directory, name), password, expected, secp256k1)

describe('Web3 Secret Storage v3', () => {
  test.each([
    ['pbkdf2', STANDARD_PBKDF2],
    ['scrypt', STANDARD_SCRYPT],
  ])("decrypts the standard's %s vector", async (_, document) => {
    expect(Buffer.from(await decryptKey(document, 'testpassword')).toString('hex')).toBe(STANDARD_KEY)
  })

  test('another password is key-wrong-password', async () => {
    await expect(decryptKey(STANDARD_PBKDF2, 'testpassworD')).rejects.toThrow(code('key-wrong-password'))
  })

  test('another version, cipher or key derivation is key-unsupported', async () => {
    const { crypto } = STANDARD_PBKDF2
    await expect(decryptKey({ ...STANDARD_PBKDF2, version: 1 }, '')).rejects.toThrow(code('key-unsupported'))
    for (const change of [{ cipher: 'aes-128-cbc' }, { kdf: 'argon2' }]) {
      await expect(decryptKey({ version: 3, crypto: { ...crypto, ...change } }, '')).rejects.toThrow(
        code('key-unsupported'),
      )
    }
  })

  test('costs that would hang or exhaust the reader are key-too-costly, nonsense is key-malformed', async () => {
    const { crypto } = STANDARD_SCRYPT
    const scrypt = (change: object) => ({
      version: 3,
      crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, ...change } },
    })
    await expect(decryptKey(scrypt({ n: 2 ** 30 }), '')).rejects.toThrow(code('key-too-costly'))
    await expect(decryptKey(scrypt({ p: 1_000 }), '')).rejects.toThrow(code('key-too-costly'))
    await expect(decryptKey(scrypt({ n: 1_000 }), '')).rejects.toThrow(code('key-malformed'))
    await expect(decryptKey(scrypt({ dklen: 16 }), '')).rejects.toThrow(code('key-malformed'))
    await expect(decryptKey(scrypt({ salt: 'zz' }), '')).rejects.toThrow(code('key-malformed'))
    await expect(decryptKey('text', '')).rejects.toThrow(code('key-malformed'))
  })
})

describe('key file', () => {
  test('comes back as it was written, mode 0600, nothing else in the directory', async () => {
    const address = await write('one.json')
    expect(await read('one.json')).toEqual({ privateKey: KEY, address, purpose: PURPOSE })
    expect((await stat(join(directory, 'one.json'))).mode & 0o777).toBe(0o600)
    expect((await readdir(directory)).filter((name) => name.startsWith('one'))).toEqual(['one.json'])
    expect(await readFile(join(directory, 'one.json'), 'utf8')).not.toContain('07'.repeat(8))
  })

  test('is not overwritten unless that is said', async () => {
    await write('two.json')
    await expect(write('two.json')).rejects.toThrow(code('key-exists'))
    await write('two.json', { ...PURPOSE, role: 'owner' }, true)
    await expect(read('two.json')).rejects.toThrow(code('key-wrong-role'))
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('R2: names its network and is refused on another, before the password is tried', async () => {
    await write('three.json', { ...PURPOSE, networkId: OTHER })
    await expect(read('three.json', 'wrong')).rejects.toMatchObject({
      detail: { code: 'key-foreign-network', expected: NETWORK, got: OTHER },
    })
    await writeFile(join(directory, 'plain.json'), JSON.stringify(STANDARD_PBKDF2), { mode: 0o600 })
    await expect(read('plain.json', 'testpassword')).rejects.toThrow(code('key-malformed'))
  })

  test('a devnet key is marked so and refused by production', async () => {
    await write('devnet.json', { ...PURPOSE, devnet: true })
    await expect(read('devnet.json')).rejects.toThrow(code('key-devnet'))
    const found = await read('devnet.json', 'correct horse', { ...EXPECTED, profile: 'devnet' })
    expect(found.purpose.devnet).toBe(true)
  })

  test('wrong password, missing file, loose permissions and a swapped address have their codes', async () => {
    await write('four.json')
    await expect(read('four.json', 'wrong')).rejects.toThrow(code('key-wrong-password'))
    await expect(read('none.json')).rejects.toThrow(code('key-not-found'))
    await chmod(join(directory, 'four.json'), 0o640)
    await expect(read('four.json')).rejects.toMatchObject({ detail: { code: 'key-insecure-permissions', got: '640' } })
    await chmod(join(directory, 'four.json'), 0o600)
    const text = await readFile(join(directory, 'four.json'), 'utf8')
    await writeFile(join(directory, 'four.json'), text.replace(/"address": "../, '"address": "00'))
    await expect(read('four.json')).rejects.toThrow(code('key-wrong-address'))
    await writeFile(join(directory, 'four.json'), '{')
    await expect(read('four.json')).rejects.toThrow(code('key-malformed'))
  })
})

describe('devnet keys', () => {
  test('follow from seed, role and index by H, and differ in each', () => {
    const key = devnetPrivateKey('seed', 'provider', 3)
    expect(key).toEqual(hexToBytes(H(DEVNET_KEY_TAG, keccakBytes(utf8('seed')), keccakBytes(utf8('provider')), 3)))
    const others = [
      devnetPrivateKey('Seed', 'provider', 3),
      devnetPrivateKey('seed', 'verifier', 3),
      devnetPrivateKey('seed', 'provider', 4),
    ]
    for (const other of others) expect(other).not.toEqual(key)
    expect(secp256k1.publicKey(key).length).toBe(33)
  })
})
