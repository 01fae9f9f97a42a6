import { hkdf } from '@noble/hashes/hkdf.js'
import { sha384 } from '@noble/hashes/sha2.js'
import { concatBytes } from '../bytes.ts'
import { mismatch } from '../errors.ts'
import { P384, type Subtle, type WebKey, type WebKeyPair } from '../webcrypto.ts'

/** Bytes of a devnet's seed. */
export const SIMULATED_SEED_BYTES = 32
const SCALAR_BYTES = 48
/** FIPS 186-5, A.2.1: 64 bits more than the order has, so that the remainder is as good as uniform. */
const EXTRA_BYTES = 8
/** Order of P-384 (SP 800-186, 3.2.1.4). */
const ORDER = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n

/** PKCS #8 (RFC 5958) of a P-384 key without its point (RFC 5915), up to the scalar. */
const PKCS8_START = Uint8Array.from([
  0x30, 0x4e, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
  0x81, 0x04, 0x00, 0x22, 0x04, 0x37, 0x30, 0x35, 0x02, 0x01, 0x01, 0x04, 0x30,
])

/**
 * The P-384 key of a devnet's seed: HKDF-SHA384 with `purpose` as info, reduced by the order. Whoever knows the seed has
 * the key: for devnets only. Throws AttestationError `bad-authority` for a seed of another length.
 */
export async function seededP384(seed: Uint8Array, purpose: string, subtle: Subtle): Promise<WebKeyPair> {
  if (seed.length !== SIMULATED_SEED_BYTES)
    throw mismatch('bad-authority', `a seed of ${SIMULATED_SEED_BYTES} bytes`, `${seed.length} bytes`)
  const wide = hkdf(sha384, seed, undefined, new TextEncoder().encode(purpose), SCALAR_BYTES + EXTRA_BYTES)
  const pkcs8 = concatBytes(PKCS8_START, scalarOf(wide))
  const privateKey = await subtle.importKey('pkcs8', pkcs8, P384, true, ['sign'])
  return { privateKey, publicKey: await publicKeyOf(privateKey, subtle) }
}

function scalarOf(wide: Uint8Array): Uint8Array {
  const number = wide.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  let left = (number % (ORDER - 1n)) + 1n
  const scalar = new Uint8Array(SCALAR_BYTES)
  for (let at = SCALAR_BYTES - 1; at >= 0; at -= 1) {
    scalar[at] = Number(left & 0xffn)
    left >>= 8n
  }
  return scalar
}

/** The point, computed by whoever imported the scalar. */
async function publicKeyOf(privateKey: WebKey, subtle: Subtle): Promise<WebKey> {
  const { kty, crv, x, y } = await subtle.exportKey('jwk', privateKey)
  if (kty === undefined || crv === undefined || x === undefined || y === undefined)
    throw mismatch('bad-authority', 'a private key with its point', 'one without')
  return await subtle.importKey('jwk', { kty, crv, x, y }, P384, true, ['verify'])
}
