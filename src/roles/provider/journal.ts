import {
  type Address,
  type CertifiedReceipt,
  CHECKPOINT,
  type CutJob,
  type Digest,
  type Domain,
  digestOf,
  type JobAccount,
  type JobRecord,
  MODE,
  merkleProof,
  OFFER,
  type ProviderEntry,
  type ProviderHistory,
  RECEIPT,
  type SignedCheckpoint,
  type SignedGrant,
  type SignedOffer,
  type StoredAnswer,
  type StoredChannel,
  type StoredJob,
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import type { Store, Write } from '../../store/index.ts'
import { encode } from '../../wire/index.ts'
import { checkpointWrites, readCheckpoint } from '../checkpointStore.ts'
import { readStored, readStoredIf } from '../stored.ts'

/** What a provider keeps (R27). Every write is durable when its promise resolves. */
export interface ProviderJournal {
  commit(entries: readonly ProviderEntry[]): Promise<void>
  /** What is known of a job id: its answer, or what was released of it when it was reserved and never answered. */
  find(jobId: Digest): Promise<StoredJob>
  /** Books of a channel with the jobs that are not settled. */
  channel(id: Digest): Promise<StoredChannel | undefined>
  history(): Promise<ProviderHistory>
  saveGrant(digest: Digest, signed: SignedGrant): Promise<void>
  grant(digest: Digest): Promise<SignedGrant | undefined>
  /** Digest of the grant saved last. */
  latestGrant(): Promise<Digest | undefined>
  saveOffer(signed: SignedOffer): Promise<void>
  /** Above every offer saved before, over restarts. */
  nextOfferSequence(): Promise<number>
  checkpoint(digest: Digest): Promise<SignedCheckpoint | undefined>
  /** By ascending sequence. */
  checkpoints(from: number, count: number): Promise<SignedCheckpoint[]>
  /** Records of a checkpoint by index; undefined when it is not ours. */
  records(digest: Digest, from: number, count: number): Promise<JobRecord[] | undefined>
}

export function createProviderJournal(
  components: { readonly store: Store },
  init: { readonly domain: Domain; readonly operator: Address },
): ProviderJournal {
  return new StoredJournal(components.store, init.domain, init.operator)
}

/** Checkpoints looked through for that of a receipt, newest first. */
const MAX_SEARCHED = 4_096

class StoredJournal implements ProviderJournal {
  readonly #store: Store
  readonly #domain: Domain
  readonly #operator: Address

  constructor(store: Store, domain: Domain, operator: Address) {
    this.#store = store
    this.#domain = domain
    this.#operator = operator
  }

  commit(entries: readonly ProviderEntry[]): Promise<void> {
    return this.#store.commit(entries.flatMap((entry) => this.#writes(entry)))
  }

  #writes(entry: ProviderEntry): Write[] {
    switch (entry.kind) {
      case 'reservation':
        return [{ type: 'put', table: 'reservations', key: [entry.jobId], value: encode('Job', entry.job) }]
      case 'release':
        return [{ type: 'delete', table: 'reservations', key: [entry.jobId] }]
      case 'answer':
        return [
          ...this.#answerWrites(entry.answer, entry.digest),
          ...entry.progress.map(
            (index): Write => ({ type: 'delete', table: 'progress', key: [entry.answer.jobId, index] }),
          ),
        ]
      case 'progress': {
        const { jobId, head, chunks } = entry
        const value = encode('JobProgress', { jobId, heads: [head], chunks })
        return [{ type: 'put', table: 'progress', key: [jobId, head.head.index], value }]
      }
      case 'channel-account': {
        const { account } = entry
        const value = encode('ChannelAccount', account)
        return [{ type: 'put', table: 'payeeChannels', key: [account.id], value }]
      }
      case 'job-account':
        return jobWrites(entry.account)
      case 'checkpoint':
        return [
          ...checkpointWrites(entry.signed, entry.digest),
          {
            type: 'sign',
            kind: 'checkpoint',
            scope: ZERO_DIGEST,
            sequence: entry.signed.checkpoint.sequence,
            digest: entry.digest,
          },
        ]
      case 'certificate': {
        const { certificate } = entry
        const value = encode('Certificate', certificate)
        return [{ type: 'put', table: 'certificates', key: [certificate.checkpoint], value }]
      }
    }
  }

  #answerWrites({ jobId, record }: StoredAnswer, digest: Digest): Write[] {
    const { receipt, receiptSignature: signature } = record
    const { grant, sequence } = receipt
    return [
      { type: 'put', table: 'records', key: [jobId], value: encode('JobRecord', record) },
      {
        type: 'put',
        table: 'receipts',
        key: [grant, sequence],
        value: encode('SignedReceipt', { receipt, signature }),
      },
      { type: 'sign', kind: 'receipt', scope: grant, sequence, digest },
    ]
  }

  /** Every job that was ever answered was reserved first, so a new one costs a single look. */
  async find(jobId: Digest): Promise<StoredJob> {
    if (!this.#store.has('reservations', [jobId])) return undefined
    const reserved = readStoredIf('Job', await this.#store.get('reservations', [jobId]))
    if (reserved === undefined) return undefined
    const answer = await this.#answer(jobId)
    if (answer === undefined) return await this.#cut(jobId, reserved)
    if (reserved.mode !== MODE.quorum) return answer
    // What was paid back stays so, whatever a batch brings later: else its requester would pay what is not charged.
    const certified = (await this.#isRefunded(jobId)) ? undefined : await this.#certified(answer.record)
    return certified === undefined ? answer : { ...answer, certified }
  }

  async #isRefunded(jobId: Digest): Promise<boolean> {
    if (!this.#store.has('payeeSettlements', [jobId])) return false
    return readStoredIf('JobAccount', await this.#store.get('payeeSettlements', [jobId]))?.outcome === 'refunded'
  }

  async #answer(jobId: Digest): Promise<StoredAnswer | undefined> {
    const record = readStoredIf('JobRecord', await this.#store.get('records', [jobId]))
    return record === undefined ? undefined : { jobId, record, chunks: record.transcript?.chunks ?? [] }
  }

  async #cut(jobId: Digest, job: CutJob['job']): Promise<CutJob> {
    const heads: CutJob['heads'][number][] = []
    const chunks: CutJob['chunks'][number][] = []
    for await (const { value } of this.#store.iterate('progress', { prefix: [jobId] })) {
      const part = readStored('JobProgress', value)
      heads.push(...part.heads)
      chunks.push(...part.chunks)
    }
    return { jobId, job, heads, chunks }
  }

  /** The certificate of the checkpoint that holds a receipt, where it is stored. */
  async #certified({ receipt: { grant, sequence } }: JobRecord): Promise<CertifiedReceipt | undefined> {
    const range = { prefix: [this.#operator] as const, reverse: true, limit: MAX_SEARCHED }
    for await (const { value } of this.#store.iterate('checkpoints', range)) {
      const signed = readStored('SignedCheckpoint', value)
      const { checkpoint } = signed
      const index = sequence - checkpoint.firstSequence
      if (checkpoint.grant !== grant || index < 0 || index >= checkpoint.count) continue
      const key = [digestOf(this.#domain, CHECKPOINT, checkpoint)] as const
      const certificate = readStoredIf('Certificate', await this.#store.get('certificates', key))
      if (certificate === undefined) return undefined
      const digests = await this.#receiptDigests(checkpoint)
      return { signed, certificate, receiptProof: merkleProof('receipt', digests, index) }
    }
    return undefined
  }

  async #receiptDigests({ grant, firstSequence, count }: SignedCheckpoint['checkpoint']): Promise<Digest[]> {
    const range = { prefix: [grant] as const, gte: [grant, firstSequence] as const, limit: count }
    const digests: Digest[] = []
    for await (const { value } of this.#store.iterate('receipts', range)) {
      digests.push(digestOf(this.#domain, RECEIPT, readStored('SignedReceipt', value).receipt))
    }
    return digests
  }

  async channel(id: Digest): Promise<StoredChannel | undefined> {
    const account = readStoredIf('ChannelAccount', await this.#store.get('payeeChannels', [id]))
    return account === undefined ? undefined : { account, jobs: await this.#unsettled(id) }
  }

  async #unsettled(channel: Digest): Promise<StoredChannel['jobs']> {
    const jobs: StoredChannel['jobs'][number][] = []
    for await (const { value } of this.#store.iterate('payeeJobs', { prefix: [channel] })) {
      jobs.push(readStored('JobAccount', value))
    }
    return inOrder(jobs)
  }

  /** Channels with jobs that are not settled, or of which something may still be claimed. */
  async #channels(): Promise<StoredChannel[]> {
    const channels: StoredChannel[] = []
    for await (const { key, value } of this.#store.iterate('payeeChannels')) {
      const account = readStored('ChannelAccount', value)
      const jobs = await this.#unsettled(key[0])
      if (jobs.length > 0 || account.charged > 0n) channels.push({ account, jobs })
    }
    return channels
  }

  async history(): Promise<ProviderHistory> {
    const covered = new Map<Digest, number>()
    let nextCheckpoint = 0
    let previousCheckpoint = ZERO_DIGEST
    for await (const { value } of this.#store.iterate('checkpoints', { prefix: [this.#operator] })) {
      const { checkpoint } = readStored('SignedCheckpoint', value)
      covered.set(checkpoint.grant, checkpoint.firstSequence + checkpoint.count)
      nextCheckpoint = checkpoint.sequence + 1
      previousCheckpoint = digestOf(this.#domain, CHECKPOINT, checkpoint)
    }
    const [loose, channels] = await Promise.all([this.#loose(covered), this.#channels()])
    return { nextCheckpoint, previousCheckpoint, loose, channels }
  }

  /** Receipts above what the last checkpoint of their grant covers, older grants first. */
  async #loose(covered: ReadonlyMap<Digest, number>): Promise<StoredAnswer[]> {
    const loose: StoredAnswer[] = []
    for await (const { key, value } of this.#store.iterate('receipts')) {
      const [grant, sequence] = key
      if (sequence < (covered.get(grant) ?? 0)) continue
      const { receipt } = readStored('SignedReceipt', value)
      if (receipt.provider !== this.#operator) continue
      const answer = await this.#answer(receipt.jobId)
      if (answer === undefined) throw new RangeError(`receipt ${receipt.jobId} has no record`)
      loose.push(answer)
    }
    const startOf = new Map(
      loose.map(({ record }) => [record.receipt.grant, record.receipt.startedAt] as const).reverse(),
    )
    return loose.sort(({ record: { receipt: a } }, { record: { receipt: b } }) =>
      a.grant === b.grant ? a.sequence - b.sequence : (startOf.get(a.grant) ?? 0) - (startOf.get(b.grant) ?? 0),
    )
  }

  async saveGrant(digest: Digest, signed: SignedGrant): Promise<void> {
    await this.#store.commit([
      { type: 'put', table: 'grants', key: [digest], value: encode('SignedGrant', signed) },
      { type: 'sign', kind: 'grant', scope: ZERO_DIGEST, sequence: signed.grant.notBefore, digest },
    ])
  }

  async grant(digest: Digest): Promise<SignedGrant | undefined> {
    return readStoredIf('SignedGrant', await this.#store.get('grants', [digest]))
  }

  async latestGrant(): Promise<Digest | undefined> {
    return (await this.#store.lastSigned('grant', ZERO_DIGEST))?.digest
  }

  async saveOffer(signed: SignedOffer): Promise<void> {
    const digest = digestOf(this.#domain, OFFER, signed.offer)
    await this.#store.commit([
      { type: 'put', table: 'offers', key: [this.#operator], value: encode('SignedOffer', signed) },
      { type: 'sign', kind: 'offer', scope: ZERO_DIGEST, sequence: signed.offer.sequence, digest },
    ])
  }

  async nextOfferSequence(): Promise<number> {
    return ((await this.#store.lastSigned('offer', ZERO_DIGEST))?.sequence ?? 0) + 1
  }

  checkpoint(digest: Digest): Promise<SignedCheckpoint | undefined> {
    return readCheckpoint(this.#store, digest)
  }

  async checkpoints(from: number, count: number): Promise<SignedCheckpoint[]> {
    const found: SignedCheckpoint[] = []
    const range = { prefix: [this.#operator] as const, gte: [this.#operator, from] as const, limit: count }
    for await (const { value } of this.#store.iterate('checkpoints', range)) {
      found.push(readStored('SignedCheckpoint', value))
    }
    return found
  }

  async records(digest: Digest, from: number, count: number): Promise<JobRecord[] | undefined> {
    const signed = await this.checkpoint(digest)
    if (signed === undefined || signed.checkpoint.operator !== this.#operator) return undefined
    const { grant, firstSequence, count: held } = signed.checkpoint
    const records: JobRecord[] = []
    for (let index = from; index < Math.min(held, from + count); index += 1) {
      const bytes = await this.#store.get('receipts', [grant, firstSequence + index])
      const receipt = readStoredIf('SignedReceipt', bytes)
      const answer = receipt === undefined ? undefined : await this.#answer(receipt.receipt.jobId)
      if (answer === undefined) throw new RangeError(`checkpoint ${digest} lacks record ${index}`)
      records.push(answer.record)
    }
    return records
  }
}

function jobWrites(account: JobAccount): Write[] {
  const { jobId, channel, state } = account
  const value = encode('JobAccount', account)
  if (state !== 'settled') return [{ type: 'put', table: 'payeeJobs', key: [channel, jobId], value }]
  return [
    { type: 'delete', table: 'payeeJobs', key: [channel, jobId] },
    { type: 'put', table: 'payeeSettlements', key: [jobId], value },
  ]
}

/** A ledger settles in the order of serving; the keys of the table say nothing of it. */
const inOrder = (jobs: readonly JobAccount[]): JobAccount[] =>
  jobs.toSorted((a, b) => Number(a.state === 'pending') - Number(b.state === 'pending') || a.since - b.since)
