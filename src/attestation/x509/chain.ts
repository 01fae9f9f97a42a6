import { type Digest, ok, type Result, sha256 } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { MAX_TIME_MS } from '../constants.ts'
import { type AttestationError, refuseCertificate } from '../errors.ts'
import { P384, P384_SHA384, type Subtle, type WebKey } from '../webcrypto.ts'
import { type Certificate, USAGE } from './certificate.ts'

export interface ChainRules {
  /** Milliseconds since 1970: when the chain must have been valid. */
  readonly at: number
  /** SHA-256 of the DER of certificates nobody may use any more. */
  readonly revoked: ReadonlySet<Digest>
  readonly subtle: Subtle
}

/**
 * A chain from a root that the caller has matched byte by byte to its leaf (RFC 5280, 6.1): names, CA flags, key
 * usages, path lengths, validity and revocation first, signatures after all of that. Certificate revocation lists are
 * not read.
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
    const signed = await signedBy(certificate, issuer, rules.subtle)
    if (!signed.ok) return signed
  }
  return ok(undefined)
}

function checkFields(
  certificate: Certificate,
  chain: readonly Certificate[],
  rules: ChainRules,
): Result<undefined, AttestationError> {
  const { position, isCa, usages, pathLength, notBefore, notAfter } = certificate
  const issuer = chain[Math.max(0, position - 1)]
  if (issuer === undefined || !equalBytes(certificate.issuer, issuer.subject))
    return refuseCertificate('issuer-mismatch', position, `${issuer?.subjectText} as issuer`, 'another name')
  const last = chain.length - 1
  if (position === last) {
    if (isCa) return refuseCertificate('leaf-is-ca', position, 'an end entity', 'a CA')
    if ((usages & USAGE.digitalSignature) === 0)
      return refuseCertificate('leaf-key-usage', position, 'digitalSignature', `key usages ${usages}`)
  } else {
    if (!isCa) return refuseCertificate('not-a-ca', position, 'a CA', 'an end entity')
    if ((usages & USAGE.keyCertSign) === 0)
      return refuseCertificate('ca-key-usage', position, 'keyCertSign', `key usages ${usages}`)
    const below = last - 1 - position
    if (pathLength !== undefined && below > pathLength)
      return refuseCertificate('path-length', position, `at most ${pathLength} CA below`, String(below))
  }
  if (!(rules.at >= notBefore))
    return refuseCertificate('certificate-not-yet-valid', position, `a time after ${isoOf(notBefore)}`, isoOf(rules.at))
  if (!(rules.at <= notAfter))
    return refuseCertificate('certificate-expired', position, `a time before ${isoOf(notAfter)}`, isoOf(rules.at))
  if (rules.revoked.size > 0) {
    const digest = sha256(certificate.der)
    if (rules.revoked.has(digest)) return refuseCertificate('certificate-revoked', position, 'one in force', digest)
  }
  return ok(undefined)
}

async function signedBy(
  certificate: Certificate,
  issuer: Certificate,
  subtle: Subtle,
): Promise<Result<undefined, AttestationError>> {
  const key = await importCertificateKey(issuer, subtle)
  if (!key.ok) return key
  if (await subtle.verify(P384_SHA384, key.value, certificate.signature, certificate.tbs)) return ok(undefined)
  return refuseCertificate(
    'bad-certificate-signature',
    certificate.position,
    `a signature by ${issuer.subjectText}`,
    'another',
  )
}

/** The certificate's P-384 key, to verify with; `malformed-certificate` when it is no point of the curve. */
export async function importCertificateKey(
  certificate: Certificate,
  subtle: Subtle,
): Promise<Result<WebKey, AttestationError>> {
  try {
    return ok(await subtle.importKey('spki', certificate.spki, P384, false, ['verify']))
  } catch (cause) {
    return refuseCertificate('malformed-certificate', certificate.position, 'a key on P-384', 'another', cause)
  }
}

const isoOf = (time: number): string =>
  Math.abs(time) <= MAX_TIME_MS ? new Date(time).toISOString() : `${time} ms since 1970`
