import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type InferenceEngine, type LocalModel, onnxEngine } from '../../src/inference/index.ts'
import { createHost, type Host, topicName } from '../../src/net/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import {
  ASSURANCE,
  type Certificate,
  type Digest,
  encodeTensors,
  H,
  type JobRecord,
  keccak,
  type SignedCheckpoint,
  type VoteBundle,
  ZERO_ADDRESS,
} from '../../src/protocol/index.ts'
import { createCheckpointGossip } from '../../src/roles/checkpointGossip.ts'
import type { CommitteeLookup } from '../../src/roles/committee.ts'
import { ROLE_CONDUCT } from '../../src/roles/conduct.ts'
import { createEvidenceGossip, type EvidenceGossip } from '../../src/roles/evidenceGossip.ts'
import type { GrantChecker } from '../../src/roles/grants.ts'
import type { RoleLogger } from '../../src/roles/logger.ts'
import { createPeerDirectory, type PeerDirectory } from '../../src/roles/peerDirectory.ts'
import { createCommitteeLinks } from '../../src/roles/provider/committeeLinks.ts'
import type { ProviderJournal } from '../../src/roles/provider/journal.ts'
import { createRecordsDoor, seatEntitlement } from '../../src/roles/recordsDoor.ts'
import { createSync } from '../../src/roles/sync.ts'
import { createGrantBook } from '../../src/roles/verifier/grantBook.ts'
import { createVerifierJournal } from '../../src/roles/verifier/journal.ts'
import { createVerifier, type Verifier } from '../../src/roles/verifier/verifier.ts'
import { createVoteGossip } from '../../src/roles/voteGossip.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { addressOf, eventually } from '../integration/net/hosts.ts'
import { writeModel } from '../unit/inference/fixtures.ts'
import { buildGrant, buildRecord, NOW, PARAMETERS, PAYMENT } from './records.ts'
import { committeeOfSize, crypto, DOMAIN } from './votes.ts'

/** Verifiers and a provider of one committee, over real streams and with a real engine. Hooks are registered on import. */

const started = Date.now()
export const clock = (): number => NOW + Date.now() - started
const quiet: RoleLogger = { debug() {}, info() {}, warn() {}, error() {} }
export const three = committeeOfSize(3)
const fastSeed = H('test/fast-seed')
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
const evidence = {
  kind: 'nitro',
  document: new Uint8Array(1),
  blockNumber: 1,
  blockHash: H('b'),
  collateral: new Uint8Array(0),
} as const

/** The chain is not what is tested here: three verifiers sit on every checkpoint. */
const committee: CommitteeLookup = {
  committeeOf: async () => ({
    ok: true,
    value: { seats: three.seats, fastSeed, epoch: 1, owner: ZERO_ADDRESS, stake: 10n ** 22n },
  }),
  seatEpochAt: () => 1,
  seatHolders: async () => three.seats.map(({ verifier }) => verifier),
  isProvider: async () => true,
}
const grantChecker: GrantChecker = {
  check: async (signed) => ({
    ok: true,
    value: { digest: H('unused'), signed, assurance: ASSURANCE.simulated, notChecked: 0, evidence: {} as never },
  }),
}

export interface VerifierPeer {
  readonly host: Host
  readonly verifier: Verifier
  readonly evidence: EvidenceGossip
  readonly store: Store
  readonly directory: string
  stop(): Promise<void>
}

let engine: InferenceEngine
let model: LocalModel
let honest: { readonly output: Uint8Array; readonly trace: Uint8Array; readonly units: number }
const input = encodeTensors({ x: { dtype: 'F32', shape: [1, 3], data: Float32Array.of(1, 2, 3) } })
/** Called after each test, last first. */
export const stops: (() => Promise<void>)[] = []

beforeAll(async () => {
  engine = onnxEngine()({ clock })
  await engine.start()
  model = await writeModel()
  await engine.load(model)
  const run = await engine.run({ model: model.id, input, parameters: {}, deadline: clock() + 20_000, trace: true })
  if (!run.ok) throw run.error
  honest = run.value
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})
afterAll(() => engine.stop())

export async function startHost(role: string, index: number, bootstrap: readonly string[]): Promise<Host> {
  const host = createHost({
    privateKey: devnetPrivateKey('test', role, index),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap,
    networkId: DOMAIN.networkId,
    profile: 'devnet',
    logger: quiet,
    clock: Date.now,
  })
  host.conduct.register(ROLE_CONDUCT)
  await host.start()
  return host
}

/** A provider of these tests keeps nothing. */
const forgetful: Pick<Store, 'commit' | 'iterate'> = { commit: async () => {}, iterate: async function* () {} }

async function gossipOf(host: Host, directory: PeerDirectory, store: Pick<Store, 'commit' | 'iterate'>) {
  const shared = { host, committee, crypto, clock, logger: quiet }
  const told = createEvidenceGossip({ ...shared, directory, store }, { domain: DOMAIN })
  const chain = { head: () => ({ number: 1_000, hash: H('h'), parentHash: H('p'), timestamp: NOW }) }
  const init = { domain: DOMAIN, parameters: PARAMETERS }
  const checkpoints = createCheckpointGossip({ ...shared, chain, evidence: told }, init)
  const votes = createVoteGossip({ ...shared, evidence: told }, init)
  checkpoints.start()
  votes.start()
  await told.start()
  return { checkpoints, votes, evidence: told, chain }
}

export async function startVerifier(
  index: number,
  bootstrap: readonly string[],
  directory?: string,
): Promise<VerifierPeer> {
  const folder = directory ?? (await mkdtemp(join(tmpdir(), 'opg-verifier-')))
  const store = await openStore(folder, { clock: Date.now, logger: quiet })
  const host = await startHost('verifier', index, bootstrap)
  const peers = createPeerDirectory({ host, crypto })
  const { chain, ...gossip } = await gossipOf(host, peers, store)
  const sync = createSync({ host, logger: quiet }, { networkId: DOMAIN.networkId })
  sync.start()
  const operator = three.signers[index]!
  const entitled = seatEntitlement({ committee, directory: peers })
  const door = createRecordsDoor({ host, logger: quiet }, { networkId: DOMAIN.networkId, entitled })
  const verifier = createVerifier(
    {
      host,
      door,
      directory: peers,
      ...gossip,
      committee,
      grants: createGrantBook({ grants: grantChecker, sync, directory: peers, chain, clock }, { domain: DOMAIN }),
      payments: { ...PAYMENT, splitterOf: async () => PAYMENT.splitter },
      journal: createVerifierJournal({ store }, { verifier: operator.address }),
      engine,
      manifestOf: (id) => (id === model.id ? model.manifest : undefined),
      operator,
      crypto,
      random,
      clock,
      logger: quiet,
    },
    { domain: DOMAIN, profile: 'devnet', parameters: PARAMETERS },
  )
  await verifier.start()
  door.start()
  let stopped = false
  const stop = async (): Promise<void> => {
    if (stopped) return
    stopped = true
    await verifier.stop()
    await gossip.evidence.stop()
    peers.stop()
    await host.stop()
    await store.close()
  }
  stops.push(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })
  return { host, verifier, evidence: gossip.evidence, store, directory: folder, stop }
}

/** A provider that pushes with the real links; what it signs is made by the test. */
export async function startProvider() {
  const host = await startHost('provider', 0, [])
  const peers = createPeerDirectory({ host, crypto })
  const asked: { readonly from: number; readonly count: number }[] = []
  const held = new Map<Digest, { signed: SignedCheckpoint; records: readonly JobRecord[] }>()
  const journal = {
    checkpoint: async (digest: Digest) => held.get(digest)?.signed,
    records: async (digest: Digest, from: number, count: number) => {
      asked.push({ from, count })
      return held.get(digest)?.records.slice(from, from + count)
    },
    grant: async () => ({ ...buildGrant(), evidence }),
  } as unknown as ProviderJournal
  const links = createCommitteeLinks(
    { host, directory: peers, committee, crypto, clock, logger: quiet },
    { domain: DOMAIN, waitMs: 20_000 },
  )
  const entitled = seatEntitlement({ committee, directory: peers })
  const door = createRecordsDoor({ host, logger: quiet }, { networkId: DOMAIN.networkId, entitled })
  door.serve(journal)
  door.start()
  const { votes, evidence: told } = await gossipOf(host, peers, forgetful)
  const bundles: VoteBundle[] = []
  votes.onVotes((bundle) => {
    bundles.push(bundle)
    links.addVotes(bundle)
  })
  const certificates: Certificate[] = []
  links.onDecided((certificate) => certificates.push(certificate))
  links.start(journal)
  stops.push(async () => {
    await links.stop()
    await told.stop()
    peers.stop()
    await host.stop()
  })
  return { host, links, held, asked, bundles, certificates, evidence: told, directory: peers }
}

export const recordOf = (sequence: number, output: Uint8Array = honest.output): JobRecord =>
  buildRecord({
    sequence,
    grant: buildGrant(),
    model: model.id,
    input,
    output,
    units: honest.units,
    runtimeClass: engine.runtimeClass,
    traceHash: keccak(honest.trace),
  })

/** A record whose output is not the model's. */
export const cheatOf = (sequence: number): JobRecord => recordOf(sequence, flipped(honest.output))

const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === bytes.length - 4 ? byte ^ 1 : byte))

export async function network() {
  const provider = await startProvider()
  const bootstrap = [addressOf(provider.host)]
  const verifiers = await Promise.all([0, 1, 2].map((index) => startVerifier(index, bootstrap)))
  const topic = topicName(DOMAIN.networkId, 'vote', 0)
  await eventually(() => provider.host.connectedPeers().length === 3, 'three verifiers')
  await eventually(() => provider.host.gossip.meshPeers(topic).length === 3, 'a mesh')
  return { provider, verifiers }
}
