import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createConfig } from '../../../src/node/config.ts'
import { nodeSecp256k1 } from '../../../src/node/crypto.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import {
  assertSocketPath,
  createHome,
  findHome,
  homeAt,
  readHome,
  readNodeFile,
  removeNodeFile,
  writeNodeFile,
} from '../../../src/node/home.ts'
import { findPassword, readOperatorKey, writeOperatorKey } from '../../../src/node/operatorKey.ts'
import { networkOfNoChain } from '../../support/networkFile.ts'

const network = networkOfNoChain({ name: 'devnet' })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-home-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a home', () => {
  test('is where --home says, else OPG_HOME, else ~/.opg/<network>', () => {
    expect(findHome('/a', { OPG_HOME: '/b' }).directory).toBe('/a')
    expect(findHome(undefined, { OPG_HOME: '/b' }).directory).toBe('/b')
    expect(findHome(undefined, {}, 'base').directory).toBe(join(homedir(), '.opg', 'base'))
  })

  test('comes back as it was made, readable by its owner only', async () => {
    const home = homeAt(join(directory, 'node'))
    await createHome(home, { network, config: { roles: ['provider'], slots: 3 } })
    const { config, network: read } = await readHome(home)
    expect(config).toEqual(createConfig({ roles: ['provider'], slots: 3 }))
    expect(read).toEqual(network)
    for (const path of [home.configFile, home.networkFile]) expect((await stat(path)).mode & 0o077).toBe(0)
    expect((await readdir(home.directory)).sort()).toEqual(['config.json', 'keys', 'models', 'network.json'])
  })

  test('is not taken over from another node', async () => {
    const home = homeAt(directory)
    await createHome(home, { network, config: {} })
    await expect(createHome(home, { network, config: {} })).rejects.toMatchObject({ code: 'home-taken' })
    await createHome(home, { network, config: { slots: 9 }, replace: true })
    expect((await readHome(home)).config.slots).toBe(9)
  })

  test('says what is missing or wrong', async () => {
    const home = homeAt(join(directory, 'none'))
    await expect(readHome(home)).rejects.toMatchObject({ code: 'home-missing' })
    await mkdir(home.directory)
    await writeFile(home.configFile, '{"version":1}')
    await expect(readHome(home)).rejects.toMatchObject({ code: 'network-missing' })
    await writeFile(home.networkFile, '{}')
    await expect(readHome(home)).rejects.toMatchObject({ code: 'network-file-malformed' })
    await writeFile(home.configFile, '{"version":1,"slots":-1}')
    await expect(readHome(home)).rejects.toMatchObject({ code: 'config-invalid', detail: { path: home.configFile } })
  })

  test('tells who runs on it, and nobody when the file is none of ours', async () => {
    const home = homeAt(directory)
    expect(await readNodeFile(home)).toBeUndefined()
    const file = {
      pid: 42,
      startedAt: 1,
      networkId: network.networkId,
      operator: '0x1',
      peerId: '16U',
      roles: ['provider'],
      addresses: ['/ip4/127.0.0.1/tcp/1'],
    }
    await writeNodeFile(home, file)
    expect(await readNodeFile(home)).toEqual(file)
    await writeFile(home.nodeFile, '{"pid":"x"}')
    expect(await readNodeFile(home)).toBeUndefined()
    await removeNodeFile(home)
    expect(await readNodeFile(home)).toBeUndefined()
  })

  test('must be short enough for its socket', () => {
    expect(() => assertSocketPath(`/${'a'.repeat(110)}`)).toThrow(
      expect.objectContaining({ code: 'socket-path-too-long' }),
    )
    assertSocketPath('/home/o/.opg/devnet/control.sock')
  })
})

describe('an operator key', () => {
  const crypto = nodeSecp256k1()
  const privateKey = devnetPrivateKey('test', 'provider', 0)

  test('is kept in the home, for its own network only (R1)', async () => {
    const home = homeAt(directory)
    const config = createConfig()
    await writeOperatorKey(home, { network, key: config.key, privateKey, devnet: true }, crypto, {})
    expect(await readOperatorKey(home, { config, network }, crypto, {})).toEqual(privateKey)
    expect((await stat(home.path(config.key))).mode & 0o777).toBe(0o600)
    const other = { ...network, networkId: `0x${'22'.repeat(32)}` } as const
    await expect(readOperatorKey(home, { config, network: other }, crypto, {})).rejects.toMatchObject({
      code: 'key-foreign-network',
    })
  })

  test('on a production network has a password of its owner', async () => {
    await expect(findPassword('production', {})).rejects.toMatchObject({ code: 'password-missing' })
    expect(await findPassword('production', { OPG_PASSWORD: 'a' })).toBe('a')
    const file = join(directory, 'password')
    await writeFile(file, 'from a file\n')
    expect(await findPassword('production', { OPG_PASSWORD_FILE: file })).toBe('from a file')
  })
})
