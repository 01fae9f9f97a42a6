import { encode } from 'cborg'
import { bytesToHex, type Digest, ok, type Result } from '../protocol/index.ts'
import { equalBytes } from './bytes.ts'
import { decodeCbor, describe } from './cbor.ts'
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

const isItem = (name: unknown): name is CollateralItem => COLLATERAL_ITEMS.some((item) => item === name)

/** The bundle's bytes, the same for the same items: deterministic CBOR (RFC 8949, 4.2.1), a map of names to bytes. */
export function encodeCollateral(collateral: Collateral): Uint8Array {
  return collateral.size === 0 ? new Uint8Array(0) : encode(new Map(collateral))
}

/** Reads a bundle: `malformed-collateral`, `duplicate-key`, `evidence-too-large`. No bytes are no items. */
export function parseCollateral(bytes: Uint8Array): Result<Collateral, AttestationError> {
  const collateral = new Map<CollateralItem, Uint8Array>()
  if (bytes.length === 0) return ok(collateral)
  if (bytes.length > MAX_COLLATERAL_BYTES) return refuseSize(MAX_COLLATERAL_BYTES, bytes.length)
  const decoded = decodeCbor(bytes, { malformed: 'malformed-collateral', lenient: false })
  if (!decoded.ok) return decoded
  if (!(decoded.value instanceof Map) || decoded.value.size > MAX_COLLATERAL_ITEMS)
    return refuse('malformed-collateral', `a map of at most ${MAX_COLLATERAL_ITEMS} items`, describe(decoded.value))
  for (const [name, value] of decoded.value as Map<unknown, unknown>) {
    if (!isItem(name)) return refuse('malformed-collateral', COLLATERAL_ITEMS.join(', '), describe(name))
    if (!(value instanceof Uint8Array) || value.length === 0)
      return refuse('malformed-collateral', `the bytes of ${name}`, describe(value))
    collateral.set(name, value)
  }
  if (!equalBytes(encodeCollateral(collateral), bytes))
    return refuse('malformed-collateral', 'items in the order of deterministic CBOR', 'another order')
  return ok(collateral)
}

/** The address of a bundle: SHA-256 of its bytes. */
export const collateralDigest = (bytes: Uint8Array, crypto: AttestationCrypto): Digest =>
  bytesToHex(crypto.digest('sha256', bytes))
