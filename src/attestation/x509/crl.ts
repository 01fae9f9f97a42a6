import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import type { AttestationCrypto, SignatureAlgorithm } from '../crypto.ts'
import { context, DerError, DerReader, TAG } from '../der/reader.ts'
import { smallInteger, timeOf } from '../der/values.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import { KEY_OF, signatureAlgorithm } from './algorithms.ts'
import { type Certificate, nameText, readExtensions, readSigned, signatureOf, USAGE } from './certificate.ts'
import { isoOf } from './chain.ts'

/** Vendors' lists are below 10 kB with under a hundred entries; these bounds leave room for bad years. */
const MAX_CRL_BYTES = 1_048_576
const MAX_CRL_ENTRIES = 20_000

/** Extensions of a whole list from its own issuer; delta and indirect lists say otherwise in critical ones. */
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
const CRL_NUMBER = '2.5.29.20'
const UNDERSTOOD = new Set([AUTHORITY_KEY_IDENTIFIER, CRL_NUMBER])

/** A certificate revocation list, version 2 (RFC 5280, 5); nothing about it is verified. */
export interface RevocationList {
  readonly tbs: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly signature: Uint8Array
  readonly issuer: Uint8Array
  /** Milliseconds since 1970. */
  readonly thisUpdate: number
  readonly nextUpdate: number
  /** Contents of the INTEGERs. */
  readonly serials: readonly Uint8Array[]
}

/** Parses DER: one list and nothing after it. `malformed-crl`. */
export function parseRevocationList(der: Uint8Array): Result<RevocationList, AttestationError> {
  if (der.length > MAX_CRL_BYTES) return refuse('malformed-crl', `at most ${MAX_CRL_BYTES} bytes`, `${der.length}`)
  try {
    return ok(readList(der))
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuse('malformed-crl', 'a certificate revocation list in DER', cause.message, cause)
  }
}

function readList(der: Uint8Array): RevocationList {
  const { signed, algorithm: identifier, bits } = readSigned(der)
  const tbs = new DerReader(signed.content)
  if (smallInteger(tbs.expect(TAG.integer).content) !== 1) throw new DerError('a version other than 2')
  if (!equalBytes(tbs.expect(TAG.sequence).whole, identifier)) throw new DerError('two signature algorithms')
  const issuer = tbs.expect(TAG.sequence).whole
  const thisUpdate = timeOf(tbs.next())
  const nextUpdate = timeOf(tbs.next())
  const serials = readEntries(tbs)
  const extensions = readExtensions(tbs.optional(context(0, true)))
  tbs.end()
  for (const [oid, { critical }] of extensions)
    if (critical && !UNDERSTOOD.has(oid)) throw new DerError(`the critical extension ${oid}`)
  const algorithm = signatureAlgorithm(identifier)
  if (algorithm === undefined) throw new DerError('a signature of another algorithm')
  return {
    tbs: signed.whole,
    algorithm,
    signature: signatureOf(algorithm, bits),
    issuer,
    thisUpdate,
    nextUpdate,
    serials,
  }
}

function readEntries(tbs: DerReader): Uint8Array[] {
  const serials: Uint8Array[] = []
  if (tbs.peek() !== TAG.sequence) return serials
  const entries = tbs.enter(TAG.sequence)
  while (!entries.done) {
    const entry = entries.enter(TAG.sequence)
    serials.push(entry.expect(TAG.integer).content)
    timeOf(entry.next())
    entry.optional(TAG.sequence)
    entry.end()
    if (serials.length > MAX_CRL_ENTRIES) throw new DerError(`more than ${MAX_CRL_ENTRIES} entries`)
  }
  return serials
}

/**
 * Whether `issuer`, whose own chain the caller has verified, made this list and it holds at `at` (ms since 1970):
 * `crl-issuer-mismatch`, `crl-not-yet-valid`, `crl-expired`, `bad-crl-signature`.
 */
export async function verifyRevocationList(
  list: RevocationList,
  issuer: Certificate,
  at: number,
  crypto: AttestationCrypto,
): Promise<Result<undefined, AttestationError>> {
  if (!equalBytes(list.issuer, issuer.subject))
    return refuse('crl-issuer-mismatch', nameText(issuer.subject), nameText(list.issuer))
  if (issuer.usages !== undefined && (issuer.usages & USAGE.cRLSign) === 0)
    return refuse('crl-issuer-mismatch', 'an issuer that may sign lists (cRLSign)', `key usages ${issuer.usages}`)
  if (!(at >= list.thisUpdate)) return refuse('crl-not-yet-valid', `a time after ${isoOf(list.thisUpdate)}`, isoOf(at))
  if (!(at <= list.nextUpdate)) return refuse('crl-expired', `a time before ${isoOf(list.nextUpdate)}`, isoOf(at))
  const { algorithm, signature, tbs } = list
  const suits = KEY_OF[algorithm] === issuer.keyType
  if (suits && (await crypto.verify(algorithm, issuer.spki, signature, tbs))) return ok(undefined)
  return refuse('bad-crl-signature', `a signature by ${nameText(issuer.subject)}`, 'another')
}

/** `certificate-revoked` when the list names this certificate. */
export function checkRevocation(certificate: Certificate, list: RevocationList): Result<undefined, AttestationError> {
  const revoked = list.serials.some((serial) => equalBytes(serial, certificate.serial))
  if (!revoked) return ok(undefined)
  const { position } = certificate
  return refuseCertificate(
    'certificate-revoked',
    position,
    'one its issuer has not revoked',
    nameText(certificate.subject),
  )
}
