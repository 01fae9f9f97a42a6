import { hexToBytes, ok, type Result } from '../../protocol/index.ts'
import { base64UrlToBytes } from '../base64Url.ts'
import { MAX_AZURE_BYTES } from '../constants.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { isJsonObject, type JsonObject, memberOf, parseJson } from '../json.ts'
import { parsePemCertificates } from '../pem.ts'

/** A quote of the virtual TPM, its parts as they came. */
export interface VtpmQuote {
  /** TPMS_ATTEST. */
  readonly message: Uint8Array
  /** RSASSA-PKCS1-v1_5 with SHA-256. */
  readonly signature: Uint8Array
  /** SHA-256 registers, in the order of the quote's selection. */
  readonly pcrs: readonly Uint8Array[]
}

/** Evidence of an Azure confidential VM, taken apart; nothing is verified. */
export interface AzureDocument {
  readonly hclReport: Uint8Array
  readonly quote: VtpmQuote
  /** DER of the VCEK (SNP), or Intel's quote (TDX). */
  readonly endorsement: Uint8Array
}

type Tee = 'snp' | 'tdx'

/** Names of the parts: the first form of SNP evidence has its own. */
const NAMES = {
  first: {
    snp: { report: 'report', quote: 'quote', endorsement: 'vcek' },
    tdx: { report: 'hcl_report', quote: 'tpm_quote', endorsement: 'td_quote' },
  },
  later: {
    snp: { report: 'hcl_report', quote: 'tpm_quote', endorsement: 'vcek' },
    tdx: { report: 'hcl_report', quote: 'tpm_quote', endorsement: 'td_quote' },
  },
} as const

const PCR_BYTES = 32
const PCR_COUNT = 24
const MAX_PART_BYTES = 16_384
const MAX_MESSAGE_BYTES = 1_024
const RSA_2048_BYTES = 256

/**
 * The JSON of an Azure vTPM attester. Without `version`, bytes are arrays of numbers and the VCEK is PEM; versions 1 and
 * 2 write the report, the VCEK (DER) and the quote of TDX in padded base64url and the TPM's parts in lower-case hex.
 */
export function parseAzureDocument(document: Uint8Array, tee: Tee): Result<AzureDocument, AttestationError> {
  const parsed = parseJson(document, { malformed: 'malformed-evidence', maxBytes: MAX_AZURE_BYTES })
  if (!parsed.ok) return parsed
  if (!isJsonObject(parsed.value)) return refuse('malformed-evidence', 'an object', typeof parsed.value)
  const version = memberOf(parsed.value, 'version')
  if (version !== undefined && version !== 1 && version !== 2)
    return refuse('unsupported-version', 'no version, 1 or 2', JSON.stringify(version).slice(0, 64))
  const first = version === undefined
  const names = NAMES[first ? 'first' : 'later'][tee]
  const wanted = [names.report, names.quote, names.endorsement, ...(first ? [] : ['version'])]
  const parts = exactly(parsed.value, wanted)
  const quoted = exactly(memberOf(parsed.value, names.quote), ['message', 'signature', 'pcrs'])
  if (parts === undefined || quoted === undefined)
    return refuse('malformed-evidence', `${wanted.join(', ')}, and message, signature and pcrs`, 'other members')

  const part = first ? numbers : paddedBase64Url
  const field = first ? numbers : lowerHex
  const hclReport = part(parts[names.report], MAX_PART_BYTES)
  const endorsement =
    first && tee === 'snp' ? soleCertificate(parts[names.endorsement]) : part(parts[names.endorsement], MAX_PART_BYTES)
  const message = field(quoted.message, MAX_MESSAGE_BYTES)
  const signature = field(quoted.signature, RSA_2048_BYTES)
  const pcrs = registers(quoted.pcrs, field)
  if (hclReport === undefined || endorsement === undefined)
    return refuse('malformed-evidence', `bytes in ${names.report} and ${names.endorsement}`, 'others')
  if (message === undefined || signature === undefined || pcrs === undefined)
    return refuse('malformed-evidence', `message, signature and at most ${PCR_COUNT} registers`, 'others')
  return ok({ hclReport, endorsement, quote: { message, signature, pcrs } })
}

/** An object with these members and no other. */
function exactly(value: unknown, names: readonly string[]): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined
  const keys = Object.keys(value)
  return keys.length === names.length && names.every((name) => keys.includes(name)) ? value : undefined
}

type Reader = (value: unknown, most: number) => Uint8Array | undefined

const numbers: Reader = (value, most) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > most) return undefined
  const isByte = (each: unknown): boolean =>
    typeof each === 'number' && Number.isInteger(each) && each >= 0 && each < 256
  return value.every(isByte) ? Uint8Array.from(value as number[]) : undefined
}

const paddedBase64Url: Reader = (value, most) => {
  if (typeof value !== 'string' || value.length === 0 || value.length % 4 !== 0) return undefined
  const bytes = base64UrlToBytes(value.replace(/={1,2}$/, ''))
  return bytes !== undefined && bytes.length <= most ? bytes : undefined
}

const lowerHex: Reader = (value, most) => {
  if (typeof value !== 'string' || value.length > 2 * most || !/^(?:[0-9a-f]{2})+$/.test(value)) return undefined
  return hexToBytes(`0x${value}`)
}

function registers(value: unknown, field: Reader): readonly Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > PCR_COUNT) return undefined
  const read = value.map((each) => field(each, PCR_BYTES))
  return read.every((each) => each?.length === PCR_BYTES) ? (read as Uint8Array[]) : undefined
}

function soleCertificate(pem: unknown): Uint8Array | undefined {
  if (typeof pem !== 'string') return undefined
  const rules = { malformed: 'malformed-evidence', maxBytes: MAX_PART_BYTES, maxCertificates: 1 } as const
  const certificates = parsePemCertificates(new TextEncoder().encode(pem), rules)
  return certificates.ok ? certificates.value[0] : undefined
}
