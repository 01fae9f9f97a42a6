import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import {
  createSealing,
  devnetPolicy,
  type SimulatedAuthority,
  simulatedAttester,
  type TrustRoot,
} from '../../src/attestation/index.ts'
import { type ChainClient, createChainClient, type NetworkFile } from '../../src/chain/index.ts'
import { type InferenceEngine, type LocalModel, MAX_INPUT_BYTES, onnxEngine } from '../../src/inference/index.ts'
import { createHost, type Host } from '../../src/net/index.ts'
import { nodeSecp256k1, readModelFolder } from '../../src/node/index.ts'
import {
  type Address,
  createDomain,
  createSigner,
  type Domain,
  PRIVACY,
  parametersOf,
  TIER,
  utf8,
  ZERO_ADDRESS,
} from '../../src/protocol/index.ts'
import {
  createCommitteeLinks,
  createCommitteeLookup,
  createGrantChecker,
  createOffers,
  createPeerDirectory,
  createProvider,
  createProviderJournal,
  createRequester,
  createSync,
  type Offers,
  type Provider,
  type Requester,
  type RequesterJournal,
  ROLE_CONDUCT,
  type RoleLogger,
} from '../../src/roles/index.ts'
import { respondFromStore } from '../../src/roles/storeResponders.ts'
import { openStore, type Store } from '../../src/store/index.ts'

/** Peers made of the role factories alone, so that a test holds every part of them in its hands. */

export interface PeerInit {
  readonly network: NetworkFile
  readonly rpc: string
  readonly privateKey: Uint8Array
  readonly trustRoots: readonly TrustRoot[]
  readonly bootstrap?: readonly string[]
  readonly logger?: RoleLogger
}

export interface Peer {
  readonly operator: Address
  readonly host: Host
  readonly chain: ChainClient
  readonly offers: Offers
  readonly domain: Domain
  stop(): Promise<void>
}

export interface ProviderPeer extends Peer {
  readonly provider: Provider
  readonly engine: InferenceEngine
  readonly store: Store
}

export interface ProviderPeerInit extends PeerInit {
  readonly authority: SimulatedAuthority
  /** Of the store; created. */
  readonly directory: string
  readonly models: readonly LocalModel[]
  readonly slots?: number
  /** Wei a request. */
  readonly perRequest?: bigint
}

export interface RequesterPeer extends Peer {
  readonly requester: Requester
}

export interface RequesterPeerInit extends PeerInit {
  readonly journal: RequesterJournal
}

export const quiet: RoleLogger = { debug() {}, info() {}, warn() {}, error() {} }

export const forgetfulJournal: RequesterJournal = { saveJob: async () => {}, saveAnswer: async () => {} }

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
const crypto = nodeSecp256k1()
const { subtle } = globalThis.crypto

/** One of the models of the devnet, by its folder. */
export const devnetModel = (folder: 'classifier' | 'volatility'): Promise<LocalModel> =>
  readModelFolder(fileURLToPath(new URL(`../../devnet/models/${folder}`, import.meta.url)))

async function startParts(init: PeerInit, listen: readonly string[]) {
  const { network, trustRoots, logger = quiet } = init
  const domain = createDomain(network.chainId, network.contracts.stakeManager, network.networkId)
  const parameters = parametersOf(network.profile)
  const chain = createChainClient(
    { clock: Date.now, onFault: (error) => logger.warn({ error: error.message }, 'chain fault') },
    { network, rpc: [init.rpc] },
  )
  await chain.start()
  const host = createHost({
    privateKey: init.privateKey,
    listen,
    bootstrap: init.bootstrap ?? [],
    networkId: network.networkId,
    profile: network.profile,
    logger,
    clock: Date.now,
  })
  host.conduct.register(ROLE_CONDUCT)
  await host.start()
  const directory = createPeerDirectory({ host, crypto })
  const sync = createSync({ host, logger }, { networkId: network.networkId })
  sync.start()
  const maturedStake = (operator: Address) => chain.maturedStake(operator, 'provider', chain.epochAt())
  const offers = createOffers(
    { host, sync, crypto, chain: { maturedStake }, clock: Date.now, logger },
    { domain, parameters },
  )
  offers.start()
  const grants = createGrantChecker(
    { chain, crypto, subtle },
    { domain, parameters, trustRoots, policy: devnetPolicy() },
  )
  const committee = createCommitteeLookup({ chain }, { parameters })
  const sealing = createSealing({ subtle, random }, { networkId: network.networkId })
  const common = { host, chain, directory, sync, offers, grants, committee, sealing }
  const ports = { crypto, random, clock: Date.now, logger }
  const stop = async (): Promise<void> => {
    offers.stop()
    directory.stop()
    await host.stop()
    await chain.stop()
  }
  return { ...common, ...ports, domain, parameters, operator: createSigner(crypto, init.privateKey), stop }
}

export async function startProviderPeer(init: ProviderPeerInit): Promise<ProviderPeer> {
  const { network, models } = init
  const store = await openStore(init.directory, { clock: Date.now, logger: quiet })
  const engine = onnxEngine({ workers: 1 })({ clock: Date.now })
  await engine.start()
  for (const model of models) await engine.load(model)
  const parts = await startParts(init, ['/ip4/127.0.0.1/tcp/0'])
  const { domain, parameters, operator } = parts
  respondFromStore(parts.sync, store)
  const links = createCommitteeLinks(parts, { domain, waitMs: 20_000 })
  const attester = simulatedAttester(
    { authority: init.authority, subtle },
    {
      instanceId: `test-${operator.address.slice(2, 14)}`,
      measurements: { code: { bytes: utf8('code') }, configuration: { bytes: utf8('') }, models: { bytes: utf8('') } },
    },
  )
  const provider = createProvider(
    {
      ...parts,
      journal: createProviderJournal({ store }, { domain, operator: operator.address }),
      engine,
      attester,
      links,
    },
    {
      domain,
      profile: network.profile,
      parameters,
      models: models.map(({ id, manifest }) => ({
        id,
        manifest,
        prices: {
          token: ZERO_ADDRESS,
          perRequest: init.perRequest ?? 1_000n,
          perGMAC: 1_000n,
          perSecond: 1_000n,
          perGBSecond: 1_000n,
          minVerifyFee: 0n,
          maxOutputUnits: 1_024,
        },
      })),
      tiers: Object.values(TIER),
      privacy: Object.values(PRIVACY),
      slots: init.slots ?? 64,
      maxInputBytes: MAX_INPUT_BYTES,
    },
  )
  await provider.start()
  return {
    ...parts,
    operator: operator.address,
    provider,
    engine,
    store,
    stop: async () => {
      await provider.stop()
      await parts.stop()
      await engine.stop()
      await store.close()
    },
  }
}

export async function startRequesterPeer(init: RequesterPeerInit): Promise<RequesterPeer> {
  const parts = await startParts(init, [])
  const requester = createRequester({ ...parts, signer: parts.operator, journal: init.journal }, parts)
  return {
    ...parts,
    operator: parts.operator.address,
    requester,
    stop: async () => {
      await requester.stop()
      await parts.stop()
    },
  }
}
