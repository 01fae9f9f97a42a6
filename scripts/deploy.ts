/**
 * `npm run contracts:deploy -- --network base-sepolia [--rpc URL] [--execute]`: shows what a genesis would put on chain, every
 * step rehearsed on a local chain; with `--execute` takes the steps, reads everything back and writes network.json. An
 * interrupted run goes on where it stopped.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type LocalAccount, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { getBalance, getBlock, getTransactionCount } from 'viem/actions'
import { removeChain, startAnvil } from '../devnet/chain.ts'
import { type RehearsedStep, rehearse } from '../devnet/rehearsal.ts'
import { POLL_MS } from '../src/chain/constants.ts'
import { assertChainFor, type DeploymentProgress, deploy, stepsTaken } from '../src/chain/deployer.ts'
import { type DeploymentPlan, planDeployment } from '../src/chain/deployment.ts'
import { suggestedFees } from '../src/chain/fees.ts'
import {
  type Birth,
  type DeploymentRecord,
  formatDeploymentRecord,
  type GenesisFile,
  genesisOf,
  missingParties,
  parseDeploymentRecord,
  parseGenesisFile,
  standIn,
} from '../src/chain/genesisFile.ts'
import { formatNetworkFile } from '../src/chain/index.ts'
import { createRpc, type Rpc, type RpcClient } from '../src/chain/rpc.ts'
import { probeToken } from '../src/chain/tokenProbe.ts'
import { deploymentProblems, networkFileOf, verifyDeployment } from '../src/chain/verifyDeployment.ts'
import { writeWhole } from '../src/node/home.ts'
import { decryptKey, readKeyDocument } from '../src/node/keystore.ts'
import { findPassword } from '../src/node/operatorKey.ts'
import { type Address, CodedError, isAddress, toChecksumAddress } from '../src/protocol/index.ts'

const GENESIS_DIRECTORY = fileURLToPath(new URL('../contracts/genesis/', import.meta.url))
/** A rehearsal runs on a chain of its own: never on the id of the real one. */
const REHEARSAL_CHAIN_ID = 31337
const RECORD_FILE = 'deployment.json'
const NETWORK_FILE = 'network.json'
const KEY_VARIABLE = 'OPG_DEPLOYER_KEY'

const USAGE = `usage: node scripts/deploy.ts (--network base|base-sepolia | --genesis FILE) [options]

  --genesis FILE      what people decided of the network
  --rpc URL           the chain; twice for two endpoints that must agree
  --execute           takes the steps; without it nothing is sent
  --dry-run           the default
  --keystore FILE     the deployer's key, Web3 Secret Storage; its password in OPG_PASSWORD or the file OPG_PASSWORD_FILE names
                      (or the key itself, 32 bytes of hex, in ${KEY_VARIABLE})
  --deployer ADDRESS  of whom a dry run speaks, without a key
  --out DIRECTORY     for ${RECORD_FILE} and ${NETWORK_FILE}; deployments/NAME unless given
  --json              one JSON object on standard output
`

type DeployErrorDetail =
  | { readonly code: 'usage'; readonly problem: string }
  | { readonly code: 'parties-missing'; readonly parties: readonly string[] }
  | { readonly code: 'deployment-changed'; readonly path: string }
  | { readonly code: 'token-unfit'; readonly problems: readonly string[] }
  | { readonly code: 'too-little-ether'; readonly needed: bigint; readonly balance: bigint }

class DeployError extends CodedError<DeployErrorDetail> {}

const usage = (problem: string): DeployError => new DeployError({ code: 'usage', problem }, `${problem}\n\n${USAGE}`)

type Environment = { readonly [name: string]: string | undefined }

interface Options {
  readonly file: GenesisFile
  readonly rpc: Rpc | undefined
  readonly execute: boolean
  readonly keystore: string | undefined
  readonly deployer: Address | undefined
  readonly out: string
  readonly json: boolean
}

async function readOptions(args: readonly string[]): Promise<Options> {
  const { values } = parse(args)
  const path =
    values.genesis ?? (values.network === undefined ? undefined : join(GENESIS_DIRECTORY, `${values.network}.json`))
  if (path === undefined) throw usage('expected --network or --genesis')
  if (!existsSync(path)) throw usage(`expected a genesis file, there is none at ${path}`)
  if (values.execute && values['dry-run']) throw usage('expected --execute or --dry-run, got both')
  const file = parseGenesisFile(await readFile(path, 'utf8'))
  if (!file.ok) throw file.error
  const deployer = values.deployer?.toLowerCase()
  if (deployer !== undefined && !isAddress(deployer))
    throw usage(`expected an address, got --deployer ${values.deployer}`)
  if (values.execute && values.rpc === undefined) throw usage('expected --rpc with --execute')
  return {
    file: file.value,
    rpc: values.rpc === undefined ? undefined : createRpc(values.rpc),
    execute: values.execute,
    keystore: values.keystore,
    deployer,
    out: values.out ?? join('deployments', file.value.name),
    json: values.json,
  }
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ network: text, genesis: text, keystore: text, deployer: text, out: text },
        ...{ rpc: { ...text, multiple: true }, execute: flag, 'dry-run': flag, json: flag },
      },
    })
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error))
  }
}

/** The deployer's account, or undefined where no key is given. */
async function readAccount({ keystore, file }: Options, environment: Environment): Promise<LocalAccount | undefined> {
  const key = environment[KEY_VARIABLE]
  if (keystore === undefined && key === undefined) return undefined
  if (keystore === undefined) {
    // The text of a key never gets into an error.
    if (!/^0x[0-9a-fA-F]{64}$/.test(key ?? '')) throw usage(`expected 0x and 64 hex digits in ${KEY_VARIABLE}`)
    return privateKeyToAccount(key as `0x${string}`)
  }
  const document = await readKeyDocument(keystore)
  return privateKeyToAccount(toHex(await decryptKey(document, await findPassword(file.profile, environment))))
}

/** What the plan starts from: the record of an earlier run, else what the chain says now. */
async function readBirth(options: Options, account: LocalAccount | undefined): Promise<Birth> {
  const record = await readRecord(options)
  if (record !== undefined) return record
  const { rpc, deployer: named } = options
  const deployer = named ?? (account?.address.toLowerCase() as Address | undefined) ?? standIn('deployer')
  if (rpc === undefined) return { deployer, nonce: 0, start: Math.floor(Date.now() / 1_000) }
  const [nonce, head] = await rpc.run((client) =>
    Promise.all([
      getTransactionCount(client, { address: deployer, blockTag: 'latest' }),
      getBlock(client, { blockTag: 'latest' }),
    ]),
  )
  return { deployer, nonce, start: Number(head.timestamp) }
}

async function readRecord({ out }: Options): Promise<DeploymentRecord | undefined> {
  const path = join(out, RECORD_FILE)
  return existsSync(path) ? parseDeploymentRecord(await readFile(path, 'utf8')) : undefined
}

interface Rehearsal {
  readonly steps: readonly RehearsedStep[]
  readonly problems: readonly string[]
}

/** Every step on a chain of its own that is gone afterwards. */
async function rehearsalOf(plan: DeploymentPlan): Promise<Rehearsal> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-rehearsal-'))
  const anvil = await startAnvil({ directory, chainId: REHEARSAL_CHAIN_ID, timestamp: plan.genesis.start })
  try {
    const steps = await rehearse(plan, anvil)
    return { steps, problems: await deploymentProblems(plan, anvil.client as RpcClient) }
  } finally {
    await anvil.stop()
    await removeChain(directory)
  }
}

/** What the real chain says of a plan: whether it fits, how far it is, what it would cost. */
async function assess(plan: DeploymentPlan, rpc: Rpc, { steps }: Rehearsal) {
  const { genesis, contracts } = plan
  await assertChainFor(plan, rpc)
  const taken = await stepsTaken(plan, rpc)
  const token = genesis.token === 'mint' ? undefined : await rpc.run((client) => probeToken(client, contracts.opg))
  if (token !== undefined && token.problems.length > 0) {
    const { problems } = token
    throw new DeployError(
      { code: 'token-unfit', problems },
      `expected an OPG a network can use; ${problems.join('; ')}`,
    )
  }
  const gas = steps.slice(taken).reduce((sum, { gasUsed }) => sum + gasUsed, 0n)
  const [{ maxFeePerGas }, balance] = await rpc.run((client) =>
    Promise.all([suggestedFees(client), getBalance(client, { address: genesis.deployer })]),
  )
  return { taken, token, balance, needed: gas * maxFeePerGas }
}

type Assessment = Awaited<ReturnType<typeof assess>>

/** What a person reads of a plan. */
function render(plan: DeploymentPlan, rehearsal: Rehearsal, missing: readonly string[], found?: Assessment): string {
  const { genesis, contracts, steps } = plan
  const created = new Set(steps.map((step) => step.name))
  const rows = rehearsal.steps.map(({ step, gasUsed }) => {
    const what =
      step.kind === 'create'
        ? `${toChecksumAddress(step.address)}  ${step.contract}`
        : `${toChecksumAddress(step.recipient)}  ${step.amount / 10n ** 18n} OPG`
    return `  ${String(step.nonce).padStart(5)}  ${step.name.padEnd(26)}${what.padEnd(70)}${String(gasUsed).padStart(10)}`
  })
  const reused = Object.entries(contracts).filter(([name]) => !created.has(name))
  const total = rehearsal.steps.reduce((sum, { gasUsed }) => sum + gasUsed, 0n)
  return [
    `${genesis.name}: ${genesis.profile} on chain ${genesis.chainId}, from ${toChecksumAddress(genesis.deployer)}`,
    `releases start ${new Date(genesis.start * 1_000).toISOString()}, guardian ${toChecksumAddress(genesis.guardian)} until ${new Date(genesis.guardianEnd * 1_000).toISOString()}`,
    ...(missing.length === 0
      ? []
      : [`stand-ins, to be named in the genesis file before --execute: ${missing.join(', ')}`]),
    '',
    '  nonce  step                      address                                     contract or amount               gas',
    ...rows,
    `  total gas, without what the chain takes for data: ${total}`,
    ...(reused.length === 0 ? [] : ['', 'used as they are:']),
    ...reused.map(([name, address]) => `  ${name.padEnd(26)}${toChecksumAddress(address)}`),
    ...(found === undefined ? [] : ['', ...renderFound(found, steps.length)]),
    '',
  ].join('\n')
}

function renderFound({ taken, token, balance, needed }: Assessment, steps: number): string[] {
  const yes = (has: boolean): string => (has ? 'yes' : 'no')
  return [
    `steps taken: ${taken} of ${steps}`,
    `deployer holds ${balance} wei; what is left needs at most ${needed} at the present price`,
    ...(token === undefined
      ? []
      : [`OPG: ERC-2612 ${yes(token.permits)}, ERC-3009 ${yes(token.authorizations)}, votes by seconds yes`]),
  ]
}

const planJson = (plan: DeploymentPlan, rehearsal: Rehearsal, missing: readonly string[]) => ({
  name: plan.genesis.name,
  chainId: plan.genesis.chainId,
  deployer: plan.genesis.deployer,
  standIns: missing,
  contracts: plan.contracts,
  steps: rehearsal.steps.map(({ step, gasUsed }) => ({
    ...{ nonce: step.nonce, name: step.name, gas: String(gasUsed) },
    ...(step.kind === 'create'
      ? { contract: step.contract, address: step.address }
      : { recipient: step.recipient, amount: String(step.amount) }),
  })),
})

function progressLine(progress: DeploymentProgress): string {
  switch (progress.type) {
    case 'resumed':
      return `goes on after ${progress.done} steps`
    case 'sent':
      return `${progress.step.name}: sent ${progress.transaction}`
    case 'included':
      return `${progress.step.name}: in block ${progress.blockNumber}, ${progress.gasUsed} gas`
    case 'settling':
      return 'every step is in a block; waiting until the last is safe'
  }
}

/** Runs the command; writes results to `out`, progress to `err`. Throws coded errors. */
export async function runDeploy(
  args: readonly string[],
  environment: Environment,
  io: { readonly out: (text: string) => void; readonly err: (text: string) => void },
): Promise<void> {
  const options = await readOptions(args)
  const account = await readAccount(options, environment)
  const missing = missingParties(options.file)
  if (options.execute && missing.length > 0) {
    throw new DeployError(
      { code: 'parties-missing', parties: missing },
      `expected every party in the genesis file, missing: ${missing.join(', ')}`,
    )
  }
  const plan = planDeployment(genesisOf(options.file, await readBirth(options, account)))
  const record = await readRecord(options)
  if (record !== undefined && record.plan !== plan.digest) {
    const path = join(options.out, RECORD_FILE)
    throw new DeployError(
      { code: 'deployment-changed', path },
      `expected the plan that ${path} began, the genesis or the contracts changed since; go back to them, or begin in another directory`,
    )
  }
  const rehearsal = await rehearsalOf(plan)
  if (rehearsal.problems.length > 0) throw new Error(`the rehearsal failed: ${rehearsal.problems.join('; ')}`)
  const found = options.rpc === undefined ? undefined : await assess(plan, options.rpc, rehearsal)
  if (!options.execute || options.rpc === undefined || found === undefined) {
    io.out(
      options.json
        ? `${JSON.stringify(planJson(plan, rehearsal, missing))}\n`
        : render(plan, rehearsal, missing, found),
    )
    return
  }
  io.err(render(plan, rehearsal, missing, found))
  if (account === undefined) throw usage(`expected --keystore or ${KEY_VARIABLE} with --execute`)
  if (found.balance < found.needed) {
    throw new DeployError(
      { code: 'too-little-ether', needed: found.needed, balance: found.balance },
      `expected ${found.needed} wei at ${plan.genesis.deployer}, got ${found.balance}; send it some`,
    )
  }
  const path = await execute(plan, options, {
    account,
    rpc: options.rpc,
    onProgress: (each) => io.err(`${progressLine(each)}\n`),
  })
  io.out(options.json ? `${JSON.stringify({ ...planJson(plan, rehearsal, missing), network: path })}\n` : `${path}\n`)
}

async function execute(
  plan: DeploymentPlan,
  { file, out }: Options,
  run: {
    readonly account: LocalAccount
    readonly rpc: Rpc
    readonly onProgress: (progress: DeploymentProgress) => void
  },
): Promise<string> {
  const { account, rpc, onProgress } = run
  const { deployer, nonce, start, profile } = plan.genesis
  await mkdir(out, { recursive: true })
  await writeWhole(join(out, RECORD_FILE), formatDeploymentRecord({ deployer, nonce, start, plan: plan.digest }))
  await deploy(plan, { rpc, signer: account, clock: Date.now, pollMs: POLL_MS[profile], onProgress })
  await rpc.run((client) => verifyDeployment(plan, client))
  const network = await rpc.run((client) => networkFileOf(plan, client, file))
  const path = join(out, NETWORK_FILE)
  await writeWhole(path, formatNetworkFile(network))
  return path
}

if (import.meta.main) {
  try {
    await runDeploy(process.argv.slice(2), process.env, {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
    })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
