import {
  Aes256Gcm,
  CipherSuite,
  DhkemX25519HkdfSha256,
  HkdfSha256,
  type RecipientContext,
  type SenderContext,
} from '@hpke/core'
import {
  bytesToHex,
  CodedError,
  type Digest,
  fail,
  hexToBytes,
  ok,
  type Random,
  type Result,
  utf8,
} from '../protocol/index.ts'
import { concatBytes, equalBytes } from './bytes.ts'
import { MAX_AAD_BYTES, MAX_CHUNK_INDEX, MAX_CHUNK_PLAINTEXT_BYTES, MAX_SEALED_PLAINTEXT_BYTES } from './constants.ts'
import type { Subtle, WebKey, WebKeyPair } from './webcrypto.ts'

export const SEALING_CODES = ['unsealable', 'bad-recipient-key', 'sealed-size', 'bad-index'] as const
export type SealingErrorCode = (typeof SEALING_CODES)[number]

export class SealingError extends CodedError<{
  readonly code: SealingErrorCode
  readonly expected: string
  readonly got: string
}> {}

/** The X25519 key of a session (R4): made at start, its private half cannot be exported. */
export interface EncryptionKey {
  /** 32 bytes, as `SessionGrant.encryptionKey` carries them. */
  readonly publicKey: Digest
  readonly keys: WebKeyPair
}

/** Which way a chunk travels: each way has a key of its own. */
export type Direction = 'to-requester' | 'to-provider'

export interface ChunkSealer {
  /** Indices must rise: a chunk to be sent again is sent as it was sealed. Throws SealingError. */
  sealChunk(index: number, plaintext: Uint8Array, aad?: Uint8Array): Promise<Uint8Array>
}

export interface ChunkOpener {
  /** Any order, any number of times; `unsealable` for chunks of another sealer than the first one opened. */
  openChunk(index: number, sealed: Uint8Array, aad?: Uint8Array): Promise<Result<Uint8Array, SealingError>>
}

/** What both ends of one sealed input share and nobody between them has. */
export interface ResponseKey {
  /** A new sealer has a key of its own, so the same input opened again never repeats key and nonce. */
  sealer(direction: Direction): Promise<ChunkSealer>
  opener(direction: Direction): ChunkOpener
}

export interface SealedInput {
  /** `enc || ct` (RFC 9180): 32 bytes of encapsulated key, then the ciphertext and its 16-byte tag. */
  readonly sealed: Uint8Array
  readonly response: ResponseKey
}

export interface OpenedInput {
  readonly plaintext: Uint8Array
  readonly response: ResponseKey
}

/**
 * R5: inputs sealed to an enclave's encryption key, answers to a key that travels inside them. HPKE (RFC 9180) in base
 * mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, all native to WebCrypto; `info` is the domain tag and the
 * network id, `aad` whatever the caller binds (grant digest, requester).
 */
export interface Sealing {
  generateEncryptionKey(): Promise<EncryptionKey>
  sealInput(recipient: Digest, plaintext: Uint8Array, aad: Uint8Array): Promise<Result<SealedInput, SealingError>>
  openInput(key: EncryptionKey, sealed: Uint8Array, aad: Uint8Array): Promise<Result<OpenedInput, SealingError>>
}

export interface SealingComponents {
  readonly subtle: Subtle
  readonly random: Random
}

/** `@hpke/core` takes its own cryptography from `globalThis.crypto`, chunks use `components.subtle`. */
export function createSealing(components: SealingComponents, init: { readonly networkId: Digest }): Sealing {
  return new HpkeSealing(components, init.networkId)
}

const ENC_BYTES = 32
const TAG_BYTES = 16
const IV_BYTES = 12
const RUN_BYTES = 16
const EXPORT_BYTES = 32
const INFO_TAG = 'OPG/seal/1'
const RESPONSE_TAG = 'OPG/seal/response/1'
const CHUNK_TAGS: Readonly<Record<Direction, string>> = {
  'to-requester': 'OPG/seal/chunk/1 to-requester',
  'to-provider': 'OPG/seal/chunk/1 to-provider',
}

class HpkeSealing implements Sealing {
  readonly #components: SealingComponents
  readonly #info: Uint8Array
  readonly #suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  })

  constructor(components: SealingComponents, networkId: Digest) {
    this.#components = components
    this.#info = concatBytes(utf8(INFO_TAG), hexToBytes(networkId))
  }

  async generateEncryptionKey(): Promise<EncryptionKey> {
    const { subtle } = this.#components
    const keys = (await subtle.generateKey({ name: 'X25519' }, false, ['deriveBits'])) as unknown as WebKeyPair
    const raw = await subtle.exportKey('raw', keys.publicKey)
    return { publicKey: bytesToHex(new Uint8Array(raw)), keys }
  }

  async sealInput(
    recipient: Digest,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): Promise<Result<SealedInput, SealingError>> {
    const sized = checkSizes(plaintext.length, MAX_SEALED_PLAINTEXT_BYTES, aad)
    if (!sized.ok) return sized
    const context = await this.#senderContext(recipient)
    if (!context.ok) return context
    const ciphertext = await context.value.seal(plaintext, aad)
    const secret = await context.value.export(utf8(RESPONSE_TAG), EXPORT_BYTES)
    const sealed = concatBytes(new Uint8Array(context.value.enc), new Uint8Array(ciphertext))
    return ok({ sealed, response: await this.#responseKey(secret) })
  }

  async #senderContext(recipient: Digest): Promise<Result<SenderContext, SealingError>> {
    try {
      const recipientPublicKey = await this.#suite.kem.deserializePublicKey(hexToBytes(recipient))
      return ok(await this.#suite.createSenderContext({ recipientPublicKey, info: this.#info }))
    } catch (cause) {
      return refuse('bad-recipient-key', 'an X25519 public key that is no low-order point', String(recipient), cause)
    }
  }

  async openInput(key: EncryptionKey, sealed: Uint8Array, aad: Uint8Array): Promise<Result<OpenedInput, SealingError>> {
    const length = sealed.length - ENC_BYTES - TAG_BYTES
    const sized = checkSizes(length, MAX_SEALED_PLAINTEXT_BYTES, aad)
    if (!sized.ok) return sized
    let context: RecipientContext
    let plaintext: ArrayBuffer
    try {
      const enc = sealed.slice(0, ENC_BYTES)
      context = await this.#suite.createRecipientContext({ recipientKey: key.keys, enc, info: this.#info })
      plaintext = await context.open(sealed.slice(ENC_BYTES), aad)
    } catch (cause) {
      return refuse('unsealable', `an input sealed to ${key.publicKey} with this context`, 'another', cause)
    }
    const secret = await context.export(utf8(RESPONSE_TAG), EXPORT_BYTES)
    return ok({ plaintext: new Uint8Array(plaintext), response: await this.#responseKey(secret) })
  }

  async #responseKey(secret: ArrayBuffer): Promise<ResponseKey> {
    const { subtle, random } = this.#components
    const base = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey'])
    const runKey = (direction: Direction, run: Uint8Array, usage: 'encrypt' | 'decrypt'): Promise<WebKey> =>
      subtle.deriveKey(
        { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(run), info: new Uint8Array(utf8(CHUNK_TAGS[direction])) },
        base,
        { name: 'AES-GCM', length: 256 },
        false,
        [usage],
      )
    return {
      async sealer(direction) {
        const run = random(RUN_BYTES)
        return new Sealer(subtle, run, await runKey(direction, run, 'encrypt'))
      },
      opener: (direction) => new Opener(subtle, (run) => runKey(direction, run, 'decrypt')),
    }
  }
}

class Sealer implements ChunkSealer {
  readonly #subtle: Subtle
  readonly #run: Uint8Array
  readonly #key: WebKey
  #next = 0

  constructor(subtle: Subtle, run: Uint8Array, key: WebKey) {
    this.#subtle = subtle
    this.#run = run
    this.#key = key
  }

  async sealChunk(index: number, plaintext: Uint8Array, aad: Uint8Array = EMPTY): Promise<Uint8Array> {
    if (!isIndex(index) || index < this.#next)
      throw sealingError('bad-index', `an index from ${this.#next} to ${MAX_CHUNK_INDEX}`, String(index))
    const sized = checkSizes(plaintext.length, MAX_CHUNK_PLAINTEXT_BYTES, aad)
    if (!sized.ok) throw sized.error
    this.#next = index + 1
    const sealed = await this.#subtle.encrypt(parameters(index, aad), this.#key, new Uint8Array(plaintext))
    return concatBytes(this.#run, new Uint8Array(sealed))
  }
}

class Opener implements ChunkOpener {
  readonly #subtle: Subtle
  readonly #runKey: (run: Uint8Array) => Promise<WebKey>
  #pinned: { readonly run: Uint8Array; readonly key: WebKey } | undefined

  constructor(subtle: Subtle, runKey: (run: Uint8Array) => Promise<WebKey>) {
    this.#subtle = subtle
    this.#runKey = runKey
  }

  async openChunk(
    index: number,
    sealed: Uint8Array,
    aad: Uint8Array = EMPTY,
  ): Promise<Result<Uint8Array, SealingError>> {
    if (!isIndex(index)) return refuse('bad-index', `an index up to ${MAX_CHUNK_INDEX}`, String(index))
    const sized = checkSizes(sealed.length - RUN_BYTES - TAG_BYTES, MAX_CHUNK_PLAINTEXT_BYTES, aad)
    if (!sized.ok) return sized
    const run = sealed.slice(0, RUN_BYTES)
    try {
      const key = this.#pinned?.key ?? (await this.#runKey(run))
      const ciphertext = new Uint8Array(sealed.subarray(RUN_BYTES))
      const plaintext = await this.#subtle.decrypt(parameters(index, aad), key, ciphertext)
      this.#pinned ??= { run, key }
      if (!equalBytes(this.#pinned.run, run)) return refuse('unsealable', 'chunks of one answer', 'another answer')
      return ok(new Uint8Array(plaintext))
    } catch (cause) {
      return refuse('unsealable', `chunk ${index} of this answer`, 'another', cause)
    }
  }
}

const EMPTY = new Uint8Array(0)

const isIndex = (index: number): boolean => Number.isInteger(index) && index >= 0 && index <= MAX_CHUNK_INDEX

/** AES-GCM with the index as its 96-bit nonce, big-endian. */
function parameters(index: number, aad: Uint8Array) {
  const iv = new Uint8Array(IV_BYTES)
  new DataView(iv.buffer).setUint32(IV_BYTES - 4, index)
  return { name: 'AES-GCM', iv, additionalData: new Uint8Array(aad), tagLength: TAG_BYTES * 8 }
}

function checkSizes(length: number, limit: number, aad: Uint8Array): Result<undefined, SealingError> {
  if (length < 0 || length > limit) return refuse('sealed-size', `0 to ${limit} bytes of content`, `${length} bytes`)
  if (aad.length > MAX_AAD_BYTES)
    return refuse('sealed-size', `at most ${MAX_AAD_BYTES} bytes of context`, `${aad.length} bytes`)
  return ok(undefined)
}

const sealingError = (code: SealingErrorCode, expected: string, got: string, cause?: unknown): SealingError =>
  new SealingError({ code, expected, got }, `${code}: expected ${expected}, got ${got}`, { cause })

const refuse = (code: SealingErrorCode, expected: string, got: string, cause?: unknown) =>
  fail(sealingError(code, expected, got, cause))
