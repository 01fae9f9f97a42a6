import { createSealing, createSimulatedAuthority, simulatedAttester } from '../../src/attestation/index.ts'
import type { BlockRef } from '../../src/chain/index.ts'
import { type InferenceEngine, type LocalModel, MAX_INPUT_BYTES } from '../../src/inference/index.ts'
import { createHost, type Host, type HostOverrides } from '../../src/net/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import type { PayeeChannels, X402Context } from '../../src/payment/index.ts'
import {
  ASSURANCE,
  type Digest,
  digestOf,
  fail,
  H,
  PRIVACY,
  parametersOf,
  SESSION_GRANT,
  type Signer,
  TIER,
  utf8,
  type VoteBundle,
  ZERO_ADDRESS,
} from '../../src/protocol/index.ts'
import type { CommitteeLookup } from '../../src/roles/committee.ts'
import { ROLE_CONDUCT } from '../../src/roles/conduct.ts'
import type { GrantChecker } from '../../src/roles/grants.ts'
import type { RoleLogger } from '../../src/roles/logger.ts'
import { createOffers, type Offers } from '../../src/roles/offers.ts'
import { createPeerDirectory, type PeerDirectory } from '../../src/roles/peerDirectory.ts'
import { createCommitteeLinks } from '../../src/roles/provider/committeeLinks.ts'
import { createProviderJournal, type ProviderJournal } from '../../src/roles/provider/journal.ts'
import { createProvider, type Provider, type ProviderPayments } from '../../src/roles/provider/provider.ts'
import { createRecordsDoor } from '../../src/roles/recordsDoor.ts'
import { createRequester, type Requester } from '../../src/roles/requester/requester.ts'
import { createSync, type Sync } from '../../src/roles/sync.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { forgetfulJournal, quiet, random } from './peers.ts'
import { crypto, DOMAIN, signerOf } from './votes.ts'

/** Real roles on real hosts over a chain that stands still: what peers do to each other needs no blocks. */

const PARAMETERS = parametersOf('devnet')
const { subtle } = globalThis.crypto

export const fixedBlock = (): BlockRef => ({
  number: 1_000,
  hash: H('test/head'),
  parentHash: H('test/parent'),
  timestamp: Date.now(),
})

/** Nobody sits: certificates are not what these tests are about. */
export const noCommittee: CommitteeLookup = {
  committeeOf: async () => fail({ code: 'committee-pending', expected: 'a committee', got: 'none' }),
  seatEpochAt: () => 1,
  seatHolders: async () => [],
  isProvider: async () => true,
}

/** The simulated evidence of these tests binds no block of a chain, so its verdict is given. */
export const trustingGrants: GrantChecker = {
  check: async (signed) => ({
    ok: true,
    value: {
      digest: digestOf(DOMAIN, SESSION_GRANT, signed.grant),
      signed,
      assurance: ASSURANCE.simulated,
      notChecked: 0,
      evidence: { assurance: 'simulated' } as never,
    },
  }),
}

export interface FixedPeer {
  readonly host: Host
  readonly signer: Signer
  readonly directory: PeerDirectory
  readonly sync: Sync
  readonly offers: Offers
  stop(): Promise<void>
}

export interface FixedPeerInit {
  readonly role: string
  readonly index?: number
  readonly bootstrap?: readonly Host[]
  readonly overrides?: HostOverrides
  readonly logger?: RoleLogger
}

/** A host of the test network with the codes the roles report. No role is started on it. */
export async function startBareHost({
  role,
  index = 0,
  bootstrap = [],
  overrides = {},
  logger = quiet,
}: FixedPeerInit): Promise<Host> {
  const host = createHost(
    {
      privateKey: devnetPrivateKey('test', role, index),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: bootstrap.flatMap((other) => other.addresses().slice(0, 1)),
      networkId: DOMAIN.networkId,
      profile: 'devnet',
      logger,
      clock: Date.now,
    },
    overrides,
  )
  host.conduct.register(ROLE_CONDUCT)
  await host.start()
  return host
}

export async function startFixedPeer(init: FixedPeerInit): Promise<FixedPeer> {
  const host = await startBareHost(init)
  const directory = createPeerDirectory({ host, crypto })
  const sync = createSync({ host, logger: quiet }, { networkId: DOMAIN.networkId })
  sync.start()
  const offers = createOffers(
    { host, sync, crypto, chain: { maturedStake: async () => 1n }, clock: Date.now, logger: quiet },
    { domain: DOMAIN, parameters: PARAMETERS },
  )
  offers.start()
  const stop = async (): Promise<void> => {
    offers.stop()
    directory.stop()
    await host.stop()
  }
  return { host, signer: signerOf(init.role, init.index ?? 0), directory, sync, offers, stop }
}

export interface FixedProvider extends FixedPeer {
  readonly provider: Provider
  readonly journal: ProviderJournal
  readonly store: Store
}

export interface FixedProviderInit extends Partial<FixedPeerInit> {
  readonly engine: InferenceEngine
  readonly models: readonly LocalModel[]
  /** Directory of the store. */
  readonly storeAt: string
  readonly perRequest?: bigint
  readonly slots?: number
  /** Who sits, and how they vote on a checkpoint; undefined: they never do. */
  readonly bench?: {
    readonly committee: CommitteeLookup
    readonly vote: (digest: Digest, count: number) => VoteBundle | undefined
  }
  /** Served beside unpaid jobs; prices are by the unit then. */
  readonly payments?: {
    readonly channels: PayeeChannels
    readonly context: X402Context
    readonly terms: ProviderPayments
  }
}

export async function startFixedProvider(init: FixedProviderInit): Promise<FixedProvider> {
  const peer = await startFixedPeer({ role: 'provider', ...init })
  const { host, directory, signer } = peer
  const store = await openStore(init.storeAt, { clock: Date.now, logger: quiet })
  const authority = await createSimulatedAuthority({ subtle, random }, { label: 'test', now: Date.now() })
  const measured = { bytes: utf8('') }
  const measurements = { code: measured, configuration: measured, models: measured }
  const journal = createProviderJournal({ store }, { domain: DOMAIN, operator: signer.address })
  const ports = { crypto, random, clock: Date.now, logger: quiet }
  const { bench } = init
  const links = createCommitteeLinks(
    { host, directory, committee: bench?.committee ?? noCommittee, ...ports },
    { domain: DOMAIN, waitMs: 2_000 },
  )
  const publish = links.publish.bind(links)
  links.publish = (signed, digest, records) => {
    publish(signed, digest, records)
    const votes = bench?.vote(digest, signed.checkpoint.count)
    if (votes !== undefined) links.addVotes(votes)
  }
  const door = createRecordsDoor(
    { host, logger: quiet },
    {
      networkId: DOMAIN.networkId,
      entitled: async () => true,
    },
  )
  door.serve(journal)
  door.start()
  const provider = createProvider(
    {
      ...peer,
      ...ports,
      journal,
      engine: init.engine,
      chain: { head: fixedBlock, blockByNumber: async () => fixedBlock(), blockAtTime: async () => fixedBlock() },
      attester: simulatedAttester({ authority, subtle }, { instanceId: 'test', measurements }),
      sealing: createSealing({ subtle, random }, { networkId: DOMAIN.networkId }),
      grants: trustingGrants,
      committee: noCommittee,
      links,
      operator: signer,
      ...(init.payments === undefined ? {} : { payments: init.payments }),
    },
    {
      domain: DOMAIN,
      profile: 'devnet',
      parameters: PARAMETERS,
      models: init.models.map(({ id, manifest }) => ({
        id,
        manifest,
        prices: {
          token: init.payments?.terms.payee.token ?? ZERO_ADDRESS,
          perRequest: init.perRequest ?? 1_000n,
          perGMAC: init.payments === undefined ? 0n : 10n ** 15n,
          perSecond: 0n,
          perGBSecond: 0n,
          minVerifyFee: 0n,
          maxOutputUnits: init.payments === undefined ? 16 : 256,
        },
      })),
      tiers: Object.values(TIER),
      privacy: Object.values(PRIVACY),
      slots: init.slots ?? 8,
      maxInputBytes: MAX_INPUT_BYTES,
      unpaid: true,
      ...(init.payments === undefined ? {} : { payments: init.payments.terms }),
    },
  )
  await provider.start()
  return {
    ...peer,
    provider,
    journal,
    store,
    stop: async () => {
      await provider.stop()
      await peer.stop()
      await store.close()
    },
  }
}

export interface FixedRequester extends FixedPeer {
  readonly requester: Requester
}

export async function startFixedRequester(init: Partial<FixedPeerInit> = {}): Promise<FixedRequester> {
  const peer = await startFixedPeer({ role: 'requester', ...init })
  const requester = createRequester(
    {
      ...peer,
      grants: trustingGrants,
      committee: noCommittee,
      sealing: createSealing({ subtle, random }, { networkId: DOMAIN.networkId }),
      journal: forgetfulJournal,
      crypto,
      random,
      clock: Date.now,
      logger: quiet,
    },
    { domain: DOMAIN, parameters: PARAMETERS },
  )
  return {
    ...peer,
    requester,
    stop: async () => {
      await requester.stop()
      await peer.stop()
    },
  }
}
