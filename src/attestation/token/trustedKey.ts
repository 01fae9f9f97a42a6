import { type Digest, ok, type Result } from '../../protocol/index.ts'
import type { CloudAssurance } from '../assurance.ts'
import type { Collateral } from '../collateral.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { VerifierContext } from '../evidence.ts'
import { memberOf } from '../json.ts'
import { admitAssurance, type EvidencePolicy, type TrustedKeySet } from '../policy.ts'
import type { AdmittedRoot, CloudVendor } from '../trustRoots.ts'
import type { Jws, TokenAlgorithm } from './jws.ts'
import { parseKeySet, readKey, type VerificationKey } from './keySet.ts'

/** Who signs tokens of one kind, and with what. */
export interface TokenIssuer {
  readonly algorithm: TokenAlgorithm
  readonly vendor: CloudVendor
  readonly assurance: CloudAssurance
}

export interface AdmittedKey extends AdmittedRoot {
  readonly spki: Uint8Array
}

/**
 * The key that a token names, out of the set in the bundle. The set came with the evidence and proves nothing: the key
 * counts if the policy pins its thumbprint for this issuer. `no-jwks` where no set came, `unknown-key` where the named
 * key is not in it, `untrusted-key` where we do not trust it.
 */
export function admitKey(
  jws: Jws,
  issuer: string,
  collateral: Collateral,
  context: VerifierContext,
  signer: TokenIssuer,
): Result<AdmittedKey, AttestationError> {
  const bytes = collateral.get('jwks')
  if (bytes === undefined) return refuse('no-jwks', `the key set of ${issuer}`, 'none')
  const keys = parseKeySet(bytes)
  if (!keys.ok) return keys
  const named = keys.value.filter((key) => jws.kid !== undefined && memberOf(key, 'kid') === jws.kid)
  const [jwk] = named
  if (jwk === undefined || named.length !== 1)
    return refuse('unknown-key', `one key ${jws.kid ?? 'by a kid'} in the set`, String(named.length))
  const key = readKey(jwk, signer.algorithm, context.crypto)
  return key.ok ? trustKey(key.value, issuer, context.policy, signer) : key
}

/** Whether the policy pins this key for the issuer, and what it thinks of the issuer's word. */
export function trustKey(
  key: VerificationKey,
  issuer: string,
  policy: EvidencePolicy,
  { vendor, assurance }: TokenIssuer,
): Result<AdmittedKey, AttestationError> {
  const pinned = keysOf(policy, issuer)
  if (!pinned.includes(key.thumbprint))
    return refuse('untrusted-key', `one of ${pinned.length} keys pinned for ${issuer}`, key.thumbprint)
  const admitted = admitAssurance(policy, assurance)
  if (!admitted.ok) return admitted
  return ok({ spki: key.spki, root: { name: issuer, vendor, sha256: key.thumbprint }, assurance })
}

const keysOf = (policy: EvidencePolicy, issuer: string): readonly Digest[] =>
  policy.trustedKeySets.filter((set) => set.issuer === issuer).flatMap((set) => set.thumbprints)

/** `audience-refused` where the policy names audiences for the issuer and the token is for none of them. */
export function admitAudience(
  policy: EvidencePolicy,
  issuer: string,
  audience: string,
): Result<undefined, AttestationError> {
  const wanted = policy.trustedKeySets.filter((set) => set.issuer === issuer).flatMap((set) => set.audiences ?? [])
  if (wanted.length === 0 || wanted.includes(audience)) return ok(undefined)
  return refuse('audience-refused', wanted.join(', '), audience.slice(0, 256))
}

/**
 * Every key of a set as trusted for an issuer: for whoever fetched the set from the issuer himself, or names the file on
 * a command line; never for a set that a peer sent. Keys for other algorithms are left out.
 */
export function pinKeySet(
  issuer: string,
  jwks: Uint8Array,
  crypto: AttestationCrypto,
): Result<TrustedKeySet, AttestationError> {
  const keys = parseKeySet(jwks)
  if (!keys.ok) return keys
  const thumbprints = keys.value.flatMap((jwk) =>
    (['ES384', 'RS256'] as const).flatMap((algorithm) => {
      const key = readKey(jwk, algorithm, crypto)
      return key.ok ? [key.value.thumbprint] : []
    }),
  )
  return ok({ issuer, thumbprints })
}
