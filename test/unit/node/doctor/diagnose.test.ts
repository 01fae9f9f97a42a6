import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NetworkFile } from '../../../../src/chain/index.ts'
import type { ConfigInput } from '../../../../src/node/config.ts'
import { nodeSecp256k1 } from '../../../../src/node/crypto.ts'
import { devnetPrivateKey } from '../../../../src/node/devnetKeys.ts'
import { examineClock } from '../../../../src/node/doctor/chain.ts'
import { type Diagnosis, diagnose } from '../../../../src/node/doctor/diagnose.ts'
import type { Finding } from '../../../../src/node/doctor/findings.ts'
import { examineNode } from '../../../../src/node/doctor/machine.ts'
import { createHome, homeAt, writeNodeFile } from '../../../../src/node/home.ts'
import { writeOperatorKey } from '../../../../src/node/operatorKey.ts'
import { networkOfNoChain } from '../../../support/networkFile.ts'

const CHAIN_ID = 31_337
const BLOCK_TIME = 1_700_000_000_000

const network = networkOfNoChain({ chainId: CHAIN_ID })

let directory: string
let servers: Server[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-diagnose-'))
  servers = []
})
afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true, force: true })
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** An endpoint that knows one block. */
async function endpoint(): Promise<string> {
  const hex = (value: number): string => `0x${value.toString(16)}`
  const block = { number: hex(7), timestamp: hex(BLOCK_TIME / 1_000), transactions: [], hash: network.networkId }
  const server = createHttpServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as { id: number; method: string }
      const result = method === 'eth_chainId' ? hex(CHAIN_ID) : block
      response.setHeader('connection', 'close').end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    })
  })
  return `http://127.0.0.1:${await listen(server)}`
}

async function writeHome(config: ConfigInput, over: Partial<NetworkFile> = {}): Promise<void> {
  const home = homeAt(directory)
  const of = { ...network, ...over }
  await createHome(home, { network: of, config: { listen: [], metrics: { enabled: false }, ...config }, replace: true })
  const privateKey = devnetPrivateKey('test', 'provider', 0)
  const init = { network: of, key: 'keys/operator.json', privateKey, devnet: of.profile === 'devnet', replace: true }
  await writeOperatorKey(home, init, nodeSecp256k1(), { OPG_PASSWORD: 'opg-devnet' })
}

const run = (clock = BLOCK_TIME + 900): Promise<Diagnosis> =>
  diagnose({ home: homeAt(directory), environment: {}, clock: () => clock })

const about = ({ findings }: Diagnosis, subject: string): Finding | undefined =>
  findings.find((finding) => finding.subject === subject)

describe('opg doctor', () => {
  test('of a good home finds nothing wrong with it', async () => {
    await writeHome({ rpc: [await endpoint()] })
    const diagnosis = await run()
    for (const subject of ['home', 'network', 'trust', 'key', 'attester', 'rpc', 'clock'])
      expect(about(diagnosis, subject), subject).toMatchObject({ status: 'ok' })
    expect(diagnosis.findings.filter(({ status }) => status === 'fail')).toEqual([])
  })

  test('of a machine without a home only warns', async () => {
    const diagnosis = await diagnose({ home: homeAt(join(directory, 'none')), environment: {}, clock: Date.now })
    expect(about(diagnosis, 'home')).toMatchObject({ status: 'warn' })
    expect(about(diagnosis, 'disk')?.found).toContain(directory)
  })

  test('of a home with a running node takes its port for its own', async () => {
    const port = await listen(createServer())
    await writeHome({ rpc: [await endpoint()], listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    const running = { startedAt: 0, networkId: '', operator: '', peerId: '', roles: [], addresses: [] }
    await writeNodeFile(homeAt(directory), { ...running, pid: process.pid })
    expect(about(await run(), `port ${port}`)).toMatchObject({ status: 'ok' })
  })
})

describe('fault: opg doctor tells', () => {
  test('a configuration that is wrong, a network file that is none, a key that is absent', async () => {
    await writeHome({})
    await writeFile(join(directory, 'config.json'), '{"version":1,"slots":0}')
    expect(about(await run(), 'home')).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('config-invalid'),
    })
    await writeHome({})
    await writeFile(join(directory, 'network.json'), '{}')
    expect(about(await run(), 'home')?.found).toContain('network-file-malformed')
    await rm(join(directory, 'network.json'))
    expect(about(await run(), 'home')?.found).toContain('network-missing')
    await writeHome({ rpc: ['http://127.0.0.1:1'] })
    await chmod(join(directory, 'keys', 'operator.json'), 0o644)
    // Who is told to make another key would lose this one.
    expect(about(await run(), 'key')).toEqual({
      ...{ subject: 'key', status: 'fail' },
      found: expect.stringMatching(/^key-insecure-permissions: expected .* chmod 600 it$/),
    })
    await rm(join(directory, 'keys', 'operator.json'))
    expect(about(await run(), 'key')).toMatchObject({ status: 'fail', found: expect.stringContaining('key-not-found') })
  })

  test('the simulated attester and a root that is no vendor on a production network (R6)', async () => {
    const attester = { kind: 'simulated' as const, authority: 'authority' }
    await writeHome({ rpc: ['http://127.0.0.1:1'], attester }, { profile: 'production' })
    const diagnosis = await run()
    expect(about(diagnosis, 'trust')?.found).toMatch(/^attester-refused: expected/)
    expect(about(diagnosis, 'key')).toMatchObject({ status: 'warn' })
    expect(diagnosis.worst).toBe('fail')
  })

  test('an endpoint nobody answers at, and one of another chain', async () => {
    await writeHome({ rpc: ['http://127.0.0.1:1'] })
    expect(about(await run(), 'rpc')).toMatchObject({ status: 'fail' })
    await writeHome({ rpc: [await endpoint()] }, { chainId: 5 })
    expect(about(await run(), 'rpc')?.found).toContain('has chain 31337, the network is on 5')
  })

  test('a clock that is behind or ahead of the chain', async () => {
    await writeHome({ rpc: [await endpoint()] })
    expect(about(await run(BLOCK_TIME - 2_001), 'clock')).toMatchObject({ status: 'fail' })
    expect(examineClock(BLOCK_TIME, BLOCK_TIME - 2_000)).toMatchObject({ status: 'ok' })
    expect(examineClock(BLOCK_TIME, BLOCK_TIME + 60_001)).toMatchObject({ status: 'warn' })
  })

  test('a port that another program holds', async () => {
    const port = await listen(createServer())
    await writeHome({ rpc: ['http://127.0.0.1:1'], metrics: { port } })
    expect(about(await run(), `port ${port}`)).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('EADDRINUSE'),
    })
  })

  test('a provider without a model, and a model without its manifest', async () => {
    await writeHome({ rpc: ['http://127.0.0.1:1'], roles: ['provider'] })
    expect(about(await run(), 'models')).toMatchObject({ status: 'fail' })
    await writeHome({ rpc: ['http://127.0.0.1:1'], roles: ['provider'], models: [{ folder: 'models/none' }] })
    expect(about(await run(), 'model')?.found).toContain('model-unreadable')
  })

  test('a Node that is too old', () => {
    expect(['20.20.2', '22.12.0', '23.9.0', '24.0.0', '25.1.0'].map((version) => examineNode(version).status)).toEqual([
      'fail',
      'warn',
      'warn',
      'ok',
      'ok',
    ])
  })
})
