import type { Clock, Digest } from '../protocol/index.ts'
import type { Key, KeyPrefix, Table } from './layout.ts'

/** The part of a pino logger that this room uses. Never given keys or values. */
export interface StoreLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface StoreInit {
  readonly clock: Clock
  readonly logger: StoreLogger
}

/** What a node signs in a sequence of its own, with the code under which it is kept. */
export const SIGNING_KIND = { grant: 1, offer: 2, load: 3, receipt: 4, checkpoint: 5, vote: 6, batch: 7 } as const
export type SigningKind = keyof typeof SIGNING_KIND

/**
 * One signature (R27). `scope` is what the sequence counts in: the grant for receipts, the checkpoint for votes (whose sequence is
 * the round), the zero digest where an operator has one sequence.
 */
export interface Signed {
  readonly kind: SigningKind
  readonly scope: Digest
  readonly sequence: number
  /** What was signed. */
  readonly digest: Digest
}

type DataTable = Exclude<Table, 'signing'>

export type Write =
  | {
      [T in DataTable]: { readonly type: 'put'; readonly table: T; readonly key: Key<T>; readonly value: Uint8Array }
    }[DataTable]
  /** As put, but `key-taken` when the key holds other bytes. */
  | {
      [T in DataTable]: { readonly type: 'insert'; readonly table: T; readonly key: Key<T>; readonly value: Uint8Array }
    }[DataTable]
  | { [T in DataTable]: { readonly type: 'delete'; readonly table: T; readonly key: Key<T> } }[DataTable]
  /** Says that a signature is about to leave: `signed-before` unless the sequence is above the last, or it is the last. */
  | ({ readonly type: 'sign' } & Signed)

export interface Range<T extends Table> {
  /** Keys that start with these parts. */
  readonly prefix?: KeyPrefix<T>
  /** Keys at or after. */
  readonly gte?: KeyPrefix<T>
  /** Keys before. */
  readonly lt?: KeyPrefix<T>
  readonly reverse?: boolean
  readonly limit?: number
}

export interface Entry<T extends Table> {
  readonly key: Key<T>
  readonly value: Uint8Array
}

export interface ImportedHistory {
  /** Entries that were above ours. */
  readonly raised: number
  /** Entries at or below ours. */
  readonly kept: number
  /** Entries at our sequence with another digest: a twin has signed with this key. */
  readonly conflicts: readonly Signed[]
}

/** One directory, one process. All methods reject with StoreError `store-closed` after `close`. */
export interface Store {
  /**
   * All writes or none; resolves when they are on disk (R27), until when values must not be changed. Commits that wait together share one fsync, in order. Rejects with
   * StoreError `key-taken | signed-before | invalid-key | too-large` (nothing of this commit is written) or `store-failed` (unknown;
   * no later commit is taken).
   */
  commit(writes: readonly Write[]): Promise<void>
  get<T extends Table>(table: T, key: Key<T>): Promise<Uint8Array | undefined>
  /** At once: that a key is absent, the filters in memory nearly always know. Throws StoreError `store-closed | store-failed`. */
  has<T extends Table>(table: T, key: Key<T>): boolean
  /** In key order, as of the moment of the call. */
  iterate<T extends Table>(table: T, range?: Range<T>): AsyncIterable<Entry<T>>
  /** The highest signature of a kind in a scope. */
  lastSigned(kind: SigningKind, scope: Digest): Promise<Signed | undefined>
  /** RFC 8785 JSON of every kind's and scope's highest signature (R27). */
  exportSigningHistory(): Promise<Uint8Array>
  /** Raises, never lowers. Rejects with StoreError `invalid-history`, having changed nothing. */
  importSigningHistory(bytes: Uint8Array): Promise<ImportedHistory>
  /** Waits for commits under way. */
  close(): Promise<void>
}
