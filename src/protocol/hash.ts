import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { type Address, bytesToHex, type Digest, type Hex, writeHex } from './hex.ts'
import { type Hash, keccak256 } from './keccak.ts'

const encoder = new TextEncoder()

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

let keccakInUse: Hash = keccak256

/** Has the core hash with what the platform does faster (R28). Throws RangeError when it is not Keccak-256. */
export function provideKeccak(faster: Hash): void {
  const blocks = Uint8Array.from({ length: 1_000 }, (_, at) => at % 251)
  if (bytesToHex(faster(blocks)) !== bytesToHex(keccak256(blocks))) throw new RangeError('expected a Keccak-256')
  keccakInUse = faster
}

/** Keccak-256 of bytes, as bytes. */
export const keccakBytes = (bytes: Uint8Array): Uint8Array => keccakInUse(bytes)

/** Keccak-256 of bytes, as 0x-hex. */
export const keccak = (bytes: Uint8Array): Digest => bytesToHex(keccakBytes(bytes))

/** SHA-256 of bytes, as 0x-hex: the id of models and blobs (R3). */
export const sha256 = (bytes: Uint8Array): Digest => bytesToHex(nobleSha256(bytes))

const tagDigests = new Map<string, Uint8Array>()

/** keccak256 of a domain tag; tags are a closed set of literals, so the cache is bounded. */
export function tagDigest(tag: string): Uint8Array {
  let digest = tagDigests.get(tag)
  if (digest === undefined) {
    digest = keccakBytes(utf8(tag))
    tagDigests.set(tag, digest)
  }
  return digest
}

/** Writes an unsigned integer as one 32-byte big-endian ABI word. */
export function writeUintWord(value: bigint | number, target: Uint8Array, offset: number): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`expected an unsigned integer, got ${value}`)
    let rest = value
    for (let at = offset + 31; rest > 0; at -= 1) {
      target[at] = rest % 256
      rest = Math.floor(rest / 256)
    }
    return
  }
  if (value < 0n || value >> 256n !== 0n) throw new RangeError('expected an unsigned integer of at most 256 bits')
  let rest = value
  for (let at = offset + 31; rest > 0n; at -= 1) {
    target[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
}

/** One ABI word: a digest or address (left-padded hex), raw 32 bytes, or an unsigned integer. */
export type Word = Digest | Address | bigint | number | Uint8Array

export function writeWord(word: Word, target: Uint8Array, offset: number): void {
  if (typeof word === 'string') {
    const length = (word.length - 2) / 2
    if (length !== 32 && length !== 20) throw new RangeError(`expected 32 or 20 bytes of hex, got ${length}`)
    writeHex(word, target, offset + 32 - length)
  } else if (word instanceof Uint8Array) {
    if (word.length !== 32) throw new RangeError(`expected 32 bytes, got ${word.length}`)
    target.set(word, offset)
  } else writeUintWord(word, target, offset)
}

/** keccak256(abi.encode(words...)) of static words. */
export function keccakWords(...words: Word[]): Digest {
  const encoded = new Uint8Array(words.length * 32)
  for (const [index, word] of words.entries()) writeWord(word, encoded, index * 32)
  return keccak(encoded)
}

/** `H(T, ...) = keccak256(abi.encode(keccak256(T), ...))` (R3). Every argument is one static ABI word. */
export function H(tag: string, ...words: Word[]): Digest {
  return keccakWords(tagDigest(tag), ...words)
}

/** EIP-55 mixed-case checksum form, for people and JSON. */
export function toChecksumAddress(address: Address): Hex {
  const lower = address.slice(2)
  const digest = keccakBytes(utf8(lower))
  let text = '0x'
  for (let at = 0; at < 40; at += 1) {
    const nibble = ((digest[at >> 1] ?? 0) >> (at % 2 === 0 ? 4 : 0)) & 15
    const digit = lower[at] ?? ''
    text += nibble >= 8 ? digit.toUpperCase() : digit
  }
  return text as Hex
}
