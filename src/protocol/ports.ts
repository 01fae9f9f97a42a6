import type { Address, Digest, Hex } from './hex.ts'

/** 65-byte r, s, v signature with low s and v of 27 or 28, as hex (R3). */
export type Signature = Hex

/** secp256k1 over 32-byte digests (R28): native on Node, pure in a browser. */
export interface Secp256k1 {
  /** 33-byte compressed public key of a 32-byte private key. */
  publicKey(privateKey: Uint8Array): Uint8Array
  /** 64-byte x, y of a compressed public key; undefined when it is not a point. */
  decompress(publicKey: Uint8Array): Uint8Array | undefined
  sign(digest: Digest, privateKey: Uint8Array): Signature
  /** The signer's address; undefined for malformed, high-s or unrecoverable signatures. */
  recover(digest: Digest, signature: Signature): Address | undefined
}

/** Signs digests with one key that never leaves it. */
export interface Signer {
  readonly address: Address
  sign(digest: Digest): Signature
}

/** Milliseconds since 1970. */
export type Clock = () => number

/** Cryptographically strong bytes; a seeded stream in simulations. */
export type Random = (length: number) => Uint8Array
