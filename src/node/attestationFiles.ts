import {
  type Certificate,
  type Collateral,
  type DocumentKind,
  parseCertificate,
  parseCollateral,
  parseRevocationList,
  type RevocationList,
} from '../attestation/index.ts'
import { utf8 } from '../protocol/index.ts'
import { encodedBytes, isRecord, jsonOf, MAX_BLOCKS, pemBlocks, textOf } from './attestationForms.ts'
import { intelItems } from './intelCollateral.ts'

/** What one file holds: told from its content, never from its name. */
export type FileContent =
  | { readonly form: 'evidence'; readonly kind: DocumentKind; readonly document: Uint8Array }
  /** A GPU's request and report without the certificates that its document would carry. */
  | { readonly form: 'gpu-report'; readonly report: Uint8Array }
  | { readonly form: 'certificates'; readonly certificates: readonly Certificate[] }
  | { readonly form: 'crl'; readonly der: Uint8Array; readonly list: RevocationList }
  | { readonly form: 'ocsp'; readonly der: Uint8Array }
  | { readonly form: 'collateral'; readonly items: Collateral }

/** Encodings inside each other: base64 of hex of PEM is the deepest that somebody might mean. */
const MAX_DEPTH = 3
const SNP_REPORT_BYTES = 1184
/** `MSG_REPORT_RSP` before the report (SEV-SNP ABI, 7.3): status, size, reserved. */
const SNP_RESPONSE_BYTES = 32
/** Evidence kinds by `QuoteBody.type` of a version 5 quote (Intel TDX DCAP quoting library). */
const QUOTE_V5_BODIES: Readonly<Record<number, DocumentKind>> = { 1: 'sgx', 2: 'tdx', 3: 'tdx' }
const TEE_TYPE_TDX = 0x81
const EVENT_LOG = { at: 32, name: 'Spec ID Event03' } as const
/** ENUMERATED, with which an OCSPResponse starts (RFC 6960, 4.2.1). */
const OCSP_STATUS_TAG = 0x0a
const MAX_QUOTE_VERSION = 5

/** Reference measurements of a driver have 100 kB and documents a quarter of a megabyte: what is larger is neither. */
const MAX_CONTENT_BYTES = 4 * 1_048_576

/** Everything the bytes hold, in order; empty where they are nothing known, or more than anything known has. */
export function fileContents(bytes: Uint8Array, depth = 0): FileContent[] {
  if (bytes.length > MAX_CONTENT_BYTES) return []
  const text = textOf(bytes)
  if (text === undefined || text === '') return binaryContents(bytes)
  const blocks = pemBlocks(text)
  if (blocks.length > 0 && !/^[[{"]/.test(text)) return derContents(blocks.map((block) => block.bytes))
  if (/^<(?:\?xml|!--|[A-Za-z])/.test(text)) return manifestContents(text)
  const json = jsonOf(text)
  if (json !== undefined) return jsonContents(json, bytes, depth)
  const token = tokenKind(text)
  if (token !== undefined) return [{ form: 'evidence', kind: token, document: utf8(text) }]
  const inner = depth < MAX_DEPTH ? encodedBytes(text) : undefined
  return inner === undefined ? [] : fileContents(inner, depth + 1)
}

/** The bytes under hex or base64, where the file is such text. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  const text = textOf(bytes)
  return (text === undefined ? undefined : encodedBytes(text)) ?? bytes
}

function binaryContents(bytes: Uint8Array): FileContent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [first, second] = bytes
  if (first === 0x30) {
    const found = derContents(sequencesOf(bytes))
    const isResponse = found.length === 0 && bytes[4] === OCSP_STATUS_TAG
    return isResponse ? [{ form: 'ocsp', der: bytes }] : found
  }
  if (bytes.length === SNP_REPORT_BYTES) return [{ form: 'evidence', kind: 'sev-snp', document: bytes }]
  if (isSnpResponse(bytes, view)) {
    return [{ form: 'evidence', kind: 'sev-snp', document: bytes.subarray(SNP_RESPONSE_BYTES) }]
  }
  if (isEventLog(bytes)) return [{ form: 'collateral', items: new Map([['tdx/event-log', bytes]]) }]
  const quoted = quoteKind(view)
  if (quoted !== undefined) return [{ form: 'evidence', kind: quoted, document: bytes }]
  if (first === 0x11 && second === 0xe0) return [{ form: 'gpu-report', report: exactReport(bytes, view) }]
  if (first === 0x84 || first === 0x9f) return [{ form: 'evidence', kind: 'nitro', document: bytes }]
  // COSE_Sign1_Tagged (RFC 9052, 2): the tag says nothing that the structure does not.
  if (first === 0xd2) return [{ form: 'evidence', kind: 'nitro', document: bytes.subarray(1) }]
  const bundle = bytes.length > 0 ? parseCollateral(bytes) : undefined
  return bundle?.ok === true ? [{ form: 'collateral', items: bundle.value }] : []
}

function isSnpResponse(bytes: Uint8Array, view: DataView): boolean {
  return (
    bytes.length === SNP_RESPONSE_BYTES + SNP_REPORT_BYTES &&
    view.getUint32(0, true) === 0 &&
    view.getUint32(4, true) === SNP_REPORT_BYTES
  )
}

/** A firmware's event log begins with the name of its form (TCG PC Client Platform Firmware Profile, 10.4.5.1). */
const isEventLog = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(EVENT_LOG.at, EVENT_LOG.at + EVENT_LOG.name.length)).toString('latin1') === EVENT_LOG.name

/** By the header of an Intel quote: version, attestation key type, TEE type. */
function quoteKind(view: DataView): DocumentKind | undefined {
  if (view.byteLength < 64) return undefined
  const version = view.getUint16(0, true)
  const keyType = view.getUint16(2, true)
  if (version < 3 || version > MAX_QUOTE_VERSION || keyType < 2 || keyType > 3) return undefined
  if (version === 3) return 'sgx'
  if (version === MAX_QUOTE_VERSION) return QUOTE_V5_BODIES[view.getUint16(48, true)]
  return view.getUint32(4, true) === TEE_TYPE_TDX ? 'tdx' : 'sgx'
}

/** Where an SPDM 1.1 request and its response hold their lengths, and bytes of the fixed parts (DSP0274, 10.11). */
const SPDM = { recordLengthAt: 42, recordAt: 45, nonce: 32, signature: 96 } as const

/** A request and its response without the zeros that some tools leave behind them. */
function exactReport(bytes: Uint8Array, view: DataView): Uint8Array {
  if (bytes.length < SPDM.recordAt) return bytes
  const record = view.getUint16(SPDM.recordLengthAt, true) + (bytes[SPDM.recordLengthAt + 2] ?? 0) * 65_536
  const opaqueAt = SPDM.recordAt + record + SPDM.nonce
  if (opaqueAt + 2 > bytes.length) return bytes
  const end = opaqueAt + 2 + view.getUint16(opaqueAt, true) + SPDM.signature
  return bytes.subarray(end).every((byte) => byte === 0) ? bytes.subarray(0, end) : bytes
}

/** Certificates and revocation lists; anything else in DER is left out. */
function derContents(ders: readonly Uint8Array[]): FileContent[] {
  const certificates: Certificate[] = []
  const lists: FileContent[] = []
  for (const der of ders) {
    const certificate = parseCertificate(der, certificates.length)
    if (certificate.ok) certificates.push(certificate.value)
    else {
      const list = parseRevocationList(der)
      if (list.ok) lists.push({ form: 'crl', der, list: list.value })
    }
  }
  return certificates.length > 0 ? [{ form: 'certificates', certificates }, ...lists] : lists
}

/** One DER SEQUENCE after the other, as chains are sometimes written; the rest where lengths do not add up. */
function sequencesOf(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  let at = 0
  while (bytes[at] === 0x30 && at + 4 <= bytes.length) {
    const form = bytes[at + 1] ?? 0
    const size = form === 0x82 ? 4 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0) : undefined
    if (size === undefined || at + size > bytes.length || found.length === MAX_BLOCKS) break
    found.push(bytes.subarray(at, at + size))
    at += size
  }
  return at === bytes.length ? found : [bytes]
}

/** NVIDIA's signed reference measurements (TCG RIM, an ISO 19770-2 tag): of the driver, or of the firmware. */
function manifestContents(text: string): FileContent[] {
  if (!text.includes('SoftwareIdentity')) return []
  const name = /<(?:\w+:)?SoftwareIdentity[^<>]*\sname="([^"]*)"/.exec(text)?.[1] ?? ''
  const item = /VBIOS/i.test(name) ? 'nvidia/vbios-rim' : 'nvidia/driver-rim'
  return [{ form: 'collateral', items: new Map([[item, utf8(text)]]) }]
}

function jsonContents(json: unknown, bytes: Uint8Array, depth: number): FileContent[] {
  const evidence = (kind: DocumentKind): FileContent[] => [{ form: 'evidence', kind, document: bytes }]
  if (typeof json === 'string') return depth < MAX_DEPTH ? fileContents(utf8(json), depth + 1) : []
  if (Array.isArray(json)) {
    const [head] = json as unknown[]
    if (Array.isArray(head) && head[0] === 'JWT') return evidence('nras')
    if (!isRecord(head) || typeof head.evidence !== 'string') return []
    return evidence(isSwitch(head.arch) ? 'nvidia-switch' : 'nvidia-gpu')
  }
  if (!isRecord(json)) return []
  const has = (...names: readonly string[]): boolean => names.every((name) => json[name] !== undefined)
  if (has('keys')) return [{ form: 'collateral', items: new Map([['jwks', bytes]]) }]
  const intel = intelItems(json, bytes)
  if (intel !== undefined) return [{ form: 'collateral', items: intel }]
  if (has('hcl_report', 'td_quote')) return evidence('azure-tdx-vtpm')
  if (has('hcl_report') || has('quote', 'report', 'vcek')) return evidence('azure-snp-vtpm')
  if (has('quote', 'event_log')) return evidence('tdx-dstack')
  for (const name of ['quote', 'token', 'evidences', 'evidence_list']) {
    const inner = json[name]
    if (typeof inner === 'string' && depth < MAX_DEPTH) return fileContents(utf8(inner), depth + 1)
    if (Array.isArray(inner)) return jsonContents(inner, utf8(JSON.stringify(inner)), depth + 1)
  }
  return []
}

/** NVSwitch architectures are named after the LinkSwitch, `LS10`. */
const isSwitch = (arch: unknown): boolean => typeof arch === 'string' && /^(?:LS|NVSWITCH|SWITCH)/i.test(arch)

const TOKEN_ISSUERS: readonly (readonly [pattern: RegExp, kind: DocumentKind])[] = [
  [/^https:\/\/confidentialcomputing\.googleapis\.com/, 'gcp'],
  [/\.attest\.azure\.(?:net|us|cn)(?:\/|:|$)/, 'maa'],
  [/^https:\/\/nras\.attestation/, 'nras'],
]

/** By the issuer that a compact JWT names; nothing about it is believed. */
function tokenKind(text: string): DocumentKind | undefined {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(text)?.[1]
  if (payload === undefined) return undefined
  const claims = jsonOf(Buffer.from(payload, 'base64url').toString('utf8'))
  const issuer = isRecord(claims) && typeof claims.iss === 'string' ? claims.iss : ''
  return TOKEN_ISSUERS.find(([pattern]) => pattern.test(issuer))?.[1]
}
