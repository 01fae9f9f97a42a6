import { createHash } from 'node:crypto'
import { encode } from 'cborg'
import { der, ecdsaValue, extension, octets, oid, sequence, time } from './derWriter.ts'
import { HOUR, NOW } from './nitroMint.ts'
import { measurement, type NvidiaMint } from './nvidiaMint.ts'
import { issueParty, type Party, type PartyRequest, signBytes } from './testPki.ts'

const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
const C14N = 'http://www.w3.org/2006/12/xml-c14n11'
const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd'
const ENC = 'http://www.w3.org/2001/04/xmlenc#sha384'

/** What a minted manifest says, and where it departs from a good one. */
export interface ManifestRequest {
  readonly version: string
  /** Values in hex by index; those not active are zero. */
  readonly active: ReadonlyMap<number, readonly string[]>
  readonly inactive?: readonly number[]
  /** Applied to the text without its signature, before and after that is made. */
  readonly text?: (xml: string) => string
  readonly altered?: (xml: string) => string
  readonly certificate?: (request: PartyRequest, position: number) => PartyRequest
  readonly signedInfo?: (xml: string) => string
  /** Sign with the key of this position instead of the leaf's. */
  readonly signer?: number
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export const driverManifest: ManifestRequest = {
  version: '550.1.2',
  active: new Map([
    [7, [hexOf(measurement(7))]],
    [21, ['00'.repeat(48), hexOf(measurement(21))]],
    [35, ['00'.repeat(48)]],
  ]),
  inactive: [0, 1],
}
export const vbiosManifest: ManifestRequest = {
  version: '96.00.A5.00.01',
  active: new Map([1, 2, 3].map((index) => [index, [hexOf(measurement(index))]])),
}

/** A minted manifest and its signers, root first. */
export interface MintedManifest {
  readonly xml: Uint8Array
  readonly chain: readonly Party[]
}

/** A signed manifest, written in canonical form by hand, so that signing needs none of what verifies it. */
export async function mintManifest(mint: NvidiaMint, request: ManifestRequest): Promise<MintedManifest> {
  const chain = await signers(mint, request)
  const resource = (index: number, active: boolean, values: readonly string[]): string => {
    const hashes = values.map((value, at) => ` ns2:Hash${at}="${value}"`).join('')
    const count = values.length
    return `<ns0:Resource active="${active ? 'True' : 'False'}" alternatives="${count}" index="${index}" name="Measurement_${index}" size="48" type="Measurement"${hashes}></ns0:Resource>`
  }
  const resources = [
    ...[...request.active].map(([index, values]) => resource(index, true, values)),
    ...(request.inactive ?? []).map((index) => resource(index, false, ['00'.repeat(48)])),
  ]
  const scope = `xmlns="${SWID}" xmlns:ns0="${SWID}" xmlns:ns2="${ENC}"`
  const usual = `<SoftwareIdentity ${scope} name="GH100" version="1.0">
<ns0:Entity name="NVIDIA Corporation" role="softwareCreator"></ns0:Entity>
<ns0:Meta colloquialVersion="${request.version}" product="GH100"></ns0:Meta>
<ns0:Payload>${resources.join('\n')}</ns0:Payload>
</SoftwareIdentity>`
  const xml = request.text?.(usual) ?? usual
  const digest = base64(createHash('sha384').update(xml).digest())
  const info = (namespaces: string): string => {
    const text = `<ds:SignedInfo${namespaces}><ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"></ds:SignatureMethod><ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="${DSIG}enveloped-signature"></ds:Transform><ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`
    return request.signedInfo?.(text) ?? text
  }
  const canonical = info(` xmlns="${SWID}" xmlns:ds="${DSIG}" xmlns:ns0="${SWID}" xmlns:ns2="${ENC}"`)
  const signature = await signBytes(bytesOf(canonical), chain[request.signer ?? chain.length - 1] as Party)
  const certificates = chain
    .toReversed()
    .map((party) => `<ds:X509Certificate>${base64(party.der)}\n</ds:X509Certificate>`)
    .join('')
  const element = `<ds:Signature xmlns:ds="${DSIG}">${info('')}<ds:SignatureValue>${base64(signature)}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>${certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>`
  const signed = xml.replace('</SoftwareIdentity>', `${element}</SoftwareIdentity>\n`)
  return { xml: bytesOf(request.altered?.(signed) ?? signed), chain }
}

async function signers(mint: NvidiaMint, { certificate }: ManifestRequest): Promise<readonly Party[]> {
  const requests: PartyRequest[] = [
    { subject: 'CN=test manifests GH100', ca: true },
    { subject: 'CN=test manifest signer', ca: false },
  ]
  const chain: Party[] = [mint.rimRoot]
  for (const [at, request] of requests.entries()) {
    const wanted = certificate?.(request, at + 1) ?? request
    chain.push(await issueParty({ issuer: chain.at(-1) as Party, ...wanted }))
  }
  return chain
}

/** What a minted responder answers, and where it departs from a good one. */
export interface AnswerRequest {
  readonly certificate: Party
  readonly issuer: Party
  /** Who certified the responder: the issuer itself where none is given. */
  readonly responderIssuer?: Party
  readonly responder?: Partial<PartyRequest>
  /** Sign with this key, and send no certificate. */
  readonly signer?: Party
  readonly status?: 'good' | 'revoked' | 'unknown'
  readonly thisUpdate?: number
  readonly nextUpdate?: number | undefined
  readonly hash?: 'sha256' | 'sha384' | 'sha512' | 'sha1'
  readonly outerStatus?: number
  readonly extensions?: Uint8Array
  readonly altered?: (der: Uint8Array) => Uint8Array
}

const HASH_OIDS = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const
export const OCSP_SIGNING = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.9')))

const contentOf = (element: Uint8Array): Uint8Array =>
  element.subarray((element[1] ?? 0) < 0x80 ? 2 : 2 + ((element[1] ?? 0) & 0x7f))

/** Elements one after another in a constructed one. */
function childrenOf(element: Uint8Array): Uint8Array[] {
  const children: Uint8Array[] = []
  let rest = contentOf(element)
  while (rest.length > 0) {
    const first = rest[1] ?? 0
    const count = first < 0x80 ? 0 : first & 0x7f
    const size = count === 0 ? first : rest.subarray(2, 2 + count).reduce((value, byte) => value * 256 + byte, 0)
    const end = 2 + count + size
    children.push(rest.subarray(0, end))
    rest = rest.subarray(end)
  }
  return children
}

/** Serial, subject and key of a certificate. */
function namesOf({ der: certificate }: Party) {
  const tbs = childrenOf(childrenOf(certificate)[0] ?? certificate)
  const [, key] = childrenOf(tbs[6] ?? certificate)
  return { serial: tbs[1] as Uint8Array, subject: tbs[5] as Uint8Array, key: contentOf(key as Uint8Array).subarray(1) }
}

const STATUS = { good: der(0x80), revoked: der(0xa1, time(NOW - HOUR), der(0xa0, der(0x0a, [6]))), unknown: der(0x82) }

/** A basic OCSP response in DER. */
export async function mintAnswer(request: AnswerRequest): Promise<Uint8Array> {
  const { certificate, issuer, status = 'good', hash = 'sha384' } = request
  const responder =
    request.signer ??
    (await issueParty({
      subject: 'CN=test responder',
      issuer: request.responderIssuer ?? issuer,
      ca: false,
      extensions: [OCSP_SIGNING],
      ...request.responder,
    }))
  const digest = (bytes: Uint8Array): Uint8Array => createHash(hash).update(bytes).digest()
  const { subject, key } = namesOf(issuer)
  const id = sequence(
    sequence(oid(HASH_OIDS[hash])),
    octets(digest(subject)),
    octets(digest(key)),
    namesOf(certificate).serial,
  )
  const nextUpdate = 'nextUpdate' in request ? request.nextUpdate : NOW + HOUR
  const next = nextUpdate === undefined ? [] : [der(0xa0, time(nextUpdate))]
  const answer = sequence(id, STATUS[status], time(request.thisUpdate ?? NOW - HOUR), ...next)
  const data = sequence(
    der(0xa1, namesOf(responder).subject),
    time(NOW - HOUR),
    sequence(answer),
    ...(request.extensions === undefined ? [] : [der(0xa1, request.extensions)]),
  )
  const signature = ecdsaValue(await signBytes(data, responder))
  const certificates = request.signer === undefined ? [der(0xa0, sequence(responder.der))] : []
  const basic = sequence(data, sequence(oid('1.2.840.10045.4.3.3')), der(0x03, [0], signature), ...certificates)
  const typed = sequence(oid('1.3.6.1.5.5.7.48.1.1'), octets(basic))
  const response = sequence(der(0x0a, [request.outerStatus ?? 0]), der(0xa0, typed))
  return request.altered?.(response) ?? response
}

/** Answers about all of a chain below its root but its last certificates, `but` of them. */
export function answersFor(chain: readonly Party[], but: number, over: Partial<AnswerRequest> = {}) {
  const asked = chain.slice(1, chain.length - but)
  return Promise.all(asked.map((certificate, at) => mintAnswer({ certificate, issuer: chain[at] as Party, ...over })))
}

export const ocspBundle = (responses: readonly Uint8Array[]): Uint8Array => encode([...responses])
