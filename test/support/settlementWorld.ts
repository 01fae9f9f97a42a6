import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountOf } from '../../devnet/deploy.ts'
import { type ChainClient, type ChainComponents, createChainClient, type NetworkFile } from '../../src/chain/index.ts'
import { createHost, type Host, protocolName } from '../../src/net/index.ts'
import { devnetPrivateKey, nodeSecp256k1 } from '../../src/node/index.ts'
import {
  type Address,
  ASSURANCE,
  allBits,
  bit,
  CHECKPOINT,
  type Checkpoint,
  committeeBlockTime,
  createDomain,
  createSigner,
  type Digest,
  type Domain,
  digestOf,
  H,
  type JobRecord,
  METHOD,
  merkleRoot,
  NOT_CHECKED,
  parametersOf,
  REASON,
  RECEIPT,
  ROUND,
  reasonsRoot,
  type SignedBatch,
  type SignedCheckpoint,
  type SignedVote,
  type Signer,
  type Vote,
  voteDigest,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { checkpointWrites, readCheckpoint } from '../../src/roles/checkpointStore.ts'
import {
  type BatchHistory,
  type BatchSigner,
  createBatchHistory,
  createBatchSigner,
  createCommitteeLookup,
  createPeerDirectory,
  createSettlementPool,
  createSettler,
  createSync,
  type PeerDirectory,
  ROLE_CONDUCT,
  type RoleLogger,
  respondFromStore,
  SettledStore,
  type SettlementPool,
  type Settler,
  type Sync,
} from '../../src/roles/index.ts'
import { serveRecords } from '../../src/roles/provider/recordsServer.ts'
import { typedStream } from '../../src/roles/typedStream.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { encode } from '../../src/wire/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain, type TestChainCounts } from './devnetChain.ts'
import { buildRecord } from './records.ts'

/**
 * Settlement with everything real but inference: an anvil, hosts on loopback, stores on disk, the settlement roles. The
 * test stands for provider and verifiers: receipts, checkpoints and votes are signed with their devnet keys under this
 * network's domain, by the committee the chain drew; what a record says of a model is a fixture.
 */

export type WorldRole = 'provider' | 'verifier' | 'settler'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** What a test puts around the real parts of one node. */
export interface NodeHooks {
  readonly store?: (store: Store) => Store
  readonly chain?: (chain: ChainClient) => ChainClient
  readonly sync?: (sync: Sync) => Sync
}

export interface SettlementNodeInit {
  readonly network: NetworkFile
  readonly rpc: readonly string[]
  readonly role: WorldRole
  readonly index: number
  /** Of the store; created. */
  readonly directory: string
  readonly bootstrap?: readonly string[]
  readonly hooks?: NodeHooks
  readonly onLog?: (line: LogLine) => void
}

/** One process on the network: a verifier signs batches, a settler builds them, a provider serves records. */
export interface SettlementNode {
  readonly role: WorldRole
  /** Of its key. */
  readonly index: number
  readonly address: Address
  readonly signer: Signer
  readonly host: Host
  readonly chain: ChainClient
  readonly sync: Sync
  readonly directory: PeerDirectory
  readonly store: Store
  readonly settledStore: SettledStore
  readonly pool: SettlementPool
  readonly history: BatchHistory
  readonly batchSigner: BatchSigner | undefined
  readonly settler: Settler | undefined
  readonly log: LogLine[]
  /** Set on a provider: the records of its checkpoints. */
  readonly records: Map<Digest, readonly JobRecord[]>
  stop(): Promise<void>
}

const crypto = nodeSecp256k1()
const BLOCK_POLL_MS = 50
/** For hangs alone: batches wait for blocks, turns and other processes, on a machine that does much else. */
const HANG_MS = 100_000

export const until = async (
  condition: () => boolean | Promise<boolean>,
  what: string,
  withinMs = HANG_MS,
): Promise<void> => {
  const deadline = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`expected ${what} within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, BLOCK_POLL_MS))
  }
}

export async function startSettlementNode(init: SettlementNodeInit): Promise<SettlementNode> {
  const { network, role, index, hooks = {}, onLog } = init
  const privateKey = devnetPrivateKey(DEVNET_SEED, role, index)
  const signer = createSigner(crypto, privateKey)
  const domain = createDomain(network.chainId, network.contracts.stakeManager, network.networkId)
  const parameters = parametersOf(network.profile)
  const log: LogLine[] = []
  const logger = loggerOf((line) => {
    log.push(line)
    onLog?.(line)
  })
  await mkdir(init.directory, { recursive: true })
  const opened = await openStore(init.directory, { clock: Date.now, logger })
  const store = hooks.store?.(opened) ?? opened
  const components: ChainComponents = {
    clock: Date.now,
    signer: accountOf(privateKey),
    onFault: (error) => logger.warn({ error: error.message }, 'chain fault'),
  }
  const client = createChainClient(components, { network, rpc: init.rpc })
  await client.start()
  const chain = hooks.chain?.(client) ?? client
  const host = createHost({
    privateKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: init.bootstrap ?? [],
    networkId: network.networkId,
    profile: network.profile,
    logger,
    clock: Date.now,
  })
  host.conduct.register(ROLE_CONDUCT)
  await host.start()
  const directory = createPeerDirectory({ host, crypto })
  const plainSync = createSync({ host, logger }, { networkId: network.networkId })
  plainSync.start()
  const sync = hooks.sync?.(plainSync) ?? plainSync
  respondFromStore(sync, store, Date.now)
  const settledStore = new SettledStore(store)
  const committee = createCommitteeLookup({ chain }, { parameters })
  const records = new Map<Digest, readonly JobRecord[]>()
  const pool = createSettlementPool(
    {
      host,
      directory,
      committee,
      sync,
      store: settledStore,
      records: async () => undefined,
      crypto,
      clock: Date.now,
      logger,
    },
    { domain, parameters },
  )
  const history = createBatchHistory({ chain, host, sync, store: settledStore, crypto, logger }, { domain })
  const common = { host, directory, sync, chain, pool, history, store: settledStore, signer, crypto, clock: Date.now }
  const batchSigner = role === 'verifier' ? createBatchSigner({ ...common, logger }, { domain, parameters }) : undefined
  const settler =
    role === 'settler' ? createSettler({ ...common, own: undefined, logger }, { domain, parameters }) : undefined
  if (role === 'provider') serveRecordsOf(host, network, store, records)
  await history.start()
  await pool.start()
  batchSigner?.start()
  await settler?.start()
  let stopping: Promise<void> | undefined
  const stopAll = async (): Promise<void> => {
    await settler?.stop()
    await pool.stop()
    await history.stop()
    directory.stop()
    await host.stop()
    await chain.stop()
    await opened.close()
  }
  return {
    role,
    index,
    address: signer.address,
    signer,
    host,
    chain,
    sync,
    directory,
    store,
    settledStore,
    pool,
    history,
    batchSigner,
    settler,
    log,
    records,
    stop: () => {
      stopping ??= stopAll()
      return stopping
    },
  }
}

function loggerOf(write: (line: LogLine) => void): RoleLogger {
  const at =
    (level: LogLine['level']) =>
    (fields: object, message: string): void =>
      write({ level, fields: { ...fields }, message })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function serveRecordsOf(
  host: Host,
  network: NetworkFile,
  store: Store,
  records: ReadonlyMap<Digest, readonly JobRecord[]>,
): void {
  host.handle(protocolName(network.networkId, 'records'), async (stream) => {
    const link = typedStream(stream, 'RecordsFrame', 'RecordsFrame', host.conduct)
    const frame = await link.read()
    if (frame?.kind !== 'request') return
    await serveRecords(link, frame.value, {
      checkpoint: (digest) => readCheckpoint(store, digest),
      records: async (digest, from, count) => records.get(digest)?.slice(from, from + count),
      grant: async () => undefined,
    })
  })
}

export interface CheckpointDraft {
  readonly provider?: number
  readonly sequence: number
  /** Receipts; 2 unless given. */
  readonly count?: number
  readonly previous?: Digest
  readonly change?: Partial<Checkpoint>
}

export interface BuiltCheckpoint {
  readonly signed: SignedCheckpoint
  readonly digest: Digest
  readonly records: readonly JobRecord[]
}

export interface Verdict {
  /** Members of the committee that vote; all unless given. */
  readonly voters?: number
  /** Receipts rejected as `output-mismatch`, replayed. */
  readonly rejected?: readonly number[]
}

export class SettlementWorld {
  readonly chain: TestChain
  readonly domain: Domain
  readonly parameters
  readonly directory: string
  /** Looks at the chain for the test itself. */
  readonly client: ChainClient
  readonly nodes: SettlementNode[] = []
  readonly #committee
  #nextSequence = new Map<number, number>()

  constructor(chain: TestChain, directory: string, client: ChainClient) {
    this.chain = chain
    this.directory = directory
    this.client = client
    const { chainId, contracts, networkId, profile } = chain.network
    this.domain = createDomain(chainId, contracts.stakeManager, networkId)
    this.parameters = parametersOf(profile)
    this.#committee = createCommitteeLookup({ chain: client }, { parameters: this.parameters })
  }

  of(role: WorldRole): SettlementNode[] {
    return this.nodes.filter((node) => node.role === role)
  }

  node(role: WorldRole, index = 0): SettlementNode {
    const node = this.nodes.find((entry) => entry.role === role && entry.index === index)
    if (node === undefined) throw new RangeError(`no ${role} ${index} runs`)
    return node
  }

  storeOf(role: WorldRole, index: number): string {
    return join(this.directory, `${role}-${index}`)
  }

  get addresses(): string[] {
    return this.nodes.flatMap(({ host }) => host.addresses())
  }

  async start(role: WorldRole, index: number, init: Partial<SettlementNodeInit> = {}): Promise<SettlementNode> {
    const { network, anvil } = this.chain
    const node = await startSettlementNode({
      network,
      rpc: [anvil.url],
      role,
      index,
      directory: this.storeOf(role, index),
      bootstrap: this.addresses,
      ...init,
    })
    this.nodes.push(node)
    await until(() => node.host.connectedPeers().length >= this.nodes.length - 1, `${role} ${index} to be connected`)
    return node
  }

  async stopNode(node: SettlementNode): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    await node.stop()
  }

  /** A checkpoint of now: signed by the provider, naming the block the rule gives. */
  async checkpoint(draft: CheckpointDraft): Promise<BuiltCheckpoint> {
    const { provider = 0, sequence, count = 2, change = {} } = draft
    const operator = this.node('provider', provider).signer
    const records = Array.from({ length: count }, (_, at) => this.#record(operator, sequence * 1_000 + at))
    const age = this.parameters.committeeBlockAge
    const createdAt = this.client.head().timestamp
    const block = await this.client.blockAtTime(committeeBlockTime(createdAt, age))
    if (block === undefined) throw new RangeError(`no block at ${createdAt - age}`)
    const checkpoint: Checkpoint = {
      operator: operator.address,
      grant: records[0]!.receipt.grant,
      sequence,
      previous: draft.previous ?? ZERO_DIGEST,
      firstSequence: records[0]!.receipt.sequence,
      count,
      receiptsRoot: merkleRoot(
        'receipt',
        records.map(({ receipt }) => digestOf(this.domain, RECEIPT, receipt)),
      ),
      totalFee: records.reduce((sum, { receipt }) => sum + receipt.fee, 0n),
      epoch: this.#committee.seatEpochAt(createdAt),
      blockNumber: block.number,
      blockHash: block.hash,
      createdAt,
      ...change,
    }
    const digest = digestOf(this.domain, CHECKPOINT, checkpoint)
    return { signed: { checkpoint, signature: operator.sign(digest) }, digest, records }
  }

  #record(operator: Signer, sequence: number): JobRecord {
    const record = buildRecord({
      sequence,
      receipt: (receipt) => ({ ...receipt, provider: operator.address, mac: 5_000_000n }),
    })
    const session = createSigner(crypto, devnetPrivateKey(DEVNET_SEED, 'session', 0))
    return { ...record, receiptSignature: session.sign(digestOf(this.domain, RECEIPT, record.receipt)) }
  }

  /** The committee's votes on a checkpoint: acceptances, but for the receipts named. */
  async votes({ signed, digest }: BuiltCheckpoint, verdict: Verdict = {}): Promise<SignedVote[]> {
    const committee = await this.#committee.committeeOf(signed.checkpoint)
    if (!committee.ok) throw new RangeError(`no committee: ${committee.error.code}`)
    const { rejected = [], voters = committee.value.seats.length } = verdict
    const all = allBits(signed.checkpoint.count)
    const refused = rejected.reduce((map, index) => map | bit(index), 0n)
    const reasons = rejected.map((index) => ({ index, code: REASON['output-mismatch'] }))
    return committee.value.seats.slice(0, voters).map(({ seat, verifier }) => {
      const vote: Vote = {
        verifier,
        seat,
        checkpoint: digest,
        round: ROUND.fast,
        accepted: all & ~refused,
        rejected: refused,
        replayed: all,
        reasons: reasonsRoot(reasons),
        methods: METHOD.signatures | METHOD['exact-replay'],
        assurance: ASSURANCE.simulated,
        notChecked: NOT_CHECKED.payment,
        workCommit: H('test/work', digest, seat),
        seenAt: this.client.chainNow(),
      }
      return { vote, signature: this.verifier(verifier).sign(voteDigest(this.domain, vote)), reasons }
    })
  }

  verifier(address: Address): Signer {
    for (let index = 0; index < this.chain.of('verifier').length; index += 1) {
      const signer = createSigner(crypto, devnetPrivateKey(DEVNET_SEED, 'verifier', index))
      if (signer.address === address) return signer
    }
    throw new RangeError(`${address} is no verifier here`)
  }

  /** As the provider would: stored, with its records. Nobody is told. */
  async keep({ signed, digest, records }: BuiltCheckpoint): Promise<void> {
    const provider = this.nodes.find(({ address }) => address === signed.checkpoint.operator)
    provider?.records.set(digest, records)
    await provider?.store.commit(checkpointWrites(signed, digest))
  }

  /** As verifiers would: each vote stored by who cast it. Nobody is told. */
  async cast(votes: readonly SignedVote[]): Promise<void> {
    for (const vote of votes) {
      const { checkpoint, round, verifier } = vote.vote
      const node = this.nodes.find(({ address }) => address === verifier)
      const value = encode('SignedVote', vote)
      await node?.store.commit([{ type: 'put', table: 'votes', key: [checkpoint, round, verifier], value }])
    }
  }

  /** As gossip would bring it to every verifier and settler, or to those named. */
  tell(
    { signed, digest }: BuiltCheckpoint,
    votes: readonly SignedVote[],
    to: readonly SettlementNode[] = this.nodes,
  ): void {
    for (const { pool, role } of to) {
      if (role === 'provider') continue
      pool.addCheckpoint(signed, digest)
      pool.addVotes({ votes, openings: [] })
    }
  }

  /** The next checkpoint of a provider, stored, voted on and told. */
  async publish(
    verdict: Verdict & { readonly provider?: number; readonly count?: number } = {},
  ): Promise<BuiltCheckpoint> {
    const { provider = 0, count } = verdict
    const sequence = this.#nextSequence.get(provider) ?? 0
    this.#nextSequence.set(provider, sequence + 1)
    const built = await this.checkpoint({ provider, sequence, ...(count === undefined ? {} : { count }) })
    await this.keep(built)
    const votes = await this.votes(built, verdict)
    await this.cast(votes)
    this.tell(built, votes)
    return built
  }

  /** Waits until the chain holds batches with all these checkpoints. */
  async settled(built: readonly BuiltCheckpoint[]): Promise<void> {
    await until(async () => {
      const held = new Set((await this.leaves()).map(({ checkpoint }) => checkpoint))
      return built.every(({ digest }) => held.has(digest))
    }, `${built.length} checkpoints on chain`)
  }

  /** Every batch the chain holds, with leaves from whichever node has them. */
  async batches(): Promise<SignedBatch[]> {
    const last = await this.client.lastBatch()
    const found: SignedBatch[] = []
    for (let number = 1; number <= last.number; number += 1) {
      const anchored = await this.client.batch(number)
      if (anchored === undefined) break
      for (const { settledStore } of this.nodes) {
        const signed = await settledStore.batch(number, anchored.digest)
        if (signed === undefined) continue
        found.push(signed)
        break
      }
    }
    return found
  }

  async leaves() {
    return (await this.batches()).flatMap(({ leaves }) => leaves)
  }

  /** The chain's own word: numbers and previous digests without a gap, each checkpoint once, sequences without a gap. */
  async assertWhole(built: readonly BuiltCheckpoint[]): Promise<void> {
    const last = await this.client.lastBatch()
    let previous: Digest = ZERO_DIGEST
    const next = new Map<Address, number>()
    const seen: Digest[] = []
    for (let number = 1; number <= last.number; number += 1) {
      const anchored = await this.client.batch(number)
      if (anchored === undefined) throw new Error(`expected batch ${number} of ${last.number} on chain`)
      if (anchored.batch.previous !== previous) throw new Error(`batch ${number} does not follow ${number - 1}`)
      previous = anchored.digest
      const signed = (await this.batches())[number - 1]
      if (signed === undefined) throw new Error(`nobody holds the leaves of batch ${number}`)
      for (const { operator, sequence, checkpoint } of signed.leaves) {
        const expected = next.get(operator) ?? 0
        if (sequence !== expected) throw new Error(`expected ${operator} ${expected}, batch ${number} has ${sequence}`)
        next.set(operator, sequence + 1)
        seen.push(checkpoint)
      }
    }
    const expected = built.map(({ digest }) => digest)
    if (new Set(seen).size !== seen.length) throw new Error('a checkpoint was anchored twice')
    if ([...seen].sort().join() !== [...expected].sort().join()) {
      throw new Error(`expected ${expected.length} checkpoints on chain, got ${seen.length}`)
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.splice(0).map((node) => node.stop()))
    await this.chain.stop()
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** A chain with four signing verifiers, a provider and settlers that are staked; nodes are started by the test. */
export async function startSettlementWorld(
  counts: TestChainCounts = { verifier: 4, provider: 1, settler: 2 },
  running: { readonly settlers: number } = { settlers: 1 },
): Promise<SettlementWorld> {
  const chain = await startTestChain(counts)
  const directory = await mkdtemp(join(tmpdir(), 'opg-settlement-'))
  const client = chain.client()
  await client.start()
  const world = new SettlementWorld(chain, directory, client)
  for (let index = 0; index < (counts.provider ?? 0); index += 1) await world.start('provider', index)
  for (let index = 0; index < (counts.verifier ?? 0); index += 1) await world.start('verifier', index)
  for (let index = 0; index < running.settlers; index += 1) await world.start('settler', index)
  return world
}
