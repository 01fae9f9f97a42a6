import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { z } from 'zod'
import {
  type Address,
  addressFromPublicKey,
  bytesToHex,
  CodedError,
  type Digest,
  isDigest,
  keccakBytes,
  type Secp256k1,
  toError,
  utf8,
} from '../protocol/index.ts'

export type KeystoreErrorDetail =
  | { readonly code: 'key-not-found'; readonly path: string }
  | { readonly code: 'key-exists'; readonly path: string }
  | { readonly code: 'key-unreadable'; readonly path: string }
  | { readonly code: 'key-insecure-permissions'; readonly path: string; readonly got: string }
  | { readonly code: 'key-malformed'; readonly field: string }
  | { readonly code: 'key-unsupported'; readonly field: string; readonly got: string }
  | { readonly code: 'key-too-costly'; readonly field: string; readonly limit: number; readonly got: number }
  | { readonly code: 'key-wrong-password' }
  | { readonly code: 'key-wrong-address'; readonly expected: string; readonly got: string }
  | { readonly code: 'key-foreign-network'; readonly expected: Digest; readonly got: string }
  | { readonly code: 'key-wrong-role'; readonly expected: string; readonly got: string }
  | { readonly code: 'key-devnet' }

export type KeystoreErrorCode = KeystoreErrorDetail['code']

/** A key file that cannot be used: what was expected, what came. Never holds key or password. */
export class KeystoreError extends CodedError<KeystoreErrorDetail> {}

/** What the file says of its key beside the standard's members. */
export interface KeyPurpose {
  readonly networkId: Digest
  readonly role: string
  /** The key follows from a published seed (devnetKeys.ts) and must never guard value. */
  readonly devnet?: true
}

export interface KeyFile {
  readonly privateKey: Uint8Array
  readonly address: Address
  readonly purpose: KeyPurpose
}

export interface KeyExpectation {
  readonly networkId: Digest
  readonly role?: string
  /** A production network refuses keys that are marked `devnet`. */
  readonly profile: 'devnet' | 'production'
}

/** Cost of scrypt: memory is 128 * n * r bytes. */
export interface ScryptCost {
  readonly n: number
  readonly r: number
  readonly p: number
}

/** 128 MiB and about half a second: what stops a guesser, not a start. */
export const SCRYPT_COST: ScryptCost = { n: 131_072, r: 8, p: 1 }
/** Devnet keys are derived from a published seed: their file needs no protection and ten nodes start at once. */
export const SCRYPT_COST_DEVNET: ScryptCost = { n: 4_096, r: 8, p: 1 }

const KEY_BYTES = 32
const FILE_BYTES_MAX = 16 * 1024
const SCRYPT_MEMORY_MAX = 512 * 2 ** 20
const SCRYPT_PARALLEL_MAX = 16
const PBKDF2_ITERATIONS_MAX = 10_000_000

const hexBytes = z
  .string()
  .regex(/^(?:0x)?(?:[0-9a-fA-F]{2})*$/)
  .max(256)
  .transform((text) => Buffer.from(text.startsWith('0x') ? text.slice(2) : text, 'hex'))
const count = z.number().int().positive()

const FILE = z.object({
  version: z.number(),
  id: z.string().optional(),
  address: z.string().optional(),
  crypto: z.object({
    cipher: z.string(),
    cipherparams: z.object({ iv: hexBytes }),
    ciphertext: hexBytes,
    kdf: z.string(),
    kdfparams: z.record(z.string(), z.unknown()),
    mac: hexBytes,
  }),
  opg: z.unknown().optional(),
})
const SCRYPT = z.object({ n: count, r: count, p: count, dklen: z.literal(32), salt: hexBytes })
const PBKDF2 = z.object({ c: count, prf: z.literal('hmac-sha256'), dklen: z.literal(32), salt: hexBytes })
const PURPOSE = z.object({
  networkId: z.string().refine(isDigest),
  role: z.string().min(1).max(32),
  devnet: z.literal(true).optional(),
})

/** Decrypts a Web3 Secret Storage v3 document (scrypt or PBKDF2, AES-128-CTR, Keccak mac). Rejects with KeystoreError. */
export async function decryptKey(document: unknown, password: string): Promise<Uint8Array> {
  const { version, crypto } = parse(FILE, document, '')
  if (version !== 3) throw unsupported('version', String(version), '3')
  if (crypto.cipher !== 'aes-128-ctr') throw unsupported('crypto.cipher', crypto.cipher, 'aes-128-ctr')
  const derived = await deriveKey(crypto.kdf, crypto.kdfparams, password)
  const mac = keyMac(derived, crypto.ciphertext)
  if (mac.length !== crypto.mac.length || !timingSafeEqual(mac, crypto.mac)) {
    throw new KeystoreError({ code: 'key-wrong-password' }, 'the password does not open this key file')
  }
  if (crypto.cipherparams.iv.length !== 16) throw malformed('crypto.cipherparams.iv', 'expected 16 bytes')
  if (crypto.ciphertext.length !== KEY_BYTES) throw malformed('crypto.ciphertext', `expected ${KEY_BYTES} bytes`)
  const cipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), crypto.cipherparams.iv)
  return new Uint8Array(Buffer.concat([cipher.update(crypto.ciphertext), cipher.final()]))
}

/** A Web3 Secret Storage v3 document of a key, with the member `opg` that says where it may be used. */
export async function encryptKey(
  privateKey: Uint8Array,
  password: string,
  purpose: KeyPurpose,
  secp256k1: Secp256k1,
  cost: ScryptCost = SCRYPT_COST,
): Promise<object> {
  const address = addressOf(privateKey, secp256k1)
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  const derived = await runScrypt(password, salt, cost)
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final()])
  return {
    version: 3,
    id: randomUUID(),
    address: address.slice(2),
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: ciphertext.toString('hex'),
      kdf: 'scrypt',
      kdfparams: { dklen: 32, n: cost.n, p: cost.p, r: cost.r, salt: salt.toString('hex') },
      mac: keyMac(derived, ciphertext).toString('hex'),
    },
    opg: purpose,
  }
}

/**
 * Reads a key file for one network. Refuses files that others may read, keys of another network or role, and devnet keys on a
 * production network, before the password is tried.
 */
export async function readKeyFile(
  path: string,
  password: string,
  expected: KeyExpectation,
  secp256k1: Secp256k1,
): Promise<KeyFile> {
  const document = await readKeyDocument(path)
  const { address: named, opg } = parse(FILE, document, '')
  const parsed = parse(PURPOSE, opg, 'opg.')
  if (parsed.networkId !== expected.networkId) {
    throw new KeystoreError(
      { code: 'key-foreign-network', expected: expected.networkId, got: parsed.networkId },
      `expected a key of network ${expected.networkId}, ${path} is for ${parsed.networkId}`,
    )
  }
  if (expected.role !== undefined && parsed.role !== expected.role) {
    throw new KeystoreError(
      { code: 'key-wrong-role', expected: expected.role, got: parsed.role },
      `expected a key of the role ${expected.role}, ${path} is for ${parsed.role}`,
    )
  }
  if (parsed.devnet === true && expected.profile === 'production') {
    throw new KeystoreError({ code: 'key-devnet' }, `${path} holds a devnet key, which anyone can derive: make another`)
  }
  const privateKey = await decryptKey(document, password)
  const address = addressOf(privateKey, secp256k1)
  if (named !== undefined && address.slice(2) !== named.toLowerCase().replace(/^0x/, '')) {
    throw new KeystoreError(
      { code: 'key-wrong-address', expected: named, got: address },
      `${path} names another address than its key has`,
    )
  }
  const purpose: KeyPurpose = {
    networkId: expected.networkId,
    role: parsed.role,
    ...(parsed.devnet === true ? { devnet: true } : {}),
  }
  return { privateKey, address, purpose }
}

export interface WriteKeyOptions {
  readonly cost?: ScryptCost
  /** Replaces a file that is there; without it `key-exists`. */
  readonly replace?: boolean
}

/** Writes a key file of mode 0600, whole or not at all, power loss included. Returns the key's address. */
export async function writeKeyFile(
  path: string,
  privateKey: Uint8Array,
  password: string,
  purpose: KeyPurpose,
  secp256k1: Secp256k1,
  options: WriteKeyOptions = {},
): Promise<Address> {
  const cost = options.cost ?? (purpose.devnet === true ? SCRYPT_COST_DEVNET : SCRYPT_COST)
  const text = `${JSON.stringify(await encryptKey(privateKey, password, purpose, secp256k1, cost), undefined, 2)}\n`
  const directory = dirname(path)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    if (options.replace === true) await rename(temporary, path)
    else await link(temporary, path)
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') {
      throw new KeystoreError({ code: 'key-exists', path }, `${path} is there already and is not overwritten`)
    }
    throw thrown
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(directory)
  return addressOf(privateKey, secp256k1)
}

/** A key file as it is, still encrypted. Refuses files that others may read. Rejects with KeystoreError. */
export async function readKeyDocument(path: string): Promise<unknown> {
  let text: string
  try {
    const file = await open(path, 'r')
    try {
      const { mode, size } = await file.stat()
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
        const got = (mode & 0o777).toString(8)
        throw new KeystoreError(
          { code: 'key-insecure-permissions', path, got },
          `expected a key file that only its owner can read, ${path} has mode ${got}: chmod 600 it`,
        )
      }
      if (size > FILE_BYTES_MAX) throw malformed('', `expected a file of at most ${FILE_BYTES_MAX} bytes, got ${size}`)
      text = await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (thrown) {
    if (thrown instanceof KeystoreError) throw thrown
    if (codeOf(thrown) === 'ENOENT')
      throw new KeystoreError({ code: 'key-not-found', path }, `expected a key file at ${path}`)
    throw new KeystoreError({ code: 'key-unreadable', path }, `${path} cannot be read: ${toError(thrown).message}`, {
      cause: thrown,
    })
  }
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('', 'expected JSON')
  }
}

async function deriveKey(kdf: string, parameters: unknown, password: string): Promise<Buffer> {
  if (kdf === 'scrypt') {
    const { n, r, p, salt } = parse(SCRYPT, parameters, 'crypto.kdfparams.')
    if (n < 2 || (n & (n - 1)) !== 0) throw malformed('crypto.kdfparams.n', 'expected a power of two')
    refuseAbove('crypto.kdfparams.n * r', SCRYPT_MEMORY_MAX / 128, n * r)
    refuseAbove('crypto.kdfparams.p', SCRYPT_PARALLEL_MAX, p)
    return runScrypt(password, salt, { n, r, p })
  }
  if (kdf === 'pbkdf2') {
    const { c, salt } = parse(PBKDF2, parameters, 'crypto.kdfparams.')
    refuseAbove('crypto.kdfparams.c', PBKDF2_ITERATIONS_MAX, c)
    return promisify(pbkdf2)(password, salt, c, 32, 'sha256')
  }
  throw unsupported('crypto.kdf', kdf, 'scrypt or pbkdf2')
}

/**
 * OpenSSL refuses n >= 2^(16 r), as RFC 7914 says; the Web3 Secret Storage definition's own vector and old clients use such costs.
 */
async function runScrypt(password: string, salt: Uint8Array, { n, r, p }: ScryptCost): Promise<Buffer> {
  if (n >= 2 ** (16 * r)) {
    return Buffer.from(
      await scryptAsync(utf8(password), salt, { N: n, r, p, dkLen: 32, maxmem: SCRYPT_MEMORY_MAX * 2 }),
    )
  }
  const options: ScryptOptions = { N: n, r, p, maxmem: 128 * r * (n + p + 32) }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

function keyMac(derived: Buffer, ciphertext: Buffer): Buffer {
  return Buffer.from(keccakBytes(Buffer.concat([derived.subarray(16, 32), ciphertext])))
}

function addressOf(privateKey: Uint8Array, secp256k1: Secp256k1): Address {
  const address = addressFromPublicKey(secp256k1.publicKey(privateKey), secp256k1)
  if (address === undefined)
    throw malformed('', `expected a key with an address, got ${bytesToHex(secp256k1.publicKey(privateKey))}`)
  return address
}

function parse<T>(schema: z.ZodType<T>, value: unknown, prefix: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw malformed(`${prefix}${issue?.path.join('.') ?? ''}`, issue?.message ?? 'expected a key file')
}

function refuseAbove(field: string, limit: number, got: number): void {
  if (got > limit) {
    throw new KeystoreError(
      { code: 'key-too-costly', field, limit, got },
      `expected ${field} of at most ${limit}, got ${got}`,
    )
  }
}

function malformed(field: string, reason: string): KeystoreError {
  return new KeystoreError(
    { code: 'key-malformed', field },
    `not a key file of Web3 Secret Storage v3: ${field} ${reason}`,
  )
}

function unsupported(field: string, got: string, expected: string): KeystoreError {
  return new KeystoreError({ code: 'key-unsupported', field, got }, `expected ${field} to be ${expected}, got ${got}`)
}

function codeOf(thrown: unknown): string | undefined {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : undefined
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
