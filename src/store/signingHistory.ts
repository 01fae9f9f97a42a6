import { bytesToHex, canonicalBytes, type Digest, isDigest, nameOfCode, toError, writeHex } from '../protocol/index.ts'
import { MAX_HISTORY_BYTES } from './constants.ts'
import { corrupt, StoreError } from './errors.ts'
import { SIGNING_KIND, type Signed, type SigningKind } from './interface.ts'
import { decodeUint, encodeUint, type Key } from './layout.ts'

const HISTORY_VERSION = 1
const SEQUENCE_BYTES = 8
const DIGEST_BYTES = 32

export const signingKey = (kind: SigningKind, scope: Digest): Key<'signing'> => [SIGNING_KIND[kind], scope]

/** Sequence, then the digest of what was signed. */
export function signingValue(sequence: number, digest: Digest): Uint8Array {
  const bytes = new Uint8Array(SEQUENCE_BYTES + DIGEST_BYTES)
  bytes.set(encodeUint(sequence, SEQUENCE_BYTES), 0)
  writeHex(digest, bytes, SEQUENCE_BYTES)
  return bytes
}

export function readSigned([code, scope]: Key<'signing'>, value: Uint8Array): Signed {
  const kind = nameOfCode(SIGNING_KIND, code)
  if (!isSigningKind(kind) || value.length !== SEQUENCE_BYTES + DIGEST_BYTES) {
    throw corrupt(`signing history of kind ${code} holds ${value.length} bytes`)
  }
  const sequence = decodeUint(value.subarray(0, SEQUENCE_BYTES))
  return { kind, scope, sequence, digest: bytesToHex(value.subarray(SEQUENCE_BYTES)) }
}

export function writeHistory(entries: readonly Signed[], exportedAt: number): Uint8Array {
  const plain = entries.map(({ kind, scope, sequence, digest }) => ({ kind, scope, sequence, digest }))
  return canonicalBytes({ version: HISTORY_VERSION, exportedAt, entries: plain })
}

/** Throws StoreError `invalid-history`. */
export function readHistory(bytes: Uint8Array): Signed[] {
  if (bytes.length > MAX_HISTORY_BYTES)
    throw invalid(`expected at most ${MAX_HISTORY_BYTES} bytes, got ${bytes.length}`)
  const file = parse(bytes)
  if (!isRecord(file) || file.version !== HISTORY_VERSION) throw invalid(`expected version ${HISTORY_VERSION}`)
  if (!Array.isArray(file.entries)) throw invalid('expected entries')
  return file.entries.map(readEntry)
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (thrown) {
    throw invalid('expected JSON', toError(thrown))
  }
}

function readEntry(entry: unknown, index: number): Signed {
  if (!isRecord(entry)) throw invalid(`entry ${index} is not an object`)
  const { kind, scope, sequence, digest } = entry
  if (typeof kind !== 'string' || !isSigningKind(kind)) throw invalid(`entry ${index} has an unknown kind`)
  if (!isDigest(scope) || !isDigest(digest)) throw invalid(`entry ${index} has no scope or digest`)
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0) {
    throw invalid(`entry ${index} has no sequence`)
  }
  return { kind, scope, sequence, digest }
}

const isSigningKind = (name: string): name is SigningKind => Object.hasOwn(SIGNING_KIND, name)

const isRecord = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (problem: string, cause?: Error): StoreError =>
  new StoreError(
    { code: 'invalid-history', problem },
    `signing history: ${problem}`,
    cause === undefined ? {} : { cause },
  )
