import {
  type Address,
  CHECKPOINT,
  type Digest,
  type Domain,
  digestOf,
  type JobRecord,
  OFFER,
  type ProviderEntry,
  type ProviderHistory,
  type SignedCheckpoint,
  type SignedGrant,
  type SignedOffer,
  type StoredAnswer,
  ZERO_DIGEST,
} from '../../protocol/index.ts'
import type { Store, Write } from '../../store/index.ts'
import { encode } from '../../wire/index.ts'
import { checkpointWrites, readCheckpoint } from '../checkpointStore.ts'
import { readStored, readStoredIf } from '../stored.ts'

/** What a provider keeps (R27). Every write is durable when its promise resolves. */
export interface ProviderJournal {
  commit(entries: readonly ProviderEntry[]): Promise<void>
  /** What is known of a job id: its answer, or that it was reserved and never answered. */
  find(jobId: Digest): Promise<StoredAnswer | 'reserved' | undefined>
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
        return this.#answerWrites(entry.answer, entry.digest)
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
  async find(jobId: Digest): Promise<StoredAnswer | 'reserved' | undefined> {
    if (!this.#store.has('reservations', [jobId])) return undefined
    const record = readStoredIf('JobRecord', await this.#store.get('records', [jobId]))
    return record === undefined ? 'reserved' : { jobId, record, chunks: record.transcript?.chunks ?? [] }
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
    return { nextCheckpoint, previousCheckpoint, loose: await this.#loose(covered) }
  }

  /** Receipts above what the last checkpoint of their grant covers, older grants first. */
  async #loose(covered: ReadonlyMap<Digest, number>): Promise<StoredAnswer[]> {
    const loose: StoredAnswer[] = []
    for await (const { key, value } of this.#store.iterate('receipts')) {
      const [grant, sequence] = key
      if (sequence < (covered.get(grant) ?? 0)) continue
      const { receipt } = readStored('SignedReceipt', value)
      if (receipt.provider !== this.#operator) continue
      const answer = await this.find(receipt.jobId)
      if (answer === undefined || answer === 'reserved') throw new RangeError(`receipt ${receipt.jobId} has no record`)
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
      const answer = receipt === undefined ? undefined : await this.find(receipt.receipt.jobId)
      if (answer === undefined || answer === 'reserved')
        throw new RangeError(`checkpoint ${digest} lacks record ${index}`)
      records.push(answer.record)
    }
    return records
  }
}
