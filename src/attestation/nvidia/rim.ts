import { bytesToHex, hexToBytes, isHex, ok, type Result } from '../../protocol/index.ts'
import type { Assurance } from '../assurance.ts'
import { equalBytes } from '../bytes.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import type { VerifierContext } from '../evidence.ts'
import { admitRoot } from '../trustRoots.ts'
import { type Certificate, nameText, parseCertificate } from '../x509/certificate.ts'
import { verifyChain } from '../x509/chain.ts'
import { parseXml, type XmlElement, XmlError } from '../xml/parse.ts'
import { type EnvelopedSignature, elementsOf, readEnvelopedSignature } from '../xml/signature.ts'

/** Bytes of a manifest: those seen are below 25 kB. */
const MAX_RIM_BYTES = 262_144
const MAX_ALTERNATIVES = 64

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd'
const SHA384 = 'http://www.w3.org/2001/04/xmlenc#sha384'
const DSIG = 'http://www.w3.org/2000/09/xmldsig#'

/** What one driver or one VBIOS measures to, as its maker signs it. */
export interface ReferenceManifest {
  /** Version of the driver or VBIOS, e.g. `550.144.03`. */
  readonly version: string
  /** By index, the values of each active measurement, one of which must be met. */
  readonly golden: ReadonlyMap<number, readonly Uint8Array[]>
  readonly signature: EnvelopedSignature
}

/** Parses a SWID tag (ISO/IEC 19770-2) with TCG's reference integrity measurements, XML: `malformed-rim`. */
export function parseManifest(xml: Uint8Array): Result<ReferenceManifest, AttestationError> {
  if (xml.length > MAX_RIM_BYTES) return refuse('malformed-rim', `at most ${MAX_RIM_BYTES} bytes`, `${xml.length}`)
  try {
    const root = parseXml(xml)
    return ok({ ...readTag(root), signature: readEnvelopedSignature(root) })
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause
    return refuse('malformed-rim', 'a signed reference manifest', cause.message, cause)
  }
}

function readTag(root: XmlElement): Omit<ReferenceManifest, 'signature'> {
  if (root.namespace !== SWID || root.local !== 'SoftwareIdentity') throw new XmlError(`${root.local} as root`)
  const children = elementsOf(root).filter(({ namespace }) => namespace !== DSIG)
  const stranger = children.find(
    (each) => each.namespace !== SWID || !['Entity', 'Meta', 'Payload'].includes(each.local),
  )
  if (stranger !== undefined) throw new XmlError(`${stranger.local} in a manifest`)
  const meta = sole(children, 'Meta')
  const golden = new Map<number, readonly Uint8Array[]>()
  const seen = new Set<number>()
  for (const resource of elementsOf(sole(children, 'Payload'))) {
    const index = natural(resource, 'index', 255)
    if (seen.has(index)) throw new XmlError(`measurement ${index} twice`)
    seen.add(index)
    const values = readResource(resource)
    if (values !== undefined) golden.set(index, values)
  }
  if (golden.size === 0) throw new XmlError('no active measurement')
  return { version: required(meta, 'colloquialVersion'), golden }
}

/** Values of an active measurement; undefined for one that is not. */
function readResource(resource: XmlElement): readonly Uint8Array[] | undefined {
  const isMeasurement = resource.namespace === SWID && resource.local === 'Resource'
  if (!isMeasurement || required(resource, 'type') !== 'Measurement')
    throw new XmlError(`${resource.local} of type ${attributeOf(resource, 'type')} in a payload`)
  const active = required(resource, 'active')
  if (active !== 'True' && active !== 'False') throw new XmlError(`active="${active}"`)
  const size = natural(resource, 'size', 4_096)
  const count = natural(resource, 'alternatives', MAX_ALTERNATIVES)
  const values: Uint8Array[] = []
  for (let at = 0; at < count; at += 1) {
    const hex = `0x${attributeOf(resource, `Hash${at}`, SHA384)?.toLowerCase()}`
    if (!isHex(hex) || hex.length !== 2 + 2 * size) throw new XmlError(`a value that is not ${size} bytes of hex`)
    values.push(hexToBytes(hex))
  }
  if (values.length === 0) throw new XmlError('a measurement without values')
  return active === 'True' ? values : undefined
}

function sole(elements: readonly XmlElement[], local: string): XmlElement {
  const [element, ...others] = elements.filter((each) => each.local === local)
  if (element === undefined || others.length > 0) throw new XmlError(`${others.length + 1} times ${local}, or none`)
  return element
}

const attributeOf = (element: XmlElement, local: string, namespace = ''): string | undefined =>
  element.attributes.find((each) => each.local === local && each.namespace === namespace)?.value

function required(element: XmlElement, local: string): string {
  const value = attributeOf(element, local)
  if (value === undefined) throw new XmlError(`${element.local} without ${local}`)
  return value
}

function natural(element: XmlElement, local: string, most: number): number {
  const text = required(element, local)
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || Number(text) > most) throw new XmlError(`${local}="${text}"`)
  return Number(text)
}

/**
 * Whether NVIDIA signed the manifest and its signers are in date: chain under the pinned root for manifests, digest,
 * signature. The root must be worth what the devices' root is (R6). Returns the chain, root first. `untrusted-root`, what `verifyChain` says, `bad-rim-signature`.
 */
export async function verifyManifest(
  { signature }: ReferenceManifest,
  assurance: Assurance,
  context: VerifierContext,
): Promise<Result<readonly Certificate[], AttestationError>> {
  const { crypto, now, policy } = context
  const ders = signature.certificates.toReversed()
  const admitted = admitRoot(ders[0] ?? new Uint8Array(0), 'nvidia-rim', context)
  if (!admitted.ok) return admitted
  if (admitted.value.assurance !== assurance)
    return refuse('untrusted-root', `a root of manifests that stands for ${assurance}`, admitted.value.assurance)
  const digest = crypto.digest('sha384', signature.document)
  if (!equalBytes(digest, signature.digest))
    return refuse('bad-rim-signature', `a document of digest ${bytesToHex(signature.digest)}`, bytesToHex(digest))
  const chain: Certificate[] = []
  for (const [position, der] of ders.entries()) {
    const certificate = parseCertificate(der, position)
    if (!certificate.ok) return certificate
    chain.push(certificate.value)
  }
  const revoked = new Set(policy.revokedCertificates)
  const chained = await verifyChain(chain, { at: now, crypto, revoked, leafUsage: 'required' })
  if (!chained.ok) return chained
  const leaf = chain.at(-1)
  if (leaf?.keyType !== 'P-384')
    return refuseCertificate('wrong-certificate-algorithm', chain.length - 1, 'a P-384 key', String(leaf?.keyType))
  if (await crypto.verify('ES384', leaf.spki, signature.signature, signature.signedInfo)) return ok(chain)
  return refuse('bad-rim-signature', `a signature by ${nameText(leaf.subject)}`, 'another')
}
