import { encode } from 'cborg'
import { bytesToHex, type Digest, ok, type Result } from '../protocol/index.ts'
import { MAX_COLLATERAL_BYTES, MAX_COLLATERAL_ITEMS } from './constants.ts'
import type { AttestationCrypto } from './crypto.ts'
import { type AttestationError, refuse, refuseSize } from './errors.ts'

/**
 * What a vendor publishes about its hardware, each item as the vendor serves it: DER, PEM chains (leaf first, as in the
 * services' headers), or the exact bytes of a signed JSON or XML response.
 */
export const COLLATERAL_ITEMS = [
  /** CRL of the Intel SGX root, DER. */
  'intel/root-crl',
  /** CRL of the PCK platform or processor CA, DER, and the PEM chain of its issuer. */
  'intel/pck-crl',
  'intel/pck-crl-chain',
  /** PEM chain of the PCK certificate, where the quote does not carry it. */
  'intel/pck-chain',
  /** `{"tcbInfo": ..., "signature": ...}` of the provisioning service (v4), and the PEM chain of its signer. */
  'intel/tcb-info',
  'intel/tcb-info-chain',
  /** `{"enclaveIdentity": ..., "signature": ...}`, and the PEM chain of its signer. */
  'intel/qe-identity',
  'intel/qe-identity-chain',
  /** Firmware's event log of a trust domain, as the CCEL table points to. */
  'tdx/event-log',
  /** VCEK or VLEK, DER. */
  'amd/vek',
  /** ASK or ASVK, then ARK, PEM. */
  'amd/chain',
  /** CRL of the ARK, DER. */
  'amd/crl',
  /** Signed reference measurements of the driver and of the firmware, XML. */
  'nvidia/driver-rim',
  'nvidia/vbios-rim',
  /** OCSP responses of the device chain, a CBOR array of DER. */
  'nvidia/ocsp',
  /** JSON Web Key Set of a cloud's verifier (RFC 7517). */
  'jwks',
] as const
export type CollateralItem = (typeof COLLATERAL_ITEMS)[number]

export type Collateral = ReadonlyMap<CollateralItem, Uint8Array>

/** The bundle's bytes, the same for the same items: deterministic CBOR (RFC 8949, 4.2.1), a map of names to bytes. */
export function encodeCollateral(collateral: Collateral): Uint8Array {
  return collateral.size === 0 ? new Uint8Array(0) : encode(new Map(collateral))
}

/**
 * Reads a bundle, in views of it: `malformed-collateral`, `duplicate-key`, `evidence-too-large`. No bytes are no items.
 * Written for this one shape, because every verification pays for it: a map of short texts to byte strings, lengths in
 * the fewest bytes, names in the order of deterministic CBOR, nothing after it.
 */
export function parseCollateral(bundle: Uint8Array): Result<Collateral, AttestationError> {
  const bytes = new Uint8Array(bundle.buffer, bundle.byteOffset, bundle.length)
  const collateral = new Map<CollateralItem, Uint8Array>()
  if (bytes.length === 0) return ok(collateral)
  if (bytes.length > MAX_COLLATERAL_BYTES) return refuseSize(MAX_COLLATERAL_BYTES, bytes.length)
  const count = (bytes[0] ?? 0) - MAP
  if (count < 1 || count > MAX_COLLATERAL_ITEMS)
    return refuse('malformed-collateral', `a map of 1 to ${MAX_COLLATERAL_ITEMS} items`, `byte ${bytes[0]}`)
  let at = 1
  let before = ''
  for (let item = 0; item < count; item += 1) {
    const end = at + 1 + ((bytes[at] ?? 0) - TEXT)
    const name = NAMES.get(letters.decode(bytes.subarray(at, Math.min(end, at + MAX_NAME_BYTES + 1))))
    if (name === undefined) return refuse('malformed-collateral', COLLATERAL_ITEMS.join(', '), 'another name')
    if (collateral.has(name)) return refuse('duplicate-key', 'each item once', `${name} twice`)
    const head = byteString(bytes, end)
    if (head === undefined) return refuse('malformed-collateral', `the bytes of ${name}`, 'none')
    if (encodedName(name) <= before) return refuse('malformed-collateral', `${name} in its place`, 'another order')
    before = encodedName(name)
    at = head.to
    collateral.set(name, bytes.subarray(head.from, head.to))
  }
  if (at !== bytes.length) return refuse('malformed-collateral', 'nothing after the map', `${bytes.length - at} bytes`)
  return ok(collateral)
}

/** Major types of CBOR (RFC 8949, 3.1) with the shortest form of length. */
const BYTE_STRING = 0x40
const TEXT = 0x60
const MAP = 0xa0
const letters = new TextDecoder('latin1')
/** Names of up to 23 bytes have their length in the first one. */
const MAX_NAME_BYTES = 23

const encodedName = (name: CollateralItem): string => String.fromCharCode(TEXT + name.length) + name
const NAMES: ReadonlyMap<string, CollateralItem> = new Map(COLLATERAL_ITEMS.map((name) => [encodedName(name), name]))

/** Where the content of a byte string lies, not empty, its length in the fewest bytes. */
function byteString(bytes: Uint8Array, at: number): { readonly from: number; readonly to: number } | undefined {
  const short = (bytes[at] ?? 0) - BYTE_STRING
  const lengthBytes = short >= 0 && short < 24 ? 0 : short >= 24 && short <= 26 ? 2 ** (short - 24) : undefined
  if (lengthBytes === undefined) return undefined
  const from = at + 1 + lengthBytes
  const length = bytes.subarray(at + 1, from).reduce((value, byte) => value * 256 + byte, lengthBytes === 0 ? short : 0)
  const least = lengthBytes === 0 ? 1 : lengthBytes === 1 ? 24 : 256 ** (lengthBytes / 2)
  return length >= least && from + length <= bytes.length ? { from, to: from + length } : undefined
}

/** The address of a bundle: SHA-256 of its bytes. */
export const collateralDigest = (bytes: Uint8Array, crypto: AttestationCrypto): Digest =>
  bytesToHex(crypto.digest('sha256', bytes))
