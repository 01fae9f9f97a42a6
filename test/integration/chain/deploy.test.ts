import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bytesToHex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Anvil, removeChain, startAnvil } from '../../../devnet/chain.ts'
import { accountOf } from '../../../devnet/deploy.ts'
import { runDeploy } from '../../../scripts/deploy.ts'
import { CONTRACT_NAMES } from '../../../src/chain/contractNames.ts'
import { createChainClient, parseNetworkFile } from '../../../src/chain/index.ts'
import { createRpc } from '../../../src/chain/rpc.ts'
import { probeToken } from '../../../src/chain/tokenProbe.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import { nodeSecp256k1 } from '../../../src/node/index.ts'
import { encryptKey, SCRYPT_COST_DEVNET } from '../../../src/node/keystore.ts'
import { PARTIES } from '../../support/genesis.ts'

const SCRIPT = fileURLToPath(new URL('../../../scripts/deploy.ts', import.meta.url))
const PRIVATE_KEY = devnetPrivateKey('deploy', 'deployer', 0)
const KEY = bytesToHex(PRIVATE_KEY)
const { guardian, deployer: _, ...beneficiaries } = PARTIES
const GENESIS = {
  ...{ name: 'local', profile: 'devnet', chainId: 31337, token: 'mint', payments: 'deploy', permit2: 'deploy' },
  ...{ beneficiaries, guardian, guardianDays: 365, minimumSigners: 3, trustRoots: [], bootstrap: [] },
}

interface Ran {
  readonly out: string
  readonly err: string
}

describe('the deploy script', () => {
  let root: string
  let anvil: Anvil
  let mining: ReturnType<typeof setInterval>
  let directory: string
  let genesis: string

  const deployer = accountOf(PRIVATE_KEY).address

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'opg-deploy-'))
    anvil = await startAnvil({ directory: join(root, 'chain') })
    await anvil.client.setIntervalMining({ interval: 0 })
    await anvil.client.setAutomine(false)
    // A block whenever something waits, so that 40 steps do not take 40 seconds.
    mining = setInterval(() => {
      anvil.client.mine({ blocks: 1 }).catch(() => undefined)
    }, 100)
  })

  afterAll(async () => {
    clearInterval(mining)
    await anvil.stop()
    await removeChain(root)
  })

  beforeEach(async () => {
    directory = await mkdtemp(join(root, 'run-'))
    genesis = await genesisFile({})
    await anvil.client.setBalance({ address: deployer, value: 10n ** 20n })
  })

  async function genesisFile(over: object): Promise<string> {
    const path = join(directory, `genesis-${Object.keys(over).join('-')}.json`)
    await writeFile(path, JSON.stringify({ ...GENESIS, ...over }))
    return path
  }

  async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
    const ran = { out: '', err: '' }
    await runDeploy(['--out', directory, ...args], environment, {
      out: (text) => {
        ran.out += text
      },
      err: (text) => {
        ran.err += text
      },
    })
    return ran
  }

  const refusal = async (args: readonly string[], environment: Record<string, string> = {}): Promise<unknown> => {
    try {
      await run(args, environment)
      return undefined
    } catch (error) {
      return error
    }
  }

  const nonceOf = (): Promise<number> => anvil.client.getTransactionCount({ address: deployer })

  it.each(['base', 'base-sepolia'])('shows the plan of %s without a chain or a key', async (network) => {
    const { out } = await run(['--network', network, '--dry-run', '--json'])
    const plan = JSON.parse(out)
    expect(plan).toMatchObject({ name: network, standIns: expect.arrayContaining(['guardian']) })
    expect(Object.keys(plan.contracts)).toEqual(CONTRACT_NAMES)
    expect(plan.steps.some((step: { contract?: string }) => step.contract === 'OPG')).toBe(network !== 'base')
    for (const { gas } of plan.steps) expect(Number(gas)).toBeGreaterThan(21_000)
    expect((await run(['--network', network])).out).toContain('named in the genesis file before --execute: guardian')
  })

  it('sends nothing in a dry run, and says what it would cost', async () => {
    const before = await nonceOf()
    const { out } = await run(['--genesis', genesis, '--rpc', anvil.url], { OPG_DEPLOYER_KEY: KEY })
    expect(out).toContain(`from ${deployer}`)
    expect(out).toMatch(/steps taken: 0 of \d+/)
    expect(out).toMatch(/deployer holds 100000000000000000000 wei/)
    expect(await nonceOf()).toBe(before)
  })

  it('refuses a chain that is not the profile’s, and a genesis of another chain (R2)', async () => {
    const production = await genesisFile({ profile: 'production', permit2: 'canonical', minimumSigners: 4 })
    const key = { OPG_DEPLOYER_KEY: KEY }
    expect(await refusal(['--genesis', production, '--rpc', anvil.url], key)).toMatchObject({
      code: 'profile-mismatch',
    })
    const sepolia = await genesisFile({ chainId: 84532 })
    expect(await refusal(['--genesis', sepolia, '--rpc', anvil.url], key)).toMatchObject({ code: 'foreign-chain-id' })
  })

  it('refuses to build on contracts that are not there', async () => {
    const canonical = await genesisFile({ payments: 'canonical' })
    const refused = await refusal(['--genesis', canonical, '--rpc', anvil.url], { OPG_DEPLOYER_KEY: KEY })
    expect(refused).toMatchObject({ code: 'genesis-refused' })
    expect(String(refused)).toContain('no code of paymentChannels')
  })

  it('asks for every party, a key, an endpoint and the ether before it sends', async () => {
    const key = { OPG_DEPLOYER_KEY: KEY }
    const open = await genesisFile({ guardian: undefined })
    expect(await refusal(['--genesis', open, '--rpc', anvil.url, '--execute'], key)).toMatchObject({
      detail: { code: 'parties-missing', parties: ['guardian'] },
    })
    const execute = ['--genesis', genesis, '--execute', '--rpc', anvil.url]
    expect(await refusal(['--genesis', genesis, '--execute'], key)).toMatchObject({ code: 'usage' })
    expect(await refusal(execute)).toMatchObject({ code: 'usage' })
    expect(await refusal([...execute, '--dry-run'], key)).toMatchObject({ code: 'usage' })
    await anvil.client.setBalance({ address: deployer, value: 1n })
    expect(await refusal(execute, key)).toMatchObject({ code: 'too-little-ether' })
    expect(await nonceOf()).toBe(0)
  })

  it('never shows a key', async () => {
    const secret = 'ab'.repeat(31)
    const refused = await refusal(['--genesis', genesis, '--rpc', anvil.url], { OPG_DEPLOYER_KEY: secret })
    expect(refused).toMatchObject({ code: 'usage' })
    expect(String((refused as Error).stack)).not.toContain(secret)
  })

  it('goes on where it was killed, reads everything back, and writes a network file a client can use', async () => {
    const keystore = join(directory, 'deployer.json')
    const purpose = { networkId: `0x${'00'.repeat(32)}`, role: 'deployer', devnet: true } as const
    const document = await encryptKey(PRIVATE_KEY, 'a password', purpose, nodeSecp256k1(), SCRYPT_COST_DEVNET)
    await writeFile(keystore, JSON.stringify(document), { mode: 0o600 })
    const environment = { OPG_PASSWORD: 'a password' }
    const execute = ['--genesis', genesis, '--rpc', anvil.url, '--keystore', keystore, '--execute']
    await anvil.client.setNonce({ address: deployer, nonce: 3 })

    let shown = await killed([...execute, '--out', directory], environment, 'stakeManager: in block')
    const interrupted = await nonceOf()
    expect(interrupted).toBeGreaterThanOrEqual(8)
    const changed = await refusal([...execute.with(1, await genesisFile({ minimumSigners: 4 }))], environment)
    expect(changed).toMatchObject({ code: 'deployment-changed' })
    shown += await killed([...execute, '--out', directory], environment, 'demands: sent')

    const { out, err } = await run(execute, environment)
    expect(err).toMatch(/goes on after \d+ steps/)
    expect(err).toContain('waiting until the last is safe')
    expect(err).not.toContain('stakeManager: sent')
    expect(shown + out + err).not.toContain(KEY.slice(2))
    expect(out.trim()).toBe(join(directory, 'network.json'))
    const parsed = parseNetworkFile(await readFile(out.trim(), 'utf8'))
    if (!parsed.ok) throw parsed.error
    const client = createChainClient(
      { clock: Date.now, onFault: () => undefined },
      { network: parsed.value, rpc: [anvil.url] },
    )
    await client.start()
    expect(client.network.contracts.opg).toMatch(/^0x/)
    await client.stop()

    const after = await nonceOf()
    expect((await run(execute, environment)).out.trim()).toBe(out.trim())
    expect(await nonceOf()).toBe(after)

    const { opg, treasury } = parsed.value.contracts
    const probe = await createRpc([anvil.url]).run((rpc) => probeToken(rpc, opg))
    expect(probe).toEqual({ problems: [], permits: true, authorizations: true })
    const none = await createRpc([anvil.url]).run((rpc) => probeToken(rpc, treasury))
    expect(none).toMatchObject({ permits: false, authorizations: false })
    expect(none.problems).toHaveLength(4)
  })

  it('stops when the deployer’s nonces went to something else', async () => {
    const key = { OPG_DEPLOYER_KEY: bytesToHex(devnetPrivateKey('deploy', 'deployer', 1)) }
    const other = accountOf(devnetPrivateKey('deploy', 'deployer', 1)).address
    await anvil.client.setBalance({ address: other, value: 10n ** 20n })
    const { out } = await run(['--genesis', genesis, '--rpc', anvil.url, '--json'], key)
    const [first] = JSON.parse(out).steps
    expect(first.nonce).toBe(0)
    const elsewhere = join(directory, 'elsewhere')
    await mkdir(elsewhere)
    await killed(['--genesis', genesis, '--rpc', anvil.url, '--execute', '--out', elsewhere], key, 'opg: sent')
    await anvil.client.setNonce({ address: other, nonce: 9 })
    const refused = await refusal(['--genesis', genesis, '--rpc', anvil.url, '--execute', '--out', elsewhere], key)
    expect(refused).toMatchObject({ code: 'deployment-broken' })
    await rm(elsewhere, { recursive: true })
  })

  /** Runs the script as a program and kills it once it has written `text`; what it wrote. */
  function killed(args: readonly string[], environment: Record<string, string>, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [SCRIPT, ...args], { env: { ...process.env, ...environment } })
      let written = ''
      const take = (part: Buffer): void => {
        written += part.toString()
        if (written.includes(text)) child.kill('SIGKILL')
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      child.once('error', reject)
      child.once('close', (code) =>
        code === null ? resolve(written) : reject(new Error(`it ended by itself:\n${written}`)),
      )
    })
  }
})
