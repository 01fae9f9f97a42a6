import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { MAX_QUOTE_BYTES } from '../constants.ts'
import { type AttestationError, refuse, refuseSize } from '../errors.ts'

/** Intel's names of what a quote is about. */
export type Tee = 'sgx' | 'tdx'

/** Layout of the signed report: an SGX enclave's, or a trust domain's of the TDX module 1.0 or 1.5. */
export type BodyLayout = 'sgx' | 'td10' | 'td15'

/**
 * A quote of Intel's ECDSA quoting enclave (DCAP Quote Generation Library, A.3 and A.4: version 3 for SGX, 4 and 5 for
 * both), taken apart; nothing is verified. Views of the input.
 */
export interface Quote {
  readonly version: number
  readonly layout: BodyLayout
  /** The report: 384, 584 or 648 bytes. */
  readonly body: Uint8Array
  /** What the attestation key signed: header, body descriptor where there is one, and body. */
  readonly signed: Uint8Array
  /** r and s. */
  readonly signature: Uint8Array
  /** x and y of the attestation key on P-256. */
  readonly attestationKey: Uint8Array
  /** The quoting enclave's own report, 384 bytes, and its signature by the platform's PCK. */
  readonly qeReport: Uint8Array
  readonly qeReportSignature: Uint8Array
  readonly qeAuthData: Uint8Array
  /** Certification data: PEM of the PCK chain, leaf first; undefined for the types that name the PCK but do not carry it. */
  readonly pckChain: Uint8Array | undefined
  /** Bytes of the quote; what follows are padding and remarks of whoever stored it, which no signature covers. */
  readonly length: number
}

const HEADER_BYTES = 48
const ECDSA_P256 = 2
const TEE_TYPE: Readonly<Record<number, Tee>> = { 0: 'sgx', 129: 'tdx' }
/** "Intel's QE vendor id" of the DCAP documentation. */
const INTEL_QE_VENDOR = '0x939a7233f79c4ca9940a0db3957f0607'
const VERSIONS: Readonly<Record<Tee, readonly number[]>> = { sgx: [3, 4, 5], tdx: [4, 5] }

const BODY_BYTES: Readonly<Record<BodyLayout, number>> = { sgx: 384, td10: 584, td15: 648 }
/** Version 5 says the layout in a descriptor: type and size. */
const BODY_TYPES: Readonly<Record<number, BodyLayout>> = { 1: 'sgx', 2: 'td10', 3: 'td15' }
const DESCRIPTOR_BYTES = 6

/** Certification data types: encrypted or plain identifiers of the PCK, its chain, and the QE report around one of those. */
const PCK_IDENTIFIERS = [1, 2, 3]
const PCK_CHAIN = 5
const QE_REPORT_DATA = 6

/** Reads little-endian numbers and runs of bytes; an end that comes too soon is noted, not thrown. */
class Cursor {
  readonly bytes: Uint8Array
  at = 0
  short = false

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  take(length: number): Uint8Array {
    const end = this.at + length
    if (end > this.bytes.length) this.short = true
    const taken = this.bytes.subarray(this.at, end)
    this.at = Math.min(end, this.bytes.length)
    return taken
  }

  number(bytes: 2 | 4): number {
    return this.take(bytes).reduceRight((value, byte) => value * 256 + byte, 0)
  }
}

/** `evidence-too-large`, `malformed-evidence` for a structure that is none, `bad-field` for a header not of this kind. */
export function parseQuote(document: Uint8Array, tee: Tee): Result<Quote, AttestationError> {
  if (document.length > MAX_QUOTE_BYTES) return refuseSize(MAX_QUOTE_BYTES, document.length)
  const cursor = new Cursor(document)
  const version = readHeader(cursor, tee)
  if (!version.ok) return version
  const layout = readLayout(cursor, version.value, tee)
  if (!layout.ok) return layout
  const body = cursor.take(BODY_BYTES[layout.value])
  const signed = document.subarray(0, cursor.at)
  const data = cursor.take(cursor.number(4))
  if (cursor.short) return malformed('a body and signature data', `${document.length} bytes`)
  const signature = readSignatureData(data, version.value)
  if (!signature.ok) return signature
  return ok({
    version: version.value,
    layout: layout.value,
    body,
    signed,
    length: cursor.at,
    ...signature.value,
  })
}

const malformed = (expected: string, got: string): Result<never, AttestationError> =>
  refuse('malformed-evidence', expected, got)

function readHeader(cursor: Cursor, tee: Tee): Result<number, AttestationError> {
  const version = cursor.number(2)
  const keyType = cursor.number(2)
  const teeType = cursor.number(4)
  cursor.take(4)
  const vendor = bytesToHex(cursor.take(16))
  cursor.take(HEADER_BYTES - cursor.at)
  if (cursor.short) return malformed(`a header of ${HEADER_BYTES} bytes`, `${cursor.bytes.length} bytes`)
  if (TEE_TYPE[teeType] !== tee) return refuse('bad-field', `a quote of ${tee}`, `TEE type ${teeType}`)
  if (!VERSIONS[tee].includes(version))
    return refuse('bad-field', `quote version ${VERSIONS[tee].join(' or ')}`, `version ${version}`)
  if (keyType !== ECDSA_P256)
    return refuse('bad-field', `attestation key type ${ECDSA_P256}, ECDSA on P-256`, `type ${keyType}`)
  if (vendor !== INTEL_QE_VENDOR) return refuse('bad-field', `Intel's QE vendor id ${INTEL_QE_VENDOR}`, vendor)
  return ok(version)
}

function readLayout(cursor: Cursor, version: number, tee: Tee): Result<BodyLayout, AttestationError> {
  if (version < 5) return ok(tee === 'sgx' ? 'sgx' : 'td10')
  const type = cursor.number(2)
  const size = cursor.number(4)
  if (cursor.short) return malformed(`a body descriptor of ${DESCRIPTOR_BYTES} bytes`, 'an end')
  const layout = BODY_TYPES[type]
  if (layout === undefined || (layout === 'sgx') !== (tee === 'sgx'))
    return refuse('bad-field', `a body of ${tee}`, `body type ${type}`)
  if (size !== BODY_BYTES[layout]) return refuse('bad-field', `a body of ${BODY_BYTES[layout]} bytes`, `${size} bytes`)
  return ok(layout)
}

type SignatureData = Pick<
  Quote,
  'signature' | 'attestationKey' | 'qeReport' | 'qeReportSignature' | 'qeAuthData' | 'pckChain'
>

/** ECDSA signature data (A.4.4, A.4.11): from version 4 the QE report is wrapped as certification data of type 6. */
function readSignatureData(data: Uint8Array, version: number): Result<SignatureData, AttestationError> {
  const outer = new Cursor(data)
  const signature = outer.take(64)
  const attestationKey = outer.take(64)
  let inner = outer
  if (version >= 4) {
    const type = outer.number(2)
    inner = new Cursor(outer.take(outer.number(4)))
    if (outer.short || outer.at !== data.length) return malformed('certification data to the end', 'another length')
    if (type !== QE_REPORT_DATA) return malformed(`certification data type ${QE_REPORT_DATA}`, `type ${type}`)
  }
  const qeReport = inner.take(384)
  const qeReportSignature = inner.take(64)
  const qeAuthData = inner.take(inner.number(2))
  const type = inner.number(2)
  const certification = inner.take(inner.number(4))
  if (inner.short || inner.at !== inner.bytes.length)
    return malformed('QE report and certification data to the end', 'another length')
  if (type !== PCK_CHAIN && !PCK_IDENTIFIERS.includes(type))
    return malformed(`certification data type ${PCK_CHAIN}, or ${PCK_IDENTIFIERS.join(', ')}`, `type ${type}`)
  const pckChain = type === PCK_CHAIN ? certification : undefined
  return ok({ signature, attestationKey, qeReport, qeReportSignature, qeAuthData, pckChain })
}
