import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import type { AttestationCrypto, DigestAlgorithm, SignatureAlgorithm } from '../crypto.ts'
import { context, DerError, DerReader, TAG } from '../der/reader.ts'
import { oidText, smallInteger, timeOf, wholeBits } from '../der/values.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import { KEY_OF, signatureAlgorithm } from './algorithms.ts'
import { type Certificate, nameText, OID, parseCertificate, readExtensions, signatureOf, USAGE } from './certificate.ts'
import { type ChainRules, isoOf, verifyChain } from './chain.ts'

const MAX_RESPONSE_BYTES = 16_384
/** Answers in one response: a responder is asked about one certificate at a time. */
const MAX_ANSWERS = 16

const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1'
/** Echoes the request's nonce: the answer's dates say how old it is. */
const NONCE = '1.3.6.1.5.5.7.48.1.2'
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
const HASHES: Readonly<Record<string, DigestAlgorithm>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const STATUSES = new Map<number, OcspAnswer['status']>([
  [context(0, false), 'good'],
  [context(1, true), 'revoked'],
  [context(2, false), 'unknown'],
])

/** What a responder says of one certificate. */
export interface OcspAnswer {
  readonly hash: DigestAlgorithm
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  /** Content of the INTEGER. */
  readonly serial: Uint8Array
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Milliseconds since 1970. */
  readonly thisUpdate: number
  readonly nextUpdate: number
}

/** A successful basic OCSP response (RFC 6960, 4.2.1); nothing about it is verified. */
export interface OcspResponse {
  readonly tbs: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly signature: Uint8Array
  /** DER of the responder's name, where it goes by name. */
  readonly responder: Uint8Array | undefined
  /** DER of the responder's certificate; without it the issuer itself signs. */
  readonly certificate: Uint8Array | undefined
  readonly answers: readonly OcspAnswer[]
}

/** Parses DER: `malformed-ocsp`, also for a responder that gives no answer or no date of the next one. */
export function parseOcspResponse(der: Uint8Array): Result<OcspResponse, AttestationError> {
  if (der.length > MAX_RESPONSE_BYTES)
    return refuse('malformed-ocsp', `at most ${MAX_RESPONSE_BYTES} bytes`, `${der.length}`)
  try {
    return ok(readResponse(der))
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuse('malformed-ocsp', 'a successful OCSP response in DER', cause.message, cause)
  }
}

function readResponse(der: Uint8Array): OcspResponse {
  const whole = new DerReader(der)
  const outer = whole.enter(TAG.sequence)
  whole.end()
  const status = smallInteger(outer.expect(TAG.enumerated).content)
  if (status !== 0) throw new DerError(`a responder in status ${status}`)
  const typed = outer.enter(context(0, true)).enter(TAG.sequence)
  outer.end()
  const type = oidText(typed.expect(TAG.oid).content)
  if (type !== BASIC_RESPONSE) throw new DerError(`a response of type ${type}`)
  const bytes = new DerReader(typed.expect(TAG.octetString).content)
  typed.end()
  const basic = bytes.enter(TAG.sequence)
  bytes.end()
  const signed = basic.expect(TAG.sequence)
  const algorithm = signatureAlgorithm(basic.expect(TAG.sequence).whole)
  if (algorithm === undefined) throw new DerError('a signature of another algorithm')
  const signature = signatureOf(algorithm, wholeBits(basic.expect(TAG.bitString).content))
  const certificates = basic.optional(context(0, true))
  basic.end()
  const embedded = certificates && new DerReader(certificates.content).enter(TAG.sequence)
  const certificate = embedded?.done === false ? embedded.expect(TAG.sequence).whole : undefined
  return { tbs: signed.whole, algorithm, signature, certificate, ...readData(new DerReader(signed.content)) }
}

function readData(data: DerReader): Pick<OcspResponse, 'responder' | 'answers'> {
  const version = data.optional(context(0, true))
  if (version !== undefined && smallInteger(new DerReader(version.content).expect(TAG.integer).content) !== 0)
    throw new DerError('a version other than 1')
  const id = data.next()
  if (id.tag !== context(1, true) && id.tag !== context(2, true)) throw new DerError('a responder without id')
  timeOf(data.expect(TAG.generalizedTime))
  const list = data.enter(TAG.sequence)
  refuseCritical(data)
  const answers: OcspAnswer[] = []
  while (!list.done) {
    answers.push(readAnswer(list.enter(TAG.sequence)))
    if (answers.length > MAX_ANSWERS) throw new DerError(`more than ${MAX_ANSWERS} answers`)
  }
  return { responder: id.tag === context(1, true) ? id.content : undefined, answers }
}

function readAnswer(answer: DerReader): OcspAnswer {
  const id = answer.enter(TAG.sequence)
  const identifier = id.enter(TAG.sequence)
  const oid = oidText(identifier.expect(TAG.oid).content)
  identifier.optional(TAG.null)
  identifier.end()
  const hash = HASHES[oid]
  if (hash === undefined) throw new DerError(`an issuer under the hash ${oid}`)
  const issuerNameHash = id.expect(TAG.octetString).content
  const issuerKeyHash = id.expect(TAG.octetString).content
  const serial = id.expect(TAG.integer).content
  id.end()
  const status = STATUSES.get(answer.peek() ?? 0)
  if (status === undefined) throw new DerError('an unknown status')
  answer.next()
  const thisUpdate = timeOf(answer.expect(TAG.generalizedTime))
  const next = answer.enter(context(0, true))
  const nextUpdate = timeOf(next.expect(TAG.generalizedTime))
  next.end()
  refuseCritical(answer)
  return { hash, issuerNameHash, issuerKeyHash, serial, status, thisUpdate, nextUpdate }
}

/** Reads the extensions that end a structure. */
function refuseCritical(reader: DerReader): void {
  const extensions = readExtensions(reader.optional(context(1, true)))
  reader.end()
  for (const [oid, { critical }] of extensions)
    if (critical && oid !== NONCE) throw new DerError(`the critical extension ${oid}`)
}

/** The answer about `certificate`, which `issuer` has issued. */
export function answerAbout(
  response: OcspResponse,
  certificate: Certificate,
  issuer: Certificate,
  crypto: AttestationCrypto,
): OcspAnswer | undefined {
  return response.answers.find(
    ({ hash, issuerNameHash, issuerKeyHash, serial }) =>
      equalBytes(serial, certificate.serial) &&
      equalBytes(issuerNameHash, crypto.digest(hash, issuer.subject)) &&
      equalBytes(issuerKeyHash, crypto.digest(hash, publicKeyOf(issuer.spki))),
  )
}

/** Bits of a SubjectPublicKeyInfo that has been parsed before. */
export function publicKeyOf(spki: Uint8Array): Uint8Array {
  const reader = new DerReader(spki).enter(TAG.sequence)
  reader.expect(TAG.sequence)
  return wholeBits(reader.expect(TAG.bitString).content)
}

/**
 * Whether one may sign for the last certificate of `issuers`, a verified chain, root first: that certificate itself, or a
 * responder it or the root has certified for this (RFC 6960, 4.2.2.2); and whether it has signed. Returns who signed:
 * its word holds no longer than its certificate. `ocsp-signer-refused`, `bad-ocsp-signature`, and what `verifyChain`
 * says of the responder's certificate.
 */
export async function verifyOcspSigner(
  response: OcspResponse,
  issuers: readonly Certificate[],
  rules: Omit<ChainRules, 'leafUsage' | 'understood'>,
): Promise<Result<Certificate, AttestationError>> {
  const signer = await signerOf(response, issuers, rules)
  if (!signer.ok) return signer
  const { responder, algorithm, signature, tbs } = response
  const { subject, keyType, spki } = signer.value
  if (responder !== undefined && !equalBytes(responder, subject))
    return refuse('ocsp-signer-refused', nameText(subject), nameText(responder))
  if (KEY_OF[algorithm] === keyType && (await rules.crypto.verify(algorithm, spki, signature, tbs))) return signer
  return refuse('bad-ocsp-signature', `a signature by ${nameText(subject)}`, 'another')
}

async function signerOf(
  { certificate }: OcspResponse,
  issuers: readonly Certificate[],
  rules: Omit<ChainRules, 'leafUsage' | 'understood'>,
): Promise<Result<Certificate, AttestationError>> {
  const [root] = issuers
  const issuer = issuers.at(-1)
  if (root === undefined || issuer === undefined) return refuse('ocsp-signer-refused', 'an issuer', 'none')
  if (certificate === undefined || equalBytes(certificate, issuer.der)) {
    const signs = ((issuer.usages ?? 0) & USAGE.digitalSignature) !== 0
    return signs
      ? ok(issuer)
      : refuse('ocsp-signer-refused', 'an issuer that may sign answers', nameText(issuer.subject))
  }
  const parsed = parseCertificate(certificate, issuers.length)
  if (!parsed.ok) return parsed
  const above = [issuers, [root]].find((each) => equalBytes(each.at(-1)?.subject ?? root.subject, parsed.value.issuer))
  if (above === undefined || !signsOcsp(parsed.value))
    return refuse('ocsp-signer-refused', `a responder of ${nameText(issuer.subject)}`, nameText(parsed.value.subject))
  const chain = [...above, { ...parsed.value, position: above.length }]
  const understood = [OID.extendedKeyUsage]
  const chained = await verifyChain(chain, { ...rules, leafUsage: 'required', understood })
  return chained.ok ? parsed : chained
}

function signsOcsp(certificate: Certificate): boolean {
  const extension = certificate.extensions.get(OID.extendedKeyUsage)
  if (extension === undefined) return false
  try {
    const usages = new DerReader(extension.value).enter(TAG.sequence)
    while (!usages.done) if (oidText(usages.expect(TAG.oid).content) === OCSP_SIGNING) return true
    return false
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return false
  }
}

/** Judges an answer whose signer is verified: `ocsp-not-yet-valid`, `ocsp-expired`, `certificate-revoked`, `ocsp-status-unknown`. */
export function judgeAnswer(
  { status, thisUpdate, nextUpdate }: OcspAnswer,
  { position, subject }: Certificate,
  at: number,
): Result<undefined, AttestationError> {
  if (!(at >= thisUpdate)) return refuse('ocsp-not-yet-valid', `a time after ${isoOf(thisUpdate)}`, isoOf(at))
  if (!(at <= nextUpdate)) return refuse('ocsp-expired', `a time before ${isoOf(nextUpdate)}`, isoOf(at))
  if (status === 'good') return ok(undefined)
  if (status === 'unknown') return refuse('ocsp-status-unknown', `a status of ${nameText(subject)}`, status)
  return refuseCertificate('certificate-revoked', position, 'one its issuer has not revoked', nameText(subject))
}
