import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { parseAzureDocument } from '../azure/document.ts'
import { pckPlatform } from '../dcap/pck.ts'
import { parseQuote, type Tee } from '../dcap/quote.ts'
import { parseDstackDocument } from '../dstack/verify.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { EvidenceInput } from '../evidence.ts'
import { parseDocument } from '../nvidia/document.ts'
import { parsePemCertificates } from '../pem.ts'
import { SNP_PRODUCTS, type SnpProduct } from '../policy.ts'
import { productOf } from '../snp/endorsement.ts'
import { parseSnpReport } from '../snp/report.ts'
import { TCB_LAYOUT } from '../snp/tcb.ts'
import { type Certificate, nameText, parseCertificate } from '../x509/certificate.ts'

/** What a vendor must be asked for so that others can check a document. Nothing in it is an address: those are configured. */
export type CollateralNeed =
  | {
      readonly vendor: 'intel'
      readonly tee: Tee
      /** Twelve hex digits of the platform's kind. */
      readonly fmspc: string
      readonly ca: 'platform' | 'processor'
    }
  | {
      readonly vendor: 'amd'
      /** More than one where the report does not say. */
      readonly products: readonly SnpProduct[]
      /** Undefined where the document carries its key's certificate. */
      readonly vcek: Vcek | undefined
    }
  | {
      readonly vendor: 'nvidia'
      /** Names of reference manifests, as NVIDIA's service has them. */
      readonly driverManifest: string
      readonly vbiosManifest: string
      /** Chains of the devices without their leaves, which each chip issues itself; root first. */
      readonly chains: readonly (readonly Certificate[])[]
    }

/** The chip and its versions, by which AMD derives the key: as the report has them, read by product. */
export interface Vcek {
  readonly chipId: Uint8Array
  readonly reportedTcb: Uint8Array
}

/** What the documents of a provider need from outside; undefined where they carry all there is. Nothing is verified. */
export function collateralNeedOf({
  kind,
  document,
}: EvidenceInput): Result<CollateralNeed | undefined, AttestationError> {
  switch (kind) {
    case 'tdx':
    case 'sgx':
      return quoteNeed(document, kind)
    case 'sev-snp':
      return reportNeed(document)
    case 'azure-tdx-vtpm': {
      const azure = parseAzureDocument(document, 'tdx')
      return azure.ok ? quoteNeed(azure.value.endorsement, 'tdx') : azure
    }
    case 'tdx-dstack': {
      const answer = parseDstackDocument(document)
      return answer.ok ? quoteNeed(answer.value.quote, 'tdx') : answer
    }
    case 'nvidia-gpu':
      return deviceNeed(document)
    default:
      return ok(undefined)
  }
}

function quoteNeed(document: Uint8Array, tee: Tee): Result<CollateralNeed | undefined, AttestationError> {
  const quote = parseQuote(document, tee)
  if (!quote.ok) return quote
  if (quote.value.pckChain === undefined)
    return refuse('malformed-evidence', 'a quote that carries its PCK chain', 'none')
  const chain = parsePemCertificates(quote.value.pckChain, {
    malformed: 'malformed-evidence',
    maxBytes: 16_384,
    maxCertificates: 3,
  })
  if (!chain.ok) return chain
  const leaf = parseCertificate(chain.value[0] ?? new Uint8Array(0), 2)
  if (!leaf.ok) return leaf
  const platform = pckPlatform(leaf.value)
  if (!platform.ok) return platform
  const ca = nameText(leaf.value.issuer).includes('Processor') ? 'processor' : 'platform'
  return ok({ vendor: 'intel', tee, fmspc: platform.value.fmspc, ca })
}

function reportNeed(document: Uint8Array): Result<CollateralNeed | undefined, AttestationError> {
  const report = parseSnpReport(document)
  if (!report.ok) return report
  const { cpuid, chipId, reportedTcb, signingKey } = report.value
  const product = cpuid === undefined ? undefined : productOf(cpuid)
  return ok({
    vendor: 'amd',
    products: product === undefined ? SNP_PRODUCTS.filter((each) => each !== 'Turin') : [product],
    // A VLEK is handed to the cloud, which gives it to its guests: AMD serves none.
    vcek: signingKey === 'VCEK' ? { chipId, reportedTcb } : undefined,
  })
}

const CHIP = /\b(G[HB]\d{3})\b/

function deviceNeed(document: Uint8Array): Result<CollateralNeed | undefined, AttestationError> {
  const devices = parseDocument(document, false)
  if (!devices.ok) return devices
  const [first] = devices.value
  if (first === undefined) return refuse('malformed-evidence', 'a device', 'none')
  const chains: Certificate[][] = []
  for (const { chain } of devices.value) {
    const certificates: Certificate[] = []
    for (const [position, der] of chain.slice(0, -1).entries()) {
      const certificate = parseCertificate(der, position)
      if (!certificate.ok) return certificate
      certificates.push(certificate.value)
    }
    chains.push(certificates)
  }
  const { architecture, state } = first
  const chip = CHIP.exec(nameText(chains[0]?.at(-1)?.subject ?? new Uint8Array(0)))?.[1] ?? 'GH100'
  const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
  const board = [state.project, state.projectSku, state.chipSku].map(text).join('_')
  const driver = architecture === 'BLACKWELL' ? `NV_GPU_CC_DRIVER_${chip}` : `NV_GPU_DRIVER_${chip}`
  return ok({
    vendor: 'nvidia',
    driverManifest: `${driver}_${state.driver}`,
    vbiosManifest: `NV_GPU_VBIOS_${board}_${state.vbios.replaceAll('.', '')}`.toUpperCase(),
    chains,
  })
}

/** Path and query under which AMD's key distribution serves a chip's certificate (AMD 57230, 4.1). */
export function vcekPath(product: SnpProduct, { chipId, reportedTcb }: Vcek): string {
  const id = bytesToHex(product === 'Turin' ? chipId.subarray(0, 8) : chipId).slice(2)
  const query = TCB_LAYOUT[product]
    .map((component, at) => [QUERY[component], reportedTcb[at] ?? 0] as const)
    .flatMap(([name, version]) => (name === undefined ? [] : [`${name}=${String(version).padStart(2, '0')}`]))
  return `vcek/v1/${product}/${id}?${query.join('&')}`
}

const QUERY: Readonly<Record<string, string>> = {
  fmc: 'fmcSPL',
  bootloader: 'blSPL',
  tee: 'teeSPL',
  snp: 'snpSPL',
  microcode: 'ucodeSPL',
}
