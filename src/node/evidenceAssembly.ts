import { encode } from 'cborg'
import {
  type Certificate,
  type CollateralItem,
  type DocumentKind,
  type EvidenceInput,
  encodeCollateral,
  nameText,
} from '../attestation/index.ts'
import { utf8 } from '../protocol/index.ts'
import { type FileContent, plainBytes } from './attestationFiles.ts'
import { pemText } from './attestationForms.ts'
import { chainAbove, embeddedCertificates, isSelfIssued } from './evidenceCertificates.ts'

export interface EvidenceFiles {
  /** Which verifier; told from the content where it is left out. */
  readonly kind?: DocumentKind
  /** The file that is judged. */
  readonly bytes: Uint8Array
  readonly contents: readonly FileContent[]
  /** What was given with it. */
  readonly given: readonly FileContent[]
  /** CA certificates of vendors at hand: intermediates are taken from here where nobody gave them. */
  readonly vendor: readonly Certificate[]
  /** Milliseconds since 1970, where it is known when the evidence is judged: of several signers those then in force. */
  readonly at?: number
}

const AMD_KINDS: readonly DocumentKind[] = ['sev-snp', 'azure-snp-vtpm']
const INTEL_KINDS: readonly DocumentKind[] = ['tdx', 'sgx', 'tdx-dstack', 'azure-tdx-vtpm']
/** Of AMD's VCEK and VLEK (KDS specification, 3.1): `structVersion`. */
const AMD_STRUCT_VERSION = '1.3.6.1.4.1.3704.1.1'
/** Of PCK certificates (Intel SGX PCK certificate specification, 1.4.8). */
const INTEL_SGX_EXTENSIONS = '1.2.840.113741.1.13.1'
/** Bytes of an SPDM 1.1 GET_MEASUREMENTS request (DSP0274, 10.11): header, nonce, slot. */
const NONCE_AT = 4
const NONCE_BYTES = 32

type Items = Map<CollateralItem, Uint8Array>

/** One piece of evidence in the form its verifier reads; undefined where no kind was given and none is recognised. */
export function assembleEvidence(files: EvidenceFiles): EvidenceInput | undefined {
  const all = [...files.contents, ...files.given]
  const found = documentOf(files, certificatesOf(all))
  if (found === undefined) return undefined
  const { kind, document } = found
  const items: Items = new Map()
  for (const content of all) {
    if (content.form === 'collateral') for (const [item, bytes] of content.items) items.set(item, bytes)
  }
  const pool = [...certificatesOf(all), ...embeddedCertificates(document)]
  if (AMD_KINDS.includes(kind)) addAmd(items, all, pool, files.vendor)
  if (INTEL_KINDS.includes(kind)) addIntel(items, all, pool, files)
  const answers = all.flatMap((content) => (content.form === 'ocsp' ? [content.der] : []))
  if (answers.length > 0) items.set('nvidia/ocsp', encode(answers))
  return { kind, document, collateral: encodeCollateral(items) }
}

const certificatesOf = (contents: readonly FileContent[]): Certificate[] =>
  contents.flatMap((content) => (content.form === 'certificates' ? content.certificates : []))

function documentOf(
  { kind, bytes, contents, vendor }: EvidenceFiles,
  certificates: readonly Certificate[],
): { readonly kind: DocumentKind; readonly document: Uint8Array } | undefined {
  for (const content of contents) {
    if (content.form === 'evidence') {
      const inner = kind === 'tdx' && content.kind === 'tdx-dstack' ? quoteOf(content.document) : undefined
      return { kind: kind ?? content.kind, document: inner ?? content.document }
    }
    if (content.form === 'gpu-report') {
      const { kind: sniffed, document } = gpuDocument(content.report, certificates, vendor)
      return { kind: kind ?? sniffed, document }
    }
  }
  return kind === undefined ? undefined : { kind, document: plainBytes(bytes) }
}

/** The quote in a guest agent's answer. */
function quoteOf(document: Uint8Array): Uint8Array | undefined {
  const { quote }: { quote?: unknown } = JSON.parse(new TextDecoder().decode(document))
  return typeof quote === 'string' ? plainBytes(utf8(quote)) : undefined
}

/** Names of architectures in the vendor's tools, by the chip in the names of device certificates. */
const ARCHITECTURES: readonly (readonly [chip: RegExp, arch: string])[] = [
  [/\bGH\d/, 'HOPPER'],
  [/\bGB\d/, 'BLACKWELL'],
  [/\bLS_?\d/, 'LS10'],
]

/** A report and its chain as the vendor's tools write them: one JSON array of one device. */
function gpuDocument(
  report: Uint8Array,
  certificates: readonly Certificate[],
  vendor: readonly Certificate[],
): { readonly kind: DocumentKind; readonly document: Uint8Array } {
  const given = certificates[0]?.isCa === true ? [...certificates].reverse() : certificates
  const top = given.at(-1)
  const chain = top === undefined ? given : [...given, ...chainAbove(top, vendor).slice(1)]
  const names = chain.map((certificate) => nameText(certificate.subject)).join(' ')
  const arch = ARCHITECTURES.find(([chip]) => chip.test(names))?.[1] ?? 'HOPPER'
  const pem = pemText(
    'CERTIFICATE',
    chain.map((certificate) => certificate.der),
  )
  const device = {
    arch,
    certificate: Buffer.from(pem).toString('base64'),
    evidence: Buffer.from(report).toString('base64'),
    nonce: Buffer.from(report.subarray(NONCE_AT, NONCE_AT + NONCE_BYTES)).toString('hex'),
  }
  return { kind: arch === 'LS10' ? 'nvidia-switch' : 'nvidia-gpu', document: utf8(JSON.stringify([device])) }
}

function addAmd(
  items: Items,
  contents: readonly FileContent[],
  pool: readonly Certificate[],
  vendor: readonly Certificate[],
): void {
  const leaf =
    pool.find((certificate) => certificate.extensions.has(AMD_STRUCT_VERSION)) ?? pool.find(({ isCa }) => !isCa)
  if (leaf !== undefined) {
    const chain = chainAbove(leaf, [...pool, ...vendor]).slice(1)
    setOnce(items, 'amd/vek', leaf.der)
    if (chain.length > 0) setOnce(items, 'amd/chain', pem(chain))
  }
  for (const content of contents) if (content.form === 'crl') setOnce(items, 'amd/crl', content.der)
}

function addIntel(
  items: Items,
  contents: readonly FileContent[],
  pool: readonly Certificate[],
  { vendor, at }: Pick<EvidenceFiles, 'vendor' | 'at'>,
): void {
  const all = [...pool, ...vendor]
  const leaves = all.filter(({ isCa }) => !isCa)
  const pck = leaves.find((certificate) => certificate.extensions.has(INTEL_SGX_EXTENSIONS))
  const signers = leaves.filter((certificate) => !certificate.extensions.has(INTEL_SGX_EXTENSIONS))
  const inForce = signers.find(({ notBefore, notAfter }) => at !== undefined && at >= notBefore && at <= notAfter)
  const signer = inForce ?? signers[0]
  const given = certificatesOf(contents)
  if (pck !== undefined && given.includes(pck)) setOnce(items, 'intel/pck-chain', pem(chainAbove(pck, all)))
  if (signer !== undefined) {
    const chain = pem(chainAbove(signer, all))
    if (items.has('intel/tcb-info')) setOnce(items, 'intel/tcb-info-chain', chain)
    if (items.has('intel/qe-identity')) setOnce(items, 'intel/qe-identity-chain', chain)
  }
  for (const content of contents) {
    if (content.form !== 'crl') continue
    const issuer = all.find(({ subject }) => Buffer.compare(subject, content.list.issuer) === 0)
    const isRoot = issuer === undefined ? !nameText(content.list.issuer).includes('PCK') : isSelfIssued(issuer)
    setOnce(items, isRoot ? 'intel/root-crl' : 'intel/pck-crl', content.der)
    if (!isRoot && issuer !== undefined) setOnce(items, 'intel/pck-crl-chain', pem(chainAbove(issuer, all)))
  }
}

const pem = (chain: readonly Certificate[]): Uint8Array =>
  utf8(
    pemText(
      'CERTIFICATE',
      chain.map((certificate) => certificate.der),
    ),
  )

function setOnce(items: Items, item: CollateralItem, bytes: Uint8Array): void {
  if (!items.has(item)) items.set(item, bytes)
}
