import { type Certificate, parseCertificate } from '../attestation/index.ts'
import { encodedBytes, isRecord, jsonOf, pemBlocks, textOf } from './attestationForms.ts'

/** Nesting of JSON that is looked into; the deepest vendor's document has five levels. */
const MAX_DEPTH = 12
const MAX_CERTIFICATES = 256
/** Bytes: above every format's own bound; a document that is larger is refused for that. */
const MAX_DOCUMENT_BYTES = 1_048_576
const DER_SEQUENCE = 0x30

/**
 * Certificates that stand anywhere in a document in PEM, in JSON also under base64, hex or a list of numbers, and there
 * in DER too: what it claims to be signed by. Nothing about them is verified.
 */
export function embeddedCertificates(document: Uint8Array): Certificate[] {
  if (document.length > MAX_DOCUMENT_BYTES) return []
  const ders: Uint8Array[] = []
  const text = textOf(document)
  const json = text === undefined ? undefined : jsonOf(text)
  if (json === undefined) collectPem(document, ders)
  else collectJson(json, ders, 0)
  const unique = new Map(ders.map((der) => [Buffer.from(der).toString('latin1'), der]))
  return [...unique.values()].slice(0, MAX_CERTIFICATES).flatMap((der, position) => {
    const certificate = parseCertificate(der, position)
    return certificate.ok ? [certificate.value] : []
  })
}

function collectPem(bytes: Uint8Array, ders: Uint8Array[]): void {
  for (const block of pemBlocks(Buffer.from(bytes).toString('latin1'))) {
    if (block.label === 'CERTIFICATE') ders.push(block.bytes)
  }
}

function collectJson(value: unknown, ders: Uint8Array[], depth: number): void {
  if (depth > MAX_DEPTH) return
  if (typeof value === 'string') {
    const text = new TextEncoder().encode(value)
    collectPem(text, ders)
    const inner = encodedBytes(value)
    if (inner?.[0] === DER_SEQUENCE) ders.push(inner)
    else if (inner !== undefined) collectPem(inner, ders)
  } else if (Array.isArray(value)) {
    const isBytes = value.length > 64 && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
    if (isBytes) collectPem(Uint8Array.from(value as number[]), ders)
    else for (const item of value) collectJson(item, ders, depth + 1)
  } else if (isRecord(value)) {
    for (const member of Object.values(value)) collectJson(member, ders, depth + 1)
  }
}

/** From the leaf upwards by names, as far as `pool` reaches; a root ends it. */
export function chainAbove(leaf: Certificate, pool: readonly Certificate[]): Certificate[] {
  const chain = [leaf]
  for (let last = leaf; !sameName(last.subject, last.issuer); ) {
    const issuer = pool.find((candidate) => candidate.isCa && sameName(candidate.subject, last.issuer))
    if (issuer === undefined || chain.includes(issuer)) break
    chain.push(issuer)
    last = issuer
  }
  return chain
}

export const sameName = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0

export const isSelfIssued = (certificate: Certificate): boolean => sameName(certificate.subject, certificate.issuer)
