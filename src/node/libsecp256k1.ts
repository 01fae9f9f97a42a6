import { createRequire } from 'node:module'
import { recover, signRecoverable } from 'tiny-secp256k1'
import { toError } from '../protocol/index.ts'

/** The two calls of libsecp256k1 that every job makes. */
export interface Libsecp256k1 {
  readonly build: 'native' | 'wasm'
  /** 64 bytes r, s with low s; deterministic (RFC 6979). */
  sign(
    digest: Uint8Array,
    privateKey: Uint8Array,
  ): { readonly signature: Uint8Array; readonly recoveryId: 0 | 1 | 2 | 3 }
  /** 65-byte uncompressed point; null or an exception when there is none. */
  recover(digest: Uint8Array, signature: Uint8Array, recoveryId: 0 | 1): Uint8Array | null
}

interface NativeBinding {
  ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: 0 | 1 | 2 | 3 }
  ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array
}

export const wasmSecp256k1: Libsecp256k1 = {
  build: 'wasm',
  sign: (digest, privateKey) => signRecoverable(digest, privateKey),
  recover: (digest, signature, recoveryId) => recover(digest, signature, recoveryId, false),
}

/** Machines without a prebuilt binary, and installs that left optional packages out, have none: undefined then. */
export function nativeSecp256k1(): Libsecp256k1 | undefined {
  let binding: NativeBinding
  try {
    binding = createRequire(import.meta.url)('secp256k1/bindings.js') as NativeBinding
  } catch (thrown) {
    const { message } = toError(thrown)
    if (/Cannot find module|No native build/.test(message)) return undefined
    throw thrown
  }
  return {
    build: 'native',
    sign: (digest, privateKey) => {
      const { signature, recid } = binding.ecdsaSign(digest, privateKey)
      return { signature, recoveryId: recid }
    },
    recover: (digest, signature, recoveryId) => binding.ecdsaRecover(signature, recoveryId, digest, false),
  }
}

let chosen: Libsecp256k1 | undefined

/** The native build where there is one, else the same library as wasm: the same signatures, several times slower. */
export function libsecp256k1(): Libsecp256k1 {
  chosen ??= nativeSecp256k1() ?? wasmSecp256k1
  return chosen
}
