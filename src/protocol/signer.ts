import { addressFromPublicKey } from './peerId.ts'
import type { Secp256k1, Signer } from './ports.ts'

/** A signer over one private key (32 bytes). Throws RangeError when the key is none. */
export function createSigner(crypto: Secp256k1, privateKey: Uint8Array): Signer {
  const address = addressFromPublicKey(crypto.publicKey(privateKey), crypto)
  if (address === undefined) throw new RangeError('expected a private key of 32 bytes between 1 and the curve order')
  return { address, sign: (digest) => crypto.sign(digest, privateKey) }
}
