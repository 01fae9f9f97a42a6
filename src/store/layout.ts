import { type Address, bytesToHex, type Digest, isAddress, isDigest, utf8, writeHex } from '../protocol/index.ts'
import { invalidKey } from './errors.ts'

/** Parts of keys. All but `text` have a fixed width and are big-endian, so that bytes sort as tuples do; `text` comes last. */
type Part = 'digest' | 'address' | 'uint64' | 'uint32' | 'uint8' | 'text'
type PartValue<P extends Part> = P extends 'digest'
  ? Digest
  : P extends 'address'
    ? Address
    : P extends 'text'
      ? string
      : number

/** Every table of the store and its key. Adding one needs no migration; changing one raises `SCHEMA_VERSION`. */
export const TABLES = {
  /** Own keys' public facts, by name. */
  identity: ['text'],
  /** Signed grants, own and others', by digest. */
  grants: ['digest'],
  /** Jobs a provider has accepted, by job id. */
  reservations: ['digest'],
  /** Signed heads, by job id and chunk index. */
  heads: ['digest', 'uint32'],
  /** Signed receipts, by grant and sequence. */
  receipts: ['digest', 'uint64'],
  /** Records, by job id. */
  records: ['digest'],
  /** Signed checkpoints, by operator and sequence. */
  checkpoints: ['address', 'uint64'],
  /** Signed votes, by checkpoint, round and verifier. */
  votes: ['digest', 'uint8', 'address'],
  /** Opened work, by checkpoint, round and verifier. */
  openings: ['digest', 'uint8', 'address'],
  /** Certificates, by checkpoint. */
  certificates: ['digest'],
  /** Verdicts and receipt facts of checkpoints that wait for a batch, by checkpoint. */
  settled: ['digest'],
  /** Signed batches, by number and digest: several proposals of one number may be signed (R19). */
  batches: ['uint64', 'digest'],
  /** Latest offers, by operator. */
  offers: ['address'],
  /** Standing of peers, by PeerId. */
  reputation: ['text'],
  /** Proofs of equivocation, by the digest of the place that was signed twice. */
  evidence: ['digest'],
  /** A requester's own jobs, by job id. */
  requests: ['digest'],
  /** Payments that are reserved and not settled, by payment id (R27). */
  setAside: ['digest'],
  /** Settled payments, by payment id. */
  spendings: ['digest'],
  /** What is spent of a token in a UTC day. */
  spentDays: ['address', 'uint32'],
  /** What is spent of a token by a voucher key in its life. */
  spentKeys: ['address', 'address'],
  /** What a facilitator sends and has sent, by payment identity. */
  settlements: ['digest'],
  /** A provider's books of payment channels, by channel. */
  payeeChannels: ['digest'],
  /** A provider's jobs that are not settled, by channel and job id. */
  payeeJobs: ['digest', 'digest'],
  /** How a provider's jobs ended, by job id. */
  payeeSettlements: ['digest'],
  /** Transactions a provider sends for its channels, by what each is for, until they are safe (R22, R27). */
  payeeTransactions: ['digest'],
  /** A requester's books of payment channels, by channel. */
  payerChannels: ['digest'],
  /** A requester's jobs that are not settled, by channel and job id. */
  payerJobs: ['digest', 'digest'],
  /** How a requester's jobs ended, by job id. */
  payerSettlements: ['digest'],
  /** Parts of what was released of a job before its receipt, by job id and the index of their last chunk. */
  progress: ['digest', 'uint32'],
  /** Where an object of another table lies, by the object's digest. */
  digests: ['digest'],
  /** Highest signature of each kind and scope (R27): written by `sign` alone. */
  signing: ['uint8', 'digest'],
  /** Payments at the gateway's door, by the digest of what each authorises. */
  gatewayPayments: ['digest'],
  /** Receipt files that answer them, by the same digest. */
  gatewayAnswers: ['digest'],
  /** Which payment an identifier of a payer names, by the digest of both. */
  gatewayIdentifiers: ['digest'],
  /** Payment channels towards the gateway, by channel id. */
  gatewayChannels: ['digest'],
  /** Facts about the store, by name. */
  meta: ['text'],
} as const satisfies { readonly [table: string]: readonly Part[] }

export type Table = keyof typeof TABLES
export const TABLE_NAMES = Object.keys(TABLES) as readonly Table[]

type KeyParts<P extends readonly Part[]> = { readonly [I in keyof P]: PartValue<P[I]> }
/** A whole key of a table. */
export type Key<T extends Table> = KeyParts<(typeof TABLES)[T]>
/** The first parts of a key: none, some or all. */
export type KeyPrefix<T extends Table> =
  Key<T> extends readonly [infer A, infer B, infer C]
    ? readonly [] | readonly [A] | readonly [A, B] | readonly [A, B, C]
    : Key<T> extends readonly [infer A, infer B]
      ? readonly [] | readonly [A] | readonly [A, B]
      : readonly [] | Key<T>

const WIDTH: { readonly [P in Exclude<Part, 'text'>]: number } = {
  digest: 32,
  address: 20,
  uint64: 8,
  uint32: 4,
  uint8: 1,
}
const HIGHEST = { uint64: Number.MAX_SAFE_INTEGER, uint32: 2 ** 32 - 1, uint8: 255 } as const
const MAX_TEXT_BYTES = 256
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes of a key or of the first parts of one. Throws StoreError `invalid-key`. */
export function encodeKey(table: Table, key: readonly unknown[]): Uint8Array {
  const parts: readonly Part[] = TABLES[table]
  if (key.length > parts.length) throw invalidKey(table, `expected at most ${parts.length} parts, got ${key.length}`)
  const pieces = key.map((value, index) => encodePart(table, parts[index] as Part, value))
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece, offset)
    offset += piece.length
  }
  return bytes
}

export function encodeWholeKey(table: Table, key: readonly unknown[]): Uint8Array {
  if (key.length !== TABLES[table].length) {
    throw invalidKey(table, `expected ${TABLES[table].length} parts, got ${key.length}`)
  }
  return encodeKey(table, key)
}

function encodePart(table: Table, part: Part, value: unknown): Uint8Array {
  switch (part) {
    case 'digest':
    case 'address': {
      if (part === 'digest' ? !isDigest(value) : !isAddress(value))
        throw invalidKey(table, `expected a ${part}, got ${value}`)
      const bytes = new Uint8Array(WIDTH[part])
      writeHex(value as Digest, bytes, 0)
      return bytes
    }
    case 'text': {
      const bytes = typeof value === 'string' && value.isWellFormed() ? utf8(value) : new Uint8Array()
      if (bytes.length === 0 || bytes.length > MAX_TEXT_BYTES)
        throw invalidKey(table, `expected 1 to ${MAX_TEXT_BYTES} bytes of text`)
      return bytes
    }
    default: {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > HIGHEST[part]) {
        throw invalidKey(table, `expected an integer from 0 to ${HIGHEST[part]}, got ${value}`)
      }
      return encodeUint(value, WIDTH[part])
    }
  }
}

/** The key that `encodeKey` made. Throws StoreError `invalid-key` on other bytes. */
export function decodeKey<T extends Table>(table: T, bytes: Uint8Array): Key<T> {
  const key: unknown[] = []
  let offset = 0
  for (const part of TABLES[table] as readonly Part[]) {
    const width = part === 'text' ? bytes.length - offset : WIDTH[part]
    if (width < 1 || offset + width > bytes.length) throw invalidKey(table, `expected more than ${bytes.length} bytes`)
    const piece = bytes.subarray(offset, offset + width)
    offset += width
    if (part === 'digest' || part === 'address') key.push(bytesToHex(piece))
    else key.push(part === 'text' ? decoder.decode(piece) : decodeUint(piece))
  }
  if (offset !== bytes.length) throw invalidKey(table, `expected ${offset} bytes, got ${bytes.length}`)
  return key as unknown as Key<T>
}

/** The first key after every key that starts with `prefix`; undefined when there is none. */
export function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1
  if (length === 0) return undefined
  const bytes = prefix.slice(0, length)
  bytes[length - 1] = (bytes[length - 1] as number) + 1
  return bytes
}

export function encodeUint(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width)
  let rest = value
  for (let at = width - 1; at >= 0; at -= 1) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

export function decodeUint(bytes: Uint8Array): number {
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  return value
}
