import { base64ToBytes } from '../../protocol/index.ts'
import { canonicalXml } from './canonical.ts'
import { type XmlElement, XmlError } from './parse.ts'

const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
const CANONICAL = ['http://www.w3.org/2006/12/xml-c14n11', 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315']
const ENVELOPED = `${DSIG}enveloped-signature`
const ECDSA_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384'
const SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#sha384'
const DIGEST_BYTES = 48
const SIGNATURE_BYTES = 96
/** Certificates of a manifest: four as seen. */
const MAX_CERTIFICATES = 6

/** A signature over the document that holds it (XMLDSIG 1.1, 6.6.4); nothing is verified. */
export interface EnvelopedSignature {
  /** Canonical bytes of the document without the signature. */
  readonly document: Uint8Array
  /** SHA-384 of `document`, as signed. */
  readonly digest: Uint8Array
  /** Canonical bytes of what the signature is over, `digest` among them. */
  readonly signedInfo: Uint8Array
  /** ECDSA P-384 (IEEE P1363). */
  readonly signature: Uint8Array
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[]
}

/**
 * Reads the one signature of a document, a child of its root. It must be over the whole document, `URI=""`, by exactly two
 * transforms, enveloped and inclusive canonicalisation, with SHA-384 and ECDSA; every element of it is expected. Throws
 * XmlError.
 */
export function readEnvelopedSignature(root: XmlElement): EnvelopedSignature {
  const found = root.children.filter((child) => typeof child !== 'string' && isSignature(child)) as XmlElement[]
  const [element] = found
  if (element === undefined || found.length !== 1 || countSignatures(root) !== 1)
    throw new XmlError('a document without one signature below its root')
  const [info, value, keys] = partsOf(element, ['SignedInfo', 'SignatureValue', 'KeyInfo'])
  const [method, algorithm, reference] = partsOf(info, ['CanonicalizationMethod', 'SignatureMethod', 'Reference'])
  expectAlgorithm(method, CANONICAL)
  expectAlgorithm(algorithm, [ECDSA_SHA384])
  const [uri, ...others] = reference.attributes
  if (uri?.local !== 'URI' || uri.namespace !== '' || uri.value !== '' || others.length > 0)
    throw new XmlError('a reference to something else than the document')
  const [transforms, hash, digestValue] = partsOf(reference, ['Transforms', 'DigestMethod', 'DigestValue'])
  const [enveloped, canonical] = partsOf(transforms, ['Transform', 'Transform'])
  expectAlgorithm(enveloped, [ENVELOPED])
  expectAlgorithm(canonical, CANONICAL)
  expectAlgorithm(hash, [SHA384])
  const [data] = partsOf(keys, ['X509Data'])
  const certificates = elementsOf(data).map((each) => bytesOf(expectName(each, 'X509Certificate')))
  if (certificates.length < 1 || certificates.length > MAX_CERTIFICATES)
    throw new XmlError(`${certificates.length} certificates, not 1 to ${MAX_CERTIFICATES}`)
  return {
    document: canonicalXml(root, element),
    digest: bytesOf(digestValue, DIGEST_BYTES),
    signedInfo: canonicalXml(info),
    signature: bytesOf(value, SIGNATURE_BYTES),
    certificates,
  }
}

const isSignature = ({ namespace, local }: XmlElement): boolean => namespace === DSIG && local === 'Signature'

const countSignatures = (element: XmlElement): number =>
  element.children.reduce(
    (count, child) => count + (typeof child === 'string' ? 0 : countSignatures(child)),
    isSignature(element) ? 1 : 0,
  )

/** The elements in an element that holds no text beside them. Throws XmlError. */
export function elementsOf(element: XmlElement): XmlElement[] {
  return element.children.flatMap((child) => {
    if (typeof child !== 'string') return [child]
    if (child.trim() !== '') throw new XmlError(`text in ${element.local}`)
    return []
  })
}

type Elements<Names extends readonly string[]> = { [Index in keyof Names]: XmlElement }

function partsOf<const Names extends readonly string[]>(element: XmlElement, names: Names): Elements<Names> {
  const elements = elementsOf(element)
  if (elements.length !== names.length) throw new XmlError(`${elements.length} elements in ${element.local}`)
  return elements.map((each, at) => expectName(each, names[at] ?? '')) as Elements<Names>
}

function expectName(element: XmlElement, local: string): XmlElement {
  if (element.namespace !== DSIG || element.local !== local)
    throw new XmlError(`${element.local} where ${local} belongs`)
  return element
}

function expectAlgorithm(element: XmlElement, allowed: readonly string[]): void {
  const [algorithm, ...others] = element.attributes
  const known = algorithm?.local === 'Algorithm' && algorithm.namespace === '' && allowed.includes(algorithm.value)
  if (!known || others.length > 0 || element.children.length > 0)
    throw new XmlError(`${element.local} by ${algorithm?.value} where ${allowed.join(' or ')} belongs`)
}

/** Base64, with line ends in it. */
function bytesOf(element: XmlElement, length?: number): Uint8Array {
  const text = element.children.map((child) => (typeof child === 'string' ? child : '<')).join('')
  const bytes = base64ToBytes(text.replace(/[ \t\r\n]/g, ''))
  if (bytes === undefined || bytes.length !== (length ?? bytes.length) || bytes.length === 0)
    throw new XmlError(`${element.local} that is not ${length ?? 'some'} bytes in base64`)
  return bytes
}
