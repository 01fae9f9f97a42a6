import {
  bytesToHex,
  canonicalBytes,
  type Digest,
  hexToBytes,
  joinSigned,
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
  /** The SignedCheckpoint: its table has one place a sequence, and an operator may sign two. */
  readonly signed: string
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

  /** The last one stored at the place of `digest`, which may be another. */
  checkpoint(digest: Digest): Promise<SignedCheckpoint | undefined> {
    return readCheckpoint(this.#store, digest)
  }

  /** What is held of a batch's signatures is not lost to a copy without them. */
  async commit(
    settled: readonly SettledCheckpoint[],
    batches: readonly { signed: SignedBatch; digest: Digest }[],
  ): Promise<void> {
    const writes: Write[] = settled.flatMap((entry) => settledWrites(entry))
    for (const { signed, digest } of batches) {
      const held = await this.batch(signed.batch.number, digest)
      const value = held === undefined ? signed : joinSigned(held, signed)
      if (value === held) continue
      writes.push({
        type: 'put',
        table: 'batches',
        key: [signed.batch.number, digest],
        value: encode('SignedBatch', value),
      })
    }
    await this.#store.commit(writes)
  }

  async settled(digest: Digest): Promise<SettledCheckpoint | undefined> {
    const bytes = await this.#store.get('settled', [digest])
    if (bytes === undefined) return undefined
    const certificate = readStoredIf('Certificate', await this.#store.get('certificates', [digest]))
    const facts = JSON.parse(new TextDecoder().decode(bytes)) as StoredFacts
    return {
      signed: readStored('SignedCheckpoint', hexToBytes(facts.signed)),
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

  /** What a final batch leaves behind: its leaves stand for its checkpoints, and no other proposal of its number counts. */
  async prune(number: number, digest: Digest, checkpoints: readonly Digest[]): Promise<void> {
    const writes: Write[] = checkpoints.map((key) => ({ type: 'delete', table: 'settled', key: [key] }))
    for await (const { key } of this.#store.iterate('batches', { prefix: [number] })) {
      if (key[1] !== digest) writes.push({ type: 'delete', table: 'batches', key })
    }
    await this.#store.commit(writes)
  }
}

function settledWrites(settled: SettledCheckpoint): Write[] {
  const { digest, votes } = settled
  const facts: StoredFacts = {
    signed: bytesToHex(encode('SignedCheckpoint', settled.signed)),
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
