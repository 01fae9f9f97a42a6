import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import type { LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  type AttestationCrypto,
  type Attester,
  assertPolicy,
  assertTrustRoots,
  createSealing,
  type PolicyFile,
  policyUnder,
  type Subtle,
  type TrustRoot,
  vendorRoots,
} from '../attestation/index.ts'
import { type ChainClient, createChainClient, type NetworkFile } from '../chain/index.ts'
import {
  type InferenceComponents,
  type InferenceEngine,
  type InferenceInit,
  type LocalModel,
  MAX_INPUT_BYTES,
  onnxEngine,
} from '../inference/index.ts'
import { createHost, createNetMetrics, type Host } from '../net/index.ts'
import {
  type Address,
  bytesToHex,
  type Clock,
  createDomain,
  createSigner,
  type Domain,
  type Hash,
  type Parameters,
  PRIVACY,
  parametersOf,
  peerIdFromPublicKey,
  provideKeccak,
  type Random,
  type Secp256k1,
  type Signer,
  TIER,
  toChecksumAddress,
  toError,
  ZERO_ADDRESS,
} from '../protocol/index.ts'
import {
  type CommitteeLookup,
  createCommitteeLinks,
  createCommitteeLookup,
  createGrantChecker,
  createOffers,
  createPeerDirectory,
  createPeerExchange,
  createProvider,
  createProviderJournal,
  createRequester,
  createSync,
  type GrantChecker,
  type GrantPolicies,
  type Offers,
  type PeerDirectory,
  type Provider,
  type Requester,
  ROLE_CONDUCT,
  recoverOwnLatest,
  respondFromStore,
  type Sync,
} from '../roles/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { nodeAttestationCrypto } from './attestationCrypto.ts'
import { assertAttester, createAttester, createGpuAttester } from './attester.ts'
import { createCollateralSource, supplied } from './collateral/source.ts'
import {
  type CommitteeTraffic,
  type CommitteeWorkComponents,
  composeVerifier,
  createCommitteeTraffic,
  startSettlement,
} from './committeeWork.ts'
import type { ModelConfig, NodeConfig, RoleOfNode } from './config.ts'
import { nodeSecp256k1 } from './crypto.ts'
import { createEpochPolicies, readPolicyFile } from './epochPolicies.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'
import { nodeKeccak } from './keccak.ts'
import type { NodeLogger } from './logger.ts'
import { createRegistry, type Health } from './metrics.ts'
import { readModelFolder } from './modelFolder.ts'
import { type OpenedPayer, openPayerOf } from './payer.ts'
import { type ProviderClaims, startProviderClaims } from './providerClaims.ts'
import { type ComposedPayments, composeProviderPayments } from './providerPayments.ts'
import { createRequesterJournal } from './requesterJournal.ts'
import { packageVersion } from './version.ts'
import { openWalletStore } from './walletStore.ts'

/** What a node takes from its machine (R28); tests and adversaries replace parts of it. */
export interface NodePorts {
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Secp256k1
  readonly keccak: Hash
  readonly subtle: Subtle
  /** For signatures of evidence. */
  readonly attestation: AttestationCrypto
  readonly engine: (components: InferenceComponents, init: InferenceInit) => InferenceEngine
  readonly attester: typeof createAttester
  readonly grants: typeof createGrantChecker
  /** How a provider is paid. */
  readonly payments: typeof composeProviderPayments
}

export const nodePorts = (): NodePorts => ({
  clock: Date.now,
  random: (length) => new Uint8Array(randomBytes(length)),
  crypto: nodeSecp256k1(),
  keccak: nodeKeccak(),
  subtle: globalThis.crypto.subtle,
  attestation: nodeAttestationCrypto(),
  engine: (components, init) => onnxEngine(init)(components),
  attester: createAttester,
  grants: createGrantChecker,
  payments: composeProviderPayments,
})

export interface NodeInit {
  readonly home: Home
  readonly config: NodeConfig
  readonly network: NetworkFile
  /** 32 bytes: peer identity, operator address and signer of transactions (R1). */
  readonly privateKey: Uint8Array
  readonly logger: NodeLogger
  /** Opens no store and takes no lock: a requester that asks once and ends. */
  readonly ephemeral?: boolean
  /** Pays for what its requester asks; without it jobs are unpaid. */
  readonly wallet?: LocalAccount
}

/** The parts every node has, started. */
export interface NodeParts {
  readonly domain: Domain
  readonly parameters: Parameters
  readonly trustRoots: readonly TrustRoot[]
  readonly chain: ChainClient
  readonly host: Host
  readonly sync: Sync
  readonly directory: PeerDirectory
  readonly offers: Offers
  readonly grants: GrantChecker
  readonly committee: CommitteeLookup
}

export interface NodeStatus {
  readonly version: string
  readonly network: string
  readonly networkId: string
  readonly profile: string
  /** In EIP-55. */
  readonly operator: string
  readonly peerId: string
  readonly roles: readonly RoleOfNode[]
  readonly addresses: readonly string[]
  readonly peers: number
  readonly offers: number
  readonly chain: { readonly block: number; readonly safe: number; readonly epoch: number; readonly ageMs: number }
  readonly provider?: { readonly grant: string | undefined; readonly running: number; readonly slots: number }
  readonly engine?: {
    readonly models: readonly string[]
    readonly runtimeClass: string
    readonly pids: readonly number[]
  }
}

/** One process on the network: its parts, started in order and stopped in reverse. */
export interface OpgNode {
  readonly operator: Address
  readonly registry: Registry
  start(): Promise<void>
  /** Lets running jobs end, then stops everything. Safe to call twice, and while starting. */
  stop(): Promise<void>
  status(): NodeStatus
  health(): Health
  /** Throws RangeError before `start`. */
  readonly parts: NodeParts
  /** Undefined where the node does not play the role. */
  readonly requester: Requester | undefined
  /** Undefined where the node is no provider. */
  readonly claims: ProviderClaims | undefined
  /** What its requester pays with; undefined before `start` and without a wallet. */
  readonly money: OpenedPayer | undefined
  /** Undefined before `start`, and where the node keeps nothing. */
  readonly store: Store | undefined
}

/** Blocks come every second or two; a head this old means that the endpoint stopped following, ms. */
const STALE_HEAD_MS = 60_000
/** More peers than this are not looked for; every seat of an epoch fits (R13). */
const WANTED_PEERS = 160
/** A provider tells a waiting requester `uncertified` after this, ms. */
const CERTIFICATE_WAIT_MS = 20_000

/** A node alone on its bootstrap list starts all the same after this, ms. */
const FIRST_PEER_TIMEOUT_MS = 3_000

/** A node that is not started; does no I/O. Throws RangeError for a key that is none. */
export const createNode = (init: NodeInit, ports: Partial<NodePorts> = {}): OpgNode =>
  new ComposedNode(init, { ...nodePorts(), ...ports })

interface Running {
  readonly name: string
  readonly stop: () => void | Promise<void>
}

class ComposedNode implements OpgNode {
  readonly operator: Address
  readonly registry = createRegistry()
  readonly #init: NodeInit
  readonly #ports: NodePorts
  readonly #signer: Signer
  readonly #logger: NodeLogger
  readonly #running: Running[] = []
  #parts: NodeParts | undefined
  #policyFile: PolicyFile | undefined
  #store: Store | undefined
  #engine: InferenceEngine | undefined
  #provider: Provider | undefined
  #claims: ProviderClaims | undefined
  #requester: Requester | undefined
  #money: OpenedPayer | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(init: NodeInit, ports: NodePorts) {
    this.#init = init
    this.#ports = ports
    provideKeccak(ports.keccak)
    this.#signer = createSigner(ports.crypto, init.privateKey)
    this.operator = this.#signer.address
    this.#logger = init.logger.child({ room: 'node' })
  }

  get parts(): NodeParts {
    if (this.#parts === undefined) throw new RangeError('the node is not started')
    return this.#parts
  }

  get requester(): Requester | undefined {
    return this.#requester
  }

  get claims(): ProviderClaims | undefined {
    return this.#claims
  }

  get money(): OpenedPayer | undefined {
    return this.#money
  }

  get store(): Store | undefined {
    return this.#store
  }

  start(): Promise<void> {
    this.#starting ??= this.#startAll()
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await this.#starting?.catch(() => undefined)
      await this.#stopAll()
    })()
    return this.#stopping
  }

  async #startAll(): Promise<void> {
    try {
      await this.#assertPolicy()
      if (this.#init.ephemeral !== true) await this.#openStore()
      const parts = await this.#startParts()
      this.#parts = parts
      await this.#recover(parts)
      const models = await this.#startEngine()
      const work = this.#committeeWork(parts)
      const traffic = work === undefined ? undefined : createCommitteeTraffic(work)
      if (this.#plays('provider')) await this.#startProvider(parts, models, this.#required(traffic))
      if (work !== undefined && traffic !== undefined) await this.#startCommitteeWork(work, traffic, models)
      if (this.#plays('requester')) await this.#startRequester(parts)
      this.#logger.info({ operator: this.operator, roles: this.#init.config.roles }, 'node started')
    } catch (thrown) {
      await this.#stopAll()
      throw thrown
    }
  }

  status(): NodeStatus {
    const { chain, host, offers } = this.parts
    const { network, config } = this.#init
    return {
      version: packageVersion(),
      network: network.name,
      networkId: network.networkId,
      profile: network.profile,
      operator: toChecksumAddress(this.operator),
      peerId: host.peerId,
      roles: config.roles,
      addresses: host.addresses(),
      peers: host.connectedPeers().length,
      offers: offers.live().length,
      chain: {
        block: chain.head().number,
        safe: chain.safe().number,
        epoch: chain.epochAt(),
        ageMs: this.#headAge(),
      },
      ...(this.#provider === undefined ? {} : { provider: this.#provider.status() }),
      ...(this.#engine === undefined
        ? {}
        : {
            engine: {
              models: this.#engine.models,
              runtimeClass: this.#engine.runtimeClass,
              pids: this.#engine.pids,
            },
          }),
    }
  }

  health(): Health {
    if (this.#parts === undefined || this.#stopping !== undefined) return { ok: false, parts: { node: 'not running' } }
    const age = this.#headAge()
    const stale = age > STALE_HEAD_MS
    const peers = this.#parts.host.connectedPeers().length
    return {
      ok: !stale,
      parts: {
        chain: stale ? `no block for ${age} ms` : 'following',
        net: `${peers} peers`,
        ...(this.#engine === undefined ? {} : { engine: `${this.#engine.pids.length} workers` }),
      },
    }
  }

  #plays(role: RoleOfNode): boolean {
    return this.#init.config.roles.includes(role)
  }

  #headAge(): number {
    return Math.max(0, this.#ports.clock() - this.parts.chain.head().timestamp)
  }

  /** R6: checked before anything is opened or dialled. */
  async #assertPolicy(): Promise<void> {
    const { home, network, config } = this.#init
    assertTrustRoots(network.profile, [...vendorRoots(), ...network.trustRoots])
    this.#policyFile = await readPolicyFile(home, config, network.profile)
    assertPolicy(network.profile, policyUnder(this.#policyFile, network.profile))
    assertAttester(config.attester, network.profile)
    if (this.#plays('host')) {
      throw new NodeError(
        { code: 'role-unsupported', role: 'host' },
        'expected requester, provider, verifier or settler; the role host is not built yet',
      )
    }
  }

  #add(name: string, stop: () => void | Promise<void>): void {
    this.#running.push({ name, stop })
  }

  async #openStore(): Promise<void> {
    const { home, logger } = this.#init
    const store = await openStore(home.db, { clock: this.#ports.clock, logger })
    this.#add('store', () => store.close())
    this.#store = store
  }

  async #startParts(): Promise<NodeParts> {
    const { config, network, privateKey, logger } = this.#init
    const { attestation, clock, crypto } = this.#ports
    const domain = createDomain(network.chainId, network.contracts.stakeManager, network.networkId)
    const parameters = parametersOf(network.profile)
    const trustRoots = [...vendorRoots(), ...network.trustRoots]
    const roleLogger = logger.child({ room: 'roles' })

    const chain = createChainClient(
      {
        clock,
        signer: privateKeyToAccount(bytesToHex(privateKey)),
        onFault: (error) => this.#logger.warn({ error: error.message }, 'chain fault'),
      },
      { network, rpc: config.rpc },
    )
    await chain.start()
    this.#add('chain', () => chain.stop())
    const committee = createCommitteeLookup({ chain }, { parameters })
    const policies = await this.#policies(chain, committee)

    const host = createHost({
      privateKey,
      listen: config.listen,
      announce: config.announce,
      bootstrap: [...network.bootstrap, ...config.bootstrap].filter((address) => !address.endsWith(this.#peerSuffix())),
      networkId: network.networkId,
      profile: network.profile,
      logger,
      metrics: createNetMetrics(this.registry),
      clock,
    })
    host.conduct.register(ROLE_CONDUCT)
    await host.start()
    this.#add('host', () => host.stop())

    const directory = createPeerDirectory({ host, crypto })
    this.#add('directory', () => directory.stop())
    const sync = createSync({ host, logger: roleLogger }, { networkId: network.networkId })
    sync.start()
    if (this.#store !== undefined) respondFromStore(sync, this.#store, clock)
    const exchange = createPeerExchange({ host, sync, logger: roleLogger }, { wanted: WANTED_PEERS })
    exchange.start()
    this.#add('peer exchange', () => exchange.stop())
    const offers = createOffers(
      {
        host,
        sync,
        crypto,
        chain: { maturedStake: (operator) => chain.maturedStake(operator, 'provider', chain.epochAt()) },
        clock,
        logger: roleLogger,
      },
      { domain, parameters },
    )
    offers.start()
    this.#add('offers', () => offers.stop())
    const grants = this.#ports.grants(
      { attestation, chain, crypto, committee },
      { domain, parameters, trustRoots, policies },
    )
    return { domain, parameters, trustRoots, chain, host, sync, directory, offers, grants, committee }
  }

  /** R14: the policy of the epoch that runs is known, and the one the chain names, before anybody is judged by it. */
  async #policies(chain: ChainClient, committee: CommitteeLookup): Promise<GrantPolicies> {
    const { home, config, network } = this.#init
    const policies = createEpochPolicies(
      { chain, clock: this.#ports.clock, logger: this.#logger },
      {
        file: this.#required(this.#policyFile),
        profile: network.profile,
        documents: config.policy === undefined ? undefined : home.path(config.policy),
      },
    )
    await policies.assertAt(committee.seatEpochAt(this.#ports.clock()))
    return policies
  }

  /** R27: what peers hold of this operator's signatures counts before it signs again. */
  async #recover({ host, sync, domain }: NodeParts): Promise<void> {
    if (this.#store === undefined) return
    const { crypto } = this.#ports
    const logger = this.#init.logger.child({ room: 'roles' })
    if (this.#init.network.bootstrap.length + this.#init.config.bootstrap.length > 0) await firstPeer(host)
    await recoverOwnLatest({ host, sync, store: this.#store, operator: this.#signer, crypto, logger }, { domain })
  }

  /** A bootstrap peer does not dial itself. */
  #peerSuffix(): string {
    return `/p2p/${peerIdFromPublicKey(this.#ports.crypto.publicKey(this.#init.privateKey))}`
  }

  async #startEngine(): Promise<readonly LocalModel[]> {
    const { config, home } = this.#init
    if (!this.#plays('provider') && !this.#plays('verifier')) return []
    if (config.models.length === 0 && this.#plays('provider')) {
      throw new NodeError(
        { code: 'models-missing', role: 'provider' },
        'expected at least one model to sell, got none; add a folder to models in config.json',
      )
    }
    const models = await Promise.all(config.models.map(({ folder }) => readModelFolder(home.path(folder))))
    const inference = this.#init.logger.child({ room: 'inference' })
    const engine = this.#ports.engine(
      {
        clock: this.#ports.clock,
        report: ({ event, ...fields }) => {
          const healthy = event === 'worker-started'
          inference[healthy ? 'info' : 'warn'](fields, event)
        },
      },
      { workers: config.workers },
    )
    await engine.start()
    this.#add('engine', () => engine.stop())
    for (const model of models) await engine.load(model)
    this.#engine = engine
    return models
  }

  /** Undefined for a requester, which takes no part in committees. */
  #committeeWork(parts: NodeParts): CommitteeWorkComponents | undefined {
    if (this.#store === undefined) return undefined
    const { clock, crypto, random } = this.#ports
    const logger = this.#init.logger.child({ room: 'roles' })
    return { ...parts, store: this.#store, signer: this.#signer, crypto, random, clock, logger }
  }

  async #startCommitteeWork(
    work: CommitteeWorkComponents,
    traffic: CommitteeTraffic,
    models: readonly LocalModel[],
  ): Promise<void> {
    const { config, network } = this.#init
    const verifier = this.#plays('verifier')
      ? composeVerifier(work, traffic, {
          profile: network.profile,
          engine: this.#engine,
          models,
          replays: config.workers,
        })
      : undefined
    if (verifier !== undefined) {
      await verifier.start()
      this.#add('verifier', () => verifier.stop())
    }
    if (verifier !== undefined || this.#plays('settler')) {
      const stop = await startSettlement(work, traffic, { verifier, settles: this.#plays('settler') })
      this.#add('settlement', stop)
    }
    await traffic.start()
    this.#add('committee traffic', () => traffic.stop())
  }

  async #startProvider(parts: NodeParts, models: readonly LocalModel[], traffic: CommitteeTraffic): Promise<void> {
    const { config, network, home, logger } = this.#init
    const { clock, crypto, random, subtle } = this.#ports
    const { domain, parameters, host, directory, committee } = parts
    const store = this.#required(this.#store)
    const engine = this.#required(this.#engine)
    const roleLogger = logger.child({ room: 'roles', role: 'provider' })
    const attester = await this.#ports.attester(
      { subtle, random },
      { config, home, profile: network.profile, operator: this.operator, models: models.map(({ id }) => id) },
    )
    const gpuAttester = createGpuAttester(config)
    const supply = this.#supply()
    const journal = createProviderJournal({ store }, { domain, operator: this.operator })
    const paid = await this.#startPayments(parts, store)
    const links = createCommitteeLinks(
      { host, directory, committee, crypto, clock, logger: roleLogger },
      { domain, waitMs: CERTIFICATE_WAIT_MS },
    )
    traffic.votes.onVotes((bundle) => links.addVotes(bundle))
    traffic.door.serve(journal)
    const provider = createProvider(
      {
        ...parts,
        journal,
        engine,
        payments: paid,
        attester: supply(attester),
        ...(gpuAttester === undefined ? {} : { gpuAttester: supply(gpuAttester) }),
        sealing: createSealing({ subtle, random }, { networkId: network.networkId }),
        links,
        operator: this.#signer,
        crypto,
        random,
        clock,
        logger: roleLogger,
      },
      {
        domain,
        profile: network.profile,
        parameters,
        models: models.map(({ id, manifest }, index) => ({
          id,
          manifest,
          prices: pricesIn(this.#required(config.models[index]).price, paid.terms.payee.token),
        })),
        tiers: config.tiers.map((name) => TIER[name]),
        privacy: config.privacy.map((name) => PRIVACY[name]),
        slots: config.slots,
        maxInputBytes: MAX_INPUT_BYTES,
        unpaid: config.payments.unpaid,
        payments: paid.terms,
      },
    )
    this.#add('provider', () => provider.stop())
    await provider.start()
    this.#provider = provider
    const claims = startProviderClaims(
      {
        ...{ chain: parts.chain, sendings: paid.sendings, channels: paid.channels, source: provider.claims },
        ...{ signer: this.#signer, registry: this.registry, logger: logger.child({ room: 'payment' }) },
      },
      { splitter: paid.terms.payee.splitter, claims: config.payments.claims },
    )
    this.#add('claims', () => claims.stop())
    this.#claims = claims
  }

  async #startPayments({ chain, parameters }: NodeParts, store: Store): Promise<ComposedPayments> {
    const logger = this.#init.logger.child({ room: 'payment' })
    const { payments } = this.#init.config
    const composed = await this.#ports.payments(
      { chain, store, signer: this.#signer, logger },
      { payments, parameters },
    )
    await composed.sendings.start()
    this.#add('sendings', () => composed.sendings.stop())
    composed.channels.start()
    this.#add('channels', () => composed.channels.stop())
    return composed
  }

  /** What vendors publish travels with the evidence of hardware; a devnet's authority publishes nothing. */
  #supply(): (attester: Attester) => Attester {
    const { config, home, logger } = this.#init
    const { fetch: isAsked, ...urls } = config.vendors
    if (!isAsked || config.attester.kind === 'simulated') return (attester) => attester
    const { attestation, clock } = this.#ports
    const source = createCollateralSource(
      { fetch, sleep, jitter: Math.random, crypto: attestation, clock, logger: logger.child({ room: 'collateral' }) },
      { urls, folder: home.path('collateral') },
    )
    return (attester) => supplied(attester, source)
  }

  /** The books of the wallet are open before the first job, and closed after the last. */
  async #openMoney({ chain, parameters }: NodeParts): Promise<OpenedPayer | undefined> {
    const { home, config, wallet, logger } = this.#init
    if (wallet === undefined) {
      logger.warn({ home: home.directory }, 'no wallet: jobs are unpaid, and few providers take those')
      return undefined
    }
    const { clock, crypto, random } = this.#ports
    const roleLogger = logger.child({ room: 'roles', role: 'payer' })
    const store = await openWalletStore(home, { clock, logger })
    this.#add('wallet', () => store.close())
    return await openPayerOf(
      { chain, store, account: wallet, signer: this.#signer, crypto, random, clock, logger: roleLogger },
      { payments: config.payments, parameters },
    )
  }

  async #startRequester(parts: NodeParts): Promise<void> {
    const { network, home, logger } = this.#init
    const { clock, crypto, random, subtle } = this.#ports
    const { chainId, networkId, contracts } = network
    const money = await this.#openMoney(parts)
    this.#money = money
    const requester = createRequester(
      {
        ...parts,
        sealing: createSealing({ subtle, random }, { networkId }),
        journal: createRequesterJournal(home.receipts, {
          chainId,
          networkId,
          stakeManager: contracts.stakeManager,
        }),
        ...(money === undefined ? {} : { payer: money.payer }),
        signer: this.#signer,
        crypto,
        random,
        clock,
        logger: logger.child({ room: 'roles', role: 'requester' }),
      },
      parts,
    )
    this.#add('requester', () => requester.stop())
    this.#requester = requester
  }

  async #stopAll(): Promise<void> {
    for (const { name, stop } of this.#running.splice(0).reverse()) {
      try {
        await stop()
      } catch (thrown) {
        this.#logger.error({ part: name, error: toError(thrown).message }, 'part did not stop cleanly')
      }
    }
    this.#logger.info('node stopped')
  }

  #required<T>(value: T | undefined): T {
    if (value === undefined) throw new RangeError('a part was needed before it was started')
    return value
  }
}

/** Prices are in OPG unless they name a token. */
const pricesIn = (price: ModelConfig['price'], token: Address): ModelConfig['price'] =>
  price.token === ZERO_ADDRESS ? { ...price, token } : price

/** Resolves when a peer is connected, or when none came in time. */
async function firstPeer(host: Host): Promise<void> {
  if (host.connectedPeers().length > 0) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const off = host.onPeerConnected(() => resolve())
  const timer = setTimeout(resolve, FIRST_PEER_TIMEOUT_MS)
  await promise
  clearTimeout(timer)
  off()
}
