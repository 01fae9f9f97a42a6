import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  findWallet,
  homeAt,
  nodeSecp256k1,
  openWallet,
  WALLET_FILE,
  writeOperatorKey,
  writeWallet,
} from '../../../src/node/index.ts'
import { bytesToHex, hexToBytes } from '../../../src/protocol/index.ts'
import { networkOfNoChain } from '../../support/networkFile.ts'

const crypto = nodeSecp256k1()
const KEY = hexToBytes(`0x${'07'.repeat(32)}`)
const ADDRESS = privateKeyToAccount(bytesToHex(KEY)).address
const PASSWORD = { OPG_WALLET_PASSWORD: 'correct horse' }
const [devnet, production] = [networkOfNoChain(), networkOfNoChain({ profile: 'production' })]

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-wallet-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const code = (expected: string) => expect.objectContaining({ code: expected })
const home = (name: string) => homeAt(join(directory, name))

describe('a wallet', () => {
  test('is written once, for its owner alone, and opened with its own password', async () => {
    const mine = home('mine')
    const init = { network: production, privateKey: KEY, devnet: false }
    expect(await writeWallet(mine, init, crypto, PASSWORD)).toBe(ADDRESS.toLowerCase())
    const path = mine.path(WALLET_FILE)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const text = await readFile(path, 'utf8')
    expect(JSON.parse(text).opg).toEqual({ networkId: production.networkId, role: 'owner' })
    expect(text).not.toContain('07'.repeat(32))

    expect((await openWallet(path, production, crypto, PASSWORD)).address).toBe(ADDRESS)
    await expect(openWallet(path, production, crypto, { OPG_WALLET_PASSWORD: 'other' })).rejects.toThrow(
      code('key-wrong-password'),
    )
    const operatorPassword = { OPG_PASSWORD: 'correct horse' }
    await expect(openWallet(path, production, crypto, operatorPassword)).rejects.toThrow(code('password-missing'))
    await expect(writeWallet(mine, init, crypto, PASSWORD)).rejects.toThrow(code('key-exists'))
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('takes its password from the first line of a file, which must be there', async () => {
    const file = join(directory, 'password.txt')
    await writeFile(file, 'from a file\nnot this\n')
    const path = home('filed').path(WALLET_FILE)
    const init = { network: production, privateKey: KEY, devnet: false }
    await writeWallet(home('filed'), init, crypto, { OPG_WALLET_PASSWORD_FILE: file })
    const opened = await openWallet(path, production, crypto, { OPG_WALLET_PASSWORD: 'from a file' })
    expect(opened.address).toBe(ADDRESS)
    const missing = { OPG_WALLET_PASSWORD_FILE: join(directory, 'nowhere.txt') }
    await expect(openWallet(path, production, crypto, missing)).rejects.toThrow(code('password-missing'))
  })

  test('is never an operator key, one of another network, or a devnet key where money is', async () => {
    const keys = home('keys')
    const init = { network: devnet, privateKey: KEY, devnet: true }
    await writeOperatorKey(keys, { ...init, key: 'keys/operator.json' }, crypto, {})
    await expect(openWallet(keys.path('keys/operator.json'), devnet, crypto, {})).rejects.toThrow(
      code('key-wrong-role'),
    )
    await writeWallet(keys, init, crypto, {})
    const path = keys.path(WALLET_FILE)
    expect((await openWallet(path, devnet, crypto, {})).address).toBe(ADDRESS)
    await expect(openWallet(path, production, crypto, PASSWORD)).rejects.toThrow(code('key-devnet'))
    const elsewhere = { ...devnet, networkId: `0x${'22'.repeat(32)}` } as const
    await expect(openWallet(path, elsewhere, crypto, {})).rejects.toThrow(code('key-foreign-network'))
    await expect(openWallet(keys.path('keys/none.json'), devnet, crypto, {})).rejects.toThrow(code('key-not-found'))
  })

  test('pays for a requester; without one a devnet asks unpaid, and a production network not at all', async () => {
    const empty = home('empty')
    expect(await findWallet(empty, devnet, crypto, {})).toBeUndefined()
    await expect(findWallet(empty, production, crypto, {})).rejects.toThrow(code('wallet-missing'))
    await writeWallet(empty, { network: production, privateKey: KEY, devnet: false }, crypto, PASSWORD)
    expect((await findWallet(empty, production, crypto, PASSWORD))?.address).toBe(ADDRESS)
  })
})
