import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NetworkFile } from '../../../src/chain/index.ts'
import { type ConfigInput, createConfig } from '../../../src/node/config.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { homeAt } from '../../../src/node/home.ts'
import { createLogger } from '../../../src/node/logger.ts'
import { createNode, type OpgNode } from '../../../src/node/node.ts'
import { networkOfNoChain } from '../../support/networkFile.ts'

const network = networkOfNoChain({ profile: 'production', chainId: 8453 })
const simulated = { name: 'devnet SIMULATED - NOT A TEE', vendor: 'aws', sha256: `0x${'99'.repeat(32)}` } as const
const rpc = ['http://127.0.0.1:1']

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-node-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const nodeOf = (over: Partial<NetworkFile>, config: ConfigInput = {}): OpgNode =>
  createNode({
    home: homeAt(directory),
    config: createConfig({ rpc, ...config }),
    network: { ...network, ...over },
    privateKey: devnetPrivateKey('test', 'provider', 0),
    logger: createLogger('silent'),
  })

describe('a node', () => {
  test('on a production network refuses a root that is no vendor, before it opens anything (R6)', async () => {
    await expect(nodeOf({ trustRoots: [simulated] }).start()).rejects.toMatchObject({ code: 'non-vendor-root' })
    expect(existsSync(join(directory, 'db'))).toBe(false)
  })

  test('on a production network refuses a policy that takes simulated evidence (R6)', async () => {
    const lax = { evidence: { assurances: ['simulated' as const] } }
    await expect(nodeOf({}, lax).start()).rejects.toMatchObject({ code: 'policy-refused' })
    expect(existsSync(join(directory, 'db'))).toBe(false)
  })

  test('refuses a policy file that is not there, or that says what it does not know', async () => {
    const named = nodeOf({}, { evidence: 'policy.json' })
    await expect(named.start()).rejects.toMatchObject({ code: 'policy-unreadable' })
    await writeFile(join(directory, 'policy.json'), '{"source":"chain","trustAll":true}')
    await expect(nodeOf({}, { evidence: 'policy.json' }).start()).rejects.toThrow('trustAll')
    await writeFile(join(directory, 'policy.json'), '{"assurances":["simulated"]}')
    await expect(nodeOf({}, { evidence: 'policy.json' }).start()).rejects.toMatchObject({ code: 'policy-refused' })
  })

  test('refuses a role that is not built', async () => {
    await expect(nodeOf({}, { roles: ['host'] }).start()).rejects.toMatchObject({ code: 'role-unsupported' })
  })

  test('without its chain does not start, and gives back what it had opened (R2)', async () => {
    const devnet = { profile: 'devnet', chainId: 31337, trustRoots: [simulated] } as const
    const first = nodeOf(devnet)
    await expect(first.start()).rejects.toMatchObject({ code: 'rpc-unreachable' })
    expect(existsSync(join(directory, 'db'))).toBe(true)
    await expect(nodeOf(devnet).start()).rejects.toMatchObject({ code: 'rpc-unreachable' })
    await first.stop()
    expect(first.health()).toEqual({ ok: false, parts: { node: 'not running' } })
  })
})
