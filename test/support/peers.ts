import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { LocalAccount } from 'viem'
import { accountOf } from '../../devnet/deploy.ts'
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
import { nodeAttestationCrypto } from '../../src/node/attestationCrypto.ts'
import { nodeSecp256k1 } from '../../src/node/crypto.ts'
import { nodeKeccak } from '../../src/node/keccak.ts'
import { readModelFolder } from '../../src/node/modelFolder.ts'
import { openPayerOf } from '../../src/node/payer.ts'
import { type ComposedPayments, composeProviderPayments } from '../../src/node/providerPayments.ts'
import {
  type Address,
  createDomain,
  createSigner,
  type Domain,
  hexToBytes,
  type JobRecord,
  type Payee,
  PRIVACY,
  parametersOf,
  provideKeccak,
  TIER,
  utf8,
  ZERO_ADDRESS,
} from '../../src/protocol/index.ts'
import { createCommitteeLookup } from '../../src/roles/committee.ts'
import { ROLE_CONDUCT } from '../../src/roles/conduct.ts'
import { createGrantChecker, onePolicy } from '../../src/roles/grants.ts'
import type { RoleLogger } from '../../src/roles/logger.ts'
import { createOffers, type Offers } from '../../src/roles/offers.ts'
import { createPeerDirectory } from '../../src/roles/peerDirectory.ts'
import { createCommitteeLinks } from '../../src/roles/provider/committeeLinks.ts'
import { createProviderJournal } from '../../src/roles/provider/journal.ts'
import { createProvider, type Provider } from '../../src/roles/provider/provider.ts'
import {
  createRequester,
  type RequestAnswer,
  type Requester,
  type RequesterJournal,
} from '../../src/roles/requester/requester.ts'
import { respondFromStore } from '../../src/roles/storeResponders.ts'
import { createSync } from '../../src/roles/sync.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { encode } from '../../src/wire/index.ts'

/** Peers made of the role factories alone, so that a test holds every part of them in its hands. */

export interface PeerInit {
  readonly network: NetworkFile
  readonly rpc: string
  readonly privateKey: Uint8Array
  readonly trustRoots: readonly TrustRoot[]
  readonly bootstrap?: readonly string[]
  readonly logger?: RoleLogger
  /** Pays for gas, where this peer sends transactions. */
  readonly account?: LocalAccount
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
  /** Where payment channels are served. */
  readonly payee?: Payee
}

export interface ProviderPeerInit extends PeerInit {
  readonly authority: SimulatedAuthority
  /** Of the store; created. */
  readonly directory: string
  readonly models: readonly LocalModel[]
  readonly slots?: number
  /** Wei a request. */
  readonly perRequest?: bigint
  /** Serves payment channels in OPG and refuses unpaid jobs. */
  readonly paid?: boolean
}

export interface RequesterPeer extends Peer {
  readonly requester: Requester
}

export interface RequesterPeerInit extends PeerInit {
  readonly journal: RequesterJournal
  /** Pays for the jobs; its books lie in `store`. */
  readonly wallet?: { readonly account: LocalAccount; readonly store: Store }
}

const OPG = 10n ** 18n
/** Wei. */
const WALLET_BUDGET = {
  ...{ perJob: OPG, perDay: 1_000n * OPG, perKey: 1_000n * OPG },
  ...{ maxDeposit: 100n * OPG, firstDeposit: 10n * OPG },
}

export const quiet: RoleLogger = { debug() {}, info() {}, warn() {}, error() {} }

export const forgetfulJournal: RequesterJournal = { saveJob: async () => {}, saveAnswer: async () => {} }

/** A requester's memory in a store: the job before it is sent, the whole record when it is answered. */
export const storedJournal = (store: Store): RequesterJournal => ({
  saveJob: (jobId, { job, signature }) =>
    store.commit([
      { type: 'put', table: 'reservations', key: [jobId], value: encode('Job', job) },
      { type: 'put', table: 'requests', key: [jobId], value: hexToBytes(signature) },
    ]),
  saveAnswer: (answer) =>
    store.commit([
      { type: 'put', table: 'records', key: [answer.jobId], value: encode('JobRecord', recordOf(answer)) },
    ]),
})

function recordOf({ job, offer, heads, receipt, runtimeClass, traceHash, ...answer }: RequestAnswer): JobRecord {
  const { inputSalt, input, parameters, chunks } = answer
  return {
    job: job.job,
    jobSignature: job.signature,
    terms: offer.terms,
    offer: offer.signed.offer,
    offerSignature: offer.signed.signature,
    termsIndex: offer.termsIndex,
    termsProof: [],
    heads,
    receipt: receipt.receipt,
    receiptSignature: receipt.signature,
    runtimeClass,
    traceHash,
    transcript: { inputSalt, input, parameters, chunks },
  }
}

export const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
const crypto = nodeSecp256k1()
const { subtle } = globalThis.crypto

/** One of the models of the devnet, by its folder. */
export const devnetModel = (folder: 'classifier' | 'volatility'): Promise<LocalModel> =>
  readModelFolder(fileURLToPath(new URL(`../../devnet/models/${folder}`, import.meta.url)))

async function startParts(init: PeerInit, listen: readonly string[]) {
  const { network, trustRoots, logger = quiet } = init
  provideKeccak(nodeKeccak())
  const domain = createDomain(network.chainId, network.contracts.stakeManager, network.networkId)
  const parameters = parametersOf(network.profile)
  const chain = createChainClient(
    {
      clock: Date.now,
      onFault: (error) => logger.warn({ error: error.message }, 'chain fault'),
      ...(init.account === undefined ? {} : { signer: init.account }),
    },
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
  const committee = createCommitteeLookup({ chain }, { parameters })
  const grants = createGrantChecker(
    { attestation: nodeAttestationCrypto(), chain, crypto, committee },
    { domain, parameters, trustRoots, policies: onePolicy(devnetPolicy()) },
  )
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
  const account = accountOf(init.privateKey)
  const parts = await startParts({ ...init, account }, ['/ip4/127.0.0.1/tcp/0'])
  const { domain, parameters, operator } = parts
  const payments = init.paid === true ? await startPayments(parts, store) : undefined
  respondFromStore(parts.sync, store, Date.now)
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
      ...(payments === undefined ? {} : { payments }),
    },
    {
      domain,
      profile: network.profile,
      parameters,
      models: models.map(({ id, manifest }) => ({
        id,
        manifest,
        prices: {
          token: payments?.terms.payee.token ?? ZERO_ADDRESS,
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
      unpaid: payments === undefined,
      ...(payments === undefined ? {} : { payments: payments.terms }),
    },
  )
  await provider.start()
  return {
    ...parts,
    operator: operator.address,
    provider,
    engine,
    store,
    ...(payments === undefined ? {} : { payee: payments.terms.payee }),
    stop: async () => {
      await provider.stop()
      await payments?.channels.stop()
      await payments?.sendings.stop()
      await parts.stop()
      await engine.stop()
      await store.close()
    },
  }
}

async function startPayments(
  { chain, operator: signer, parameters }: Awaited<ReturnType<typeof startParts>>,
  store: Store,
): Promise<ComposedPayments> {
  const terms = { float: OPG, minDeposit: OPG / 10n, withdrawDelay: 0, unpaid: false, assets: [] }
  const payments = await composeProviderPayments(
    { chain, store, signer, logger: pino({ enabled: false }) },
    { payments: terms, parameters },
  )
  await payments.sendings.start()
  payments.channels.start()
  return payments
}

export async function startRequesterPeer(init: RequesterPeerInit): Promise<RequesterPeer> {
  const parts = await startParts(init, [])
  const { wallet, journal } = init
  const signer = parts.operator
  const payments = { assets: [{ asset: 'OPG' as const, ...WALLET_BUDGET }] }
  const money =
    wallet === undefined ? undefined : await openPayerOf({ ...parts, ...wallet, signer }, { ...parts, payments })
  const payer = money === undefined ? {} : { payer: money.payer }
  const requester = createRequester({ ...parts, ...payer, signer, journal }, parts)
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
