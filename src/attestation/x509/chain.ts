import { bytesToHex, type Digest, ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { MAX_TIME_MS } from '../constants.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuseCertificate } from '../errors.ts'
import { KEY_OF } from './algorithms.ts'
import { type Certificate, nameText, OID, USAGE } from './certificate.ts'

export interface ChainRules {
  /** Milliseconds since 1970: when the chain must have been valid. */
  readonly at: number
  readonly crypto: AttestationCrypto
  /** SHA-256 of the DER of certificates nobody may use any more. */
  readonly revoked: ReadonlySet<Digest>
  /**
   * Whether the leaf must say `digitalSignature`: `required` of vendors that write the extension, `where-present` of
   * those (AMD) whose leaves have no key usage at all; `ca` where the chain ends at the CA that signed a list.
   */
  readonly leafUsage: 'required' | 'where-present' | 'ca'
  /** Critical extensions that the caller reads itself, besides basic constraints and key usage (RFC 5280, 4.2). */
  readonly understood?: readonly string[]
  /** Certificates whose signature by that issuer has been verified: chains that share some are not paid for twice. */
  readonly proven?: Map<Certificate, Certificate>
}

/**
 * A chain from a root that the caller has matched byte by byte to its leaf (RFC 5280, 6.1): names, CA flags, key
 * usages, path lengths, critical extensions, validity and revocation by digest first, signatures after all of that. The
 * root's own signature is not looked at: its bytes are pinned. CRLs are the caller's.
 */
export async function verifyChain(
  chain: readonly Certificate[],
  rules: ChainRules,
): Promise<Result<undefined, AttestationError>> {
  for (const certificate of chain) {
    const fault = checkFields(certificate, chain, rules)
    if (!fault.ok) return fault
  }
  for (const [above, certificate] of chain.slice(1).entries()) {
    const issuer = chain[above] ?? certificate
    if (rules.proven?.get(certificate) === issuer) continue
    const signed = await verifyIssued(certificate, issuer, rules.crypto)
    if (!signed.ok) return signed
    rules.proven?.set(certificate, issuer)
  }
  return ok(undefined)
}

/** End of the shortest validity of a chain, milliseconds since 1970. */
export const chainEnd = (chain: readonly Certificate[]): number =>
  Math.min(...chain.map((certificate) => certificate.notAfter))

function checkFields(
  certificate: Certificate,
  chain: readonly Certificate[],
  rules: ChainRules,
): Result<undefined, AttestationError> {
  const position = chain.indexOf(certificate)
  const issuer = chain[Math.max(0, position - 1)]
  if (issuer === undefined || !equalBytes(certificate.issuer, issuer.subject)) {
    const expected = issuer === undefined ? 'an issuer' : `${nameText(issuer.subject)} as issuer`
    return refuseCertificate('issuer-mismatch', position, expected, nameText(certificate.issuer))
  }
  const understood = [OID.basicConstraints, OID.keyUsage, ...(rules.understood ?? [])]
  for (const [oid, { critical }] of certificate.extensions)
    if (critical && !understood.includes(oid))
      return refuseCertificate('unknown-critical-extension', position, understood.join(', '), oid)
  const role = checkRole(certificate, position, chain.length - 1, rules)
  if (!role.ok) return role
  const valid = checkValidity(certificate, position, rules.at)
  if (!valid.ok) return valid
  if (rules.revoked.size > 0) {
    const digest: Digest = bytesToHex(rules.crypto.digest('sha256', certificate.der))
    if (rules.revoked.has(digest)) return refuseCertificate('certificate-revoked', position, 'one in force', digest)
  }
  return ok(undefined)
}

function checkRole(
  { isCa, usages, pathLength }: Certificate,
  position: number,
  last: number,
  rules: ChainRules,
): Result<undefined, AttestationError> {
  if (position === last && rules.leafUsage !== 'ca') {
    if (isCa) return refuseCertificate('leaf-is-ca', position, 'an end entity', 'a CA')
    const signs = usages === undefined ? rules.leafUsage === 'where-present' : (usages & USAGE.digitalSignature) !== 0
    if (!signs) return refuseCertificate('leaf-key-usage', position, 'digitalSignature', `key usages ${usages}`)
    return ok(undefined)
  }
  if (!isCa) return refuseCertificate('not-a-ca', position, 'a CA', 'an end entity')
  if (usages === undefined || (usages & USAGE.keyCertSign) === 0)
    return refuseCertificate('ca-key-usage', position, 'keyCertSign', `key usages ${usages}`)
  const below = (rules.leafUsage === 'ca' ? last : last - 1) - position
  if (pathLength !== undefined && below > pathLength)
    return refuseCertificate('path-length', position, `at most ${pathLength} CA below`, String(below))
  return ok(undefined)
}

function checkValidity(
  { notBefore, notAfter }: Certificate,
  position: number,
  at: number,
): Result<undefined, AttestationError> {
  if (!(at >= notBefore))
    return refuseCertificate('certificate-not-yet-valid', position, `a time after ${isoOf(notBefore)}`, isoOf(at))
  if (!(at <= notAfter))
    return refuseCertificate('certificate-expired', position, `a time before ${isoOf(notAfter)}`, isoOf(at))
  return ok(undefined)
}

/** Whether `issuer`'s key signed `certificate`; nothing else about either. */
export async function verifyIssued(
  certificate: Certificate,
  issuer: Certificate,
  crypto: AttestationCrypto,
): Promise<Result<undefined, AttestationError>> {
  const { algorithm, signature, tbs, position } = certificate
  if (KEY_OF[algorithm] !== issuer.keyType)
    return refuseCertificate('wrong-certificate-algorithm', position, `one for a ${issuer.keyType} key`, algorithm)
  if (await crypto.verify(algorithm, issuer.spki, signature, tbs)) return ok(undefined)
  return refuseCertificate(
    'bad-certificate-signature',
    position,
    `a signature by ${nameText(issuer.subject)}`,
    'another',
  )
}

/** A time for people. */
export const isoOf = (time: number): string =>
  Math.abs(time) <= MAX_TIME_MS ? new Date(time).toISOString() : `${time} ms since 1970`
