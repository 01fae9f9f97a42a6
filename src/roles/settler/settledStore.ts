import {
  canonicalBytes,
  type Digest,
  type ReceiptFacts,
  type SettledCheckpoint,
  type SignedBatch,
  type SignedCheckpoint,
} from '../../protocol/index.ts'
import type { Store, Write } from '../../store/index.ts'
import { encode } from '../../wire/index.ts'
import { checkpointWrites, readCheckpoint } from '../checkpointStore.ts'
import { readStored, readStoredIf } from '../stored.ts'

interface StoredFacts {
  readonly accepted: string
  readonly rejected: string
  readonly receipts: readonly { readonly digest: Digest; readonly fee: string; readonly mac: string }[]
}

/** What settlers and signers keep (R19, R20, R27): checkpoints ready to be anchored, and batches. */
export class SettledStore {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  saveCheckpoint(signed: SignedCheckpoint, digest: Digest): Promise<void> {
    return this.#store.commit(checkpointWrites(signed, digest))
  }

  checkpoint(digest: Digest): Promise<SignedCheckpoint | undefined> {
    return readCheckpoint(this.#store, digest)
  }

  async commit(
    settled: readonly SettledCheckpoint[],
    batches: readonly { signed: SignedBatch; digest: Digest }[],
  ): Promise<void> {
    const writes: Write[] = settled.flatMap((entry) => settledWrites(entry))
    for (const { signed, digest } of batches) {
      writes.push({
        type: 'put',
        table: 'batches',
        key: [signed.batch.number, digest],
        value: encode('SignedBatch', signed),
      })
    }
    await this.#store.commit(writes)
  }

  async settled(digest: Digest): Promise<SettledCheckpoint | undefined> {
    const bytes = await this.#store.get('settled', [digest])
    if (bytes === undefined) return undefined
    const signed = await readCheckpoint(this.#store, digest)
    if (signed === undefined) throw new RangeError(`checkpoint ${digest} is settled but not stored`)
    const certificate = readStoredIf('Certificate', await this.#store.get('certificates', [digest]))
    const facts = JSON.parse(new TextDecoder().decode(bytes)) as StoredFacts
    return {
      signed,
      digest,
      accepted: BigInt(facts.accepted),
      rejected: BigInt(facts.rejected),
      votes: certificate?.votes ?? [],
      receipts: facts.receipts.map(
        (entry): ReceiptFacts => ({
          digest: entry.digest,
          fee: BigInt(entry.fee),
          mac: BigInt(entry.mac),
        }),
      ),
    }
  }

  async allSettled(): Promise<SettledCheckpoint[]> {
    const all: SettledCheckpoint[] = []
    for await (const { key } of this.#store.iterate('settled')) {
      const settled = await this.settled(key[0])
      if (settled !== undefined) all.push(settled)
    }
    return all
  }

  async batch(number: number, digest?: Digest): Promise<SignedBatch | undefined> {
    if (digest !== undefined) return readStoredIf('SignedBatch', await this.#store.get('batches', [number, digest]))
    for await (const { value } of this.#store.iterate('batches', { prefix: [number], limit: 1 })) {
      return readStored('SignedBatch', value)
    }
    return undefined
  }

  async batches(from: number): Promise<SignedBatch[]> {
    const found: SignedBatch[] = []
    for await (const { value } of this.#store.iterate('batches', { gte: [from] })) {
      found.push(readStored('SignedBatch', value))
    }
    return found
  }

  /** Checkpoints of anchored batches are kept by their leaves alone. */
  async prune(digests: readonly Digest[]): Promise<void> {
    await this.#store.commit(digests.map((digest) => ({ type: 'delete', table: 'settled', key: [digest] }) as const))
  }
}

function settledWrites(settled: SettledCheckpoint): Write[] {
  const { digest, votes } = settled
  const facts: StoredFacts = {
    accepted: settled.accepted.toString(),
    rejected: settled.rejected.toString(),
    receipts: settled.receipts.map(({ digest: receipt, fee, mac }) => ({
      digest: receipt,
      fee: fee.toString(),
      mac: mac.toString(),
    })),
  }
  const certificate: Write[] =
    votes.length === 0
      ? []
      : [
          {
            type: 'put',
            table: 'certificates',
            key: [digest],
            value: encode('Certificate', { checkpoint: digest, votes }),
          },
        ]
  return [
    ...checkpointWrites(settled.signed, digest),
    ...certificate,
    {
      type: 'put',
      table: 'settled',
      key: [digest],
      value: canonicalBytes({ ...facts, receipts: [...facts.receipts] }),
    },
  ]
}
