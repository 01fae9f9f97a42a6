import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { formatNetworkFile, type NetworkFile } from '../src/chain/index.ts'
import {
  type ConfigInput,
  createClient,
  createConfig,
  createHome,
  createLogger,
  devnetPrivateKey,
  formatConfig,
  type Home,
  homeAt,
  nodePorts,
  nodeSecp256k1,
  type OpgNode,
  type RoleOfNode,
  type SimulatedFormat,
  writeOperatorKey,
  writeWallet,
  writeWhole,
} from '../src/node/index.ts'
import { type Address, createSigner, MANIFEST_PATH } from '../src/protocol/index.ts'
import { writeAuthorities } from './authorities.ts'
import type { Anvil } from './chain.ts'
import { accountOf, devnetOperators, startDevnetChain } from './deploy.ts'
import { createDevnetNode, DevnetError, type DevnetNode } from './nodeProcess.ts'
import { isOurs } from './processes.ts'
import { DEVNET_USDC } from './stage.ts'

export interface DevnetOptions {
  /** Everything lies here; what an earlier devnet left is replaced. */
  readonly directory: string
  /** Every key follows from it, but for those that stand in for Intel's and AMD's. */
  readonly seed?: string
  readonly providers?: number
  readonly verifiers?: number
  readonly settlers?: number
  /** Homes with keys and OPG for clients; never started. */
  readonly requesters?: number
  /** Programs of `devnet/adversaries`: each runs as one more provider, after the honest ones. */
  readonly adversaries?: readonly string[]
  /** Formats of the honest providers' simulated evidence, in turn; `nitro` unless given. Adversaries have `nitro`. */
  readonly formats?: readonly SimulatedFormat[]
  /** Model folders; those of `devnet/models` unless given. */
  readonly models?: readonly string[]
  /** Configuration of one node beyond the devnet's own, by name. */
  readonly configure?: (name: string) => ConfigInput
  /** Aborting stops a start. */
  readonly signal?: AbortSignal
  readonly onProgress?: (text: string) => void
}

/** A network on this machine: a chain, and every node in a process of its own. */
export interface Devnet {
  readonly directory: string
  readonly seed: string
  readonly network: NetworkFile
  readonly rpc: string
  readonly anvil: Anvil
  readonly nodes: readonly DevnetNode[]
  /** Throws DevnetError `node-unknown`. */
  node(name: string): DevnetNode
  /** The home of a client that holds OPG. */
  requesterHome(index?: number): Home
  /** A started requester of that home in this process; stop it when done. */
  requester(index?: number): Promise<OpgNode>
  /** Names of the processes that live. */
  alive(): readonly string[]
  /** Waits until every node knows every provider's offer. Throws DevnetError `not-healthy`. */
  healthy(): Promise<void>
  /** Stops the nodes, then the chain. Safe to call twice. */
  stop(): Promise<void>
}

/** What `devnet.json` says; processes are found by their own files. */
export interface DevnetFile {
  readonly version: 1
  /** Process that holds the devnet. */
  readonly pid: number
  readonly seed: string
  readonly rpc: string
  /** Play USDC of its chain. */
  readonly usdc: Address
  readonly chainPid: number | undefined
  readonly nodes: readonly string[]
}

export const DEVNET_FILE_NAME = 'devnet.json'
export const CHAIN_DIRECTORY = 'chain'
const AUTHORITY_DIRECTORY = 'authority'
const MODELS_DIRECTORY = fileURLToPath(new URL('./models/', import.meta.url))

export const DEVNET_DEFAULTS = { seed: 'devnet', providers: 1, verifiers: 4, settlers: 1, requesters: 1 } as const

/** A node connects to its bootstrap peer and hears the offers in a second or two. */
const HEALTHY_TIMEOUT_MS = 60_000
const HEALTHY_POLL_MS = 100
/** Starts at once: each takes a core for a second or two. */
const PARALLEL_STARTS = 3

/** Starts a devnet and waits until it is healthy. Throws DevnetError, DevnetChainError. */
export async function startDevnet(options: DevnetOptions): Promise<Devnet> {
  const supervisor = new Supervisor(options)
  try {
    await supervisor.start()
    return supervisor
  } catch (error) {
    await supervisor.stop()
    throw error
  }
}

/** Undefined where there is none. */
export async function readDevnetFile(directory: string): Promise<DevnetFile | undefined> {
  const path = join(directory, DEVNET_FILE_NAME)
  if (!existsSync(path)) return undefined
  const file = JSON.parse(await readFile(path, 'utf8')) as DevnetFile
  return file.version === 1 ? file : undefined
}

class Supervisor implements Devnet {
  readonly directory: string
  readonly seed: string
  nodes: readonly DevnetNode[] = []
  readonly #options: DevnetOptions
  readonly #counts: { readonly provider: number; readonly verifier: number; readonly settler: number }
  readonly #requesters: number
  readonly #adversaries: readonly string[]
  #network: NetworkFile | undefined
  #anvil: Anvil | undefined
  #stopping: Promise<void> | undefined

  constructor(options: DevnetOptions) {
    const merged = { ...DEVNET_DEFAULTS, ...options }
    this.directory = resolve(options.directory)
    this.seed = merged.seed
    this.#options = options
    this.#adversaries = options.adversaries ?? []
    const provider = merged.providers + this.#adversaries.length
    this.#counts = { provider, verifier: merged.verifiers, settler: merged.settlers }
    this.#requesters = merged.requesters
  }

  get network(): NetworkFile {
    return this.#require(this.#network)
  }

  get anvil(): Anvil {
    return this.#require(this.#anvil)
  }

  get rpc(): string {
    return this.anvil.url
  }

  node(name: string): DevnetNode {
    const found = this.nodes.find((node) => node.name === name)
    if (found !== undefined) return found
    const known = this.nodes.map((node) => node.name)
    throw new DevnetError({ code: 'node-unknown', name, known }, `expected one of ${known.join(', ')}, got ${name}`)
  }

  requesterHome(index = 0): Home {
    return homeAt(join(this.directory, `requester-${index}`))
  }

  async requester(index = 0): Promise<OpgNode> {
    const client = await createClient(this.requesterHome(index), { logger: createLogger('error'), environment: {} })
    await client.start()
    return client
  }

  alive(): readonly string[] {
    const nodes = this.nodes.filter((node) => node.pid() !== undefined).map(({ name }) => name)
    return this.#anvil?.pid() === undefined ? nodes : ['chain', ...nodes]
  }

  async start(): Promise<void> {
    await this.#clearDirectory()
    const { signal, onProgress: note = () => undefined } = this.#options
    note('starting the chain')
    await this.#startChain()
    await this.#writeHomes()
    await this.#writeFile()
    signal?.throwIfAborted()
    const [first, ...others] = this.nodes
    if (first === undefined) return
    note(`starting ${this.nodes.length} nodes`)
    await this.#startNode(first)
    await this.#announceBootstrap(first)
    signal?.throwIfAborted()
    for (let at = 0; at < others.length; at += PARALLEL_STARTS) {
      await Promise.all(others.slice(at, at + PARALLEL_STARTS).map((node) => this.#startNode(node)))
      signal?.throwIfAborted()
    }
    note('waiting until every node knows every offer')
    await this.healthy()
  }

  async healthy(): Promise<void> {
    const until = Date.now() + HEALTHY_TIMEOUT_MS
    let missing = ''
    while (Date.now() < until) {
      missing = (await Promise.all(this.nodes.map((node) => this.#missing(node)))).filter(Boolean).join('; ')
      if (missing === '') return
      await sleep(HEALTHY_POLL_MS)
    }
    throw new DevnetError(
      { code: 'not-healthy', waitedMs: HEALTHY_TIMEOUT_MS, missing },
      `expected a healthy devnet within ${HEALTHY_TIMEOUT_MS} ms: ${missing}`,
    )
  }

  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await Promise.all(this.nodes.map((node) => node.stop()))
      await this.#anvil?.stop()
    })()
    return this.#stopping
  }

  async #missing(node: DevnetNode): Promise<string | undefined> {
    if (node.ready() === undefined) return `${node.name} is down`
    const { offers, peers } = await node.status()
    const wanted = this.nodes.filter(({ name }) => name.startsWith('provider-')).length
    if (offers < wanted) return `${node.name} knows ${offers} of ${wanted} offers`
    return peers === 0 && this.nodes.length > 1 ? `${node.name} has no peer` : undefined
  }

  /** Removes what an earlier devnet left, and nothing else: other files make the directory taken. */
  async #clearDirectory(): Promise<void> {
    const { directory } = this
    const before = await readDevnetFile(directory)
    if (before !== undefined && before.pid !== process.pid && (await isOurs(before.pid, 'devnet'))) {
      throw new DevnetError(
        { code: 'devnet-running', directory, pid: before.pid },
        `expected no devnet in ${directory}, process ${before.pid} runs one; stop it with "opg devnet down"`,
      )
    }
    const entries = existsSync(directory) ? await readdir(directory) : []
    if (entries.length > 0 && before === undefined) {
      const known = entries.every((name) => name === 'devnet.log')
      if (!known) {
        throw new DevnetError(
          { code: 'directory-taken', directory },
          `expected an empty directory or an earlier devnet, ${directory} holds other files; give another --dir`,
        )
      }
    }
    await mkdir(directory, { recursive: true, mode: 0o700 })
    for (const name of entries) {
      if (name !== 'devnet.log') await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 })
    }
  }

  async #startChain(): Promise<void> {
    const trustRoots = await writeAuthorities(join(this.directory, AUTHORITY_DIRECTORY), nodePorts(), {
      seed: this.#key('authority', 0),
      now: Date.now(),
    })
    const { anvil, network } = await startDevnetChain({
      directory: join(this.directory, CHAIN_DIRECTORY),
      operators: devnetOperators((role, index) => this.#key(role, index), this.#counts),
      funded: Array.from({ length: this.#requesters }, (_, index) => this.#operator('requester', index)),
      holders: Array.from({ length: this.#requesters }, (_, index) => this.#operator('requester-owner', index)),
      deployer: accountOf(this.#key('deployer', 0)),
      trustRoots,
    })
    this.#anvil = anvil
    this.#network = network
  }

  async #writeHomes(): Promise<void> {
    const nodes: DevnetNode[] = []
    for (const role of ['verifier', 'settler', 'provider'] as const) {
      for (let index = 0; index < this.#counts[role]; index += 1) {
        const name = `${role}-${index}`
        const home = await this.#writeHome(name, role, index)
        const program = role === 'provider' ? this.#adversary(index) : undefined
        const operator = this.#operator(role, index)
        nodes.push(createDevnetNode({ name, home, operator, ...(program === undefined ? {} : { program }) }))
      }
    }
    for (let index = 0; index < this.#requesters; index += 1) {
      const home = await this.#writeHome(`requester-${index}`, 'requester', index)
      await this.#copyManifests(home)
    }
    this.nodes = nodes
  }

  async #writeHome(name: string, role: RoleOfNode, index: number): Promise<Home> {
    const home = homeAt(join(this.directory, name))
    await createHome(home, { network: this.network, config: this.#configOf(name, role) })
    const { key } = createConfig(this.#configOf(name, role))
    const keys = { network: this.network, devnet: true } as const
    await Promise.all([
      writeOperatorKey(home, { ...keys, key, privateKey: this.#key(role, index) }, nodeSecp256k1(), {}),
      writeWallet(home, { ...keys, privateKey: this.#key(`${role}-owner`, index) }, nodeSecp256k1(), {}),
    ])
    return home
  }

  #configOf(name: string, role: RoleOfNode, listen = '/ip4/127.0.0.1/tcp/0'): ConfigInput {
    const computes = role === 'provider' || role === 'verifier'
    return {
      roles: [role],
      rpc: [this.rpc],
      listen: role === 'requester' ? [] : [listen],
      metrics: { port: 0 },
      slots: 64,
      ...(computes ? { models: this.#models().map((folder) => ({ folder })) } : {}),
      ...(role === 'provider' ? { attester: this.#attesterOf(name) } : {}),
      ...this.#options.configure?.(name),
    }
  }

  #attesterOf(name: string): NonNullable<ConfigInput['attester']> {
    const index = Number(name.split('-')[1])
    const formats = this.#adversary(index) === undefined ? (this.#options.formats ?? []) : []
    const format = formats[index % formats.length]
    const authority = join(this.directory, AUTHORITY_DIRECTORY)
    return { kind: 'simulated', authority, ...(format === undefined ? {} : { format }) }
  }

  /** The last providers are the adversaries. */
  #adversary(index: number): string | undefined {
    const name = this.#adversaries[index - (this.#counts.provider - this.#adversaries.length)]
    return name === undefined ? undefined : fileURLToPath(new URL(`./adversaries/${name}.ts`, import.meta.url))
  }

  #models(): readonly string[] {
    return this.#options.models ?? ['volatility', 'classifier'].map((name) => join(MODELS_DIRECTORY, name))
  }

  /** A requester fits its inputs to manifests; it needs nothing else of a model. */
  async #copyManifests(home: Home): Promise<void> {
    for (const [index, folder] of this.#models().entries()) {
      await cp(join(folder, MANIFEST_PATH), join(home.models, `model-${index}`, MANIFEST_PATH))
    }
  }

  /** The port the system chose becomes the node's own: a restarted node is where the others look for it. */
  async #startNode(node: DevnetNode): Promise<void> {
    const { addresses } = await node.start()
    const [role] = node.name.split('-') as [RoleOfNode]
    const listen = addresses[0]?.split('/p2p/')[0]
    if (listen !== undefined) {
      await writeWhole(node.home.configFile, formatConfig(this.#configOf(node.name, role, listen)))
    }
  }

  async #announceBootstrap(node: DevnetNode): Promise<void> {
    this.#network = { ...this.network, bootstrap: [...(node.ready()?.addresses ?? [])] }
    const text = formatNetworkFile(this.network)
    const homes = [...this.nodes.map(({ home }) => home), ...this.#requesterHomes()]
    await Promise.all(homes.map((home) => writeWhole(home.networkFile, text)))
    await writeWhole(join(this.directory, 'network.json'), text)
  }

  #requesterHomes(): Home[] {
    return Array.from({ length: this.#requesters }, (_, index) => this.requesterHome(index))
  }

  async #writeFile(): Promise<void> {
    const file: DevnetFile = {
      version: 1,
      pid: process.pid,
      seed: this.seed,
      rpc: this.rpc,
      usdc: DEVNET_USDC,
      chainPid: this.anvil.pid(),
      nodes: this.nodes.map(({ name }) => name),
    }
    await writeWhole(join(this.directory, DEVNET_FILE_NAME), `${JSON.stringify(file, null, 2)}\n`)
  }

  #key(role: string, index: number): Uint8Array {
    return devnetPrivateKey(this.seed, role, index)
  }

  #operator(role: string, index: number): Address {
    return createSigner(nodeSecp256k1(), this.#key(role, index)).address
  }

  #require<T>(value: T | undefined): T {
    if (value === undefined) throw new RangeError('the devnet is not started')
    return value
  }
}
