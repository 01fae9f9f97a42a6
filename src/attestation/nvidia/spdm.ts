import { ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'

/** Bytes of a report: those seen are below 4.3 kB. */
export const MAX_REPORT_BYTES = 16_384
/** GET_MEASUREMENTS with a signature asked for: header, nonce, slot (DSP0274 1.1, 10.11.1). */
const REQUEST_BYTES = 37
const NONCE_BYTES = 32
/** ECDSA P-384, r and s (IEEE P1363): all of NVIDIA's devices sign with it. */
const SIGNATURE_BYTES = 96
const VERSION_1_1 = 0x11
const GET_MEASUREMENTS = 0xe0
const MEASUREMENTS = 0x60
const SIGNATURE_REQUESTED = 0x01
const DMTF_SPECIFICATION = 0x01

/** A signed exchange of SPDM 1.1 (DSP0274, 10.11): the request that holds our nonce, and the device's measurements. */
export interface MeasurementReport {
  /** The requester's: ours. */
  readonly nonce: Uint8Array
  /** Measurement values by NVIDIA's index, which counts from 0 where SPDM counts from 1. */
  readonly measurements: ReadonlyMap<number, Uint8Array>
  /** NVIDIA's own fields, see `parseOpaqueData`. */
  readonly opaqueData: Uint8Array
  /** Request and response up to the signature. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Bytes end early, or hold what their format does not allow. Caught where a report is parsed. */
export class ReportError extends Error {}

/** Parses request and response, one after the other, to the last byte: `malformed-evidence`. */
export function parseReport(bytes: Uint8Array): Result<MeasurementReport, AttestationError> {
  try {
    return ok(readReport(bytes))
  } catch (cause) {
    if (!(cause instanceof ReportError)) throw cause
    return refuse('malformed-evidence', 'an SPDM 1.1 measurement request and response', cause.message, cause)
  }
}

function readReport(bytes: Uint8Array): MeasurementReport {
  if (bytes.length > MAX_REPORT_BYTES) throw new ReportError(`${bytes.length} bytes, above ${MAX_REPORT_BYTES}`)
  const request = new LittleEndianReader(bytes.subarray(0, REQUEST_BYTES))
  request.constant(VERSION_1_1, 'version of the request')
  request.constant(GET_MEASUREMENTS, 'code of the request')
  if ((request.number(1) & SIGNATURE_REQUESTED) === 0) throw new ReportError('a request without a signature')
  request.number(1)
  const nonce = request.bytes(NONCE_BYTES)
  request.number(1)

  const response = new LittleEndianReader(bytes.subarray(REQUEST_BYTES))
  response.constant(VERSION_1_1, 'version of the response')
  response.constant(MEASUREMENTS, 'code of the response')
  response.number(2)
  const count = response.number(1)
  const measurements = readBlocks(new LittleEndianReader(response.bytes(response.number(3))), count)
  response.bytes(NONCE_BYTES)
  const opaqueData = response.bytes(response.number(2))
  const signature = response.bytes(SIGNATURE_BYTES)
  response.end()
  const signed = bytes.subarray(0, bytes.length - SIGNATURE_BYTES)
  return { nonce, measurements, opaqueData, signed, signature }
}

/** Measurement blocks in DMTF's form (DSP0274 1.1, table 45): every length must agree with the one around it. */
function readBlocks(record: LittleEndianReader, count: number): Map<number, Uint8Array> {
  const measurements = new Map<number, Uint8Array>()
  for (let read = 0; read < count; read += 1) {
    const index = record.number(1) - 1
    if (index < 0 || measurements.has(index)) throw new ReportError(`measurement block ${index + 1} once more or none`)
    record.constant(DMTF_SPECIFICATION, 'specification of a measurement')
    const block = new LittleEndianReader(record.bytes(record.number(2)))
    block.number(1)
    measurements.set(index, block.bytes(block.number(2)))
    block.end()
  }
  record.end()
  if (measurements.size === 0) throw new ReportError('no measurements')
  return measurements
}

/** Reads numbers, least significant byte first, and bytes, which are views of the input. Throws ReportError. */
export class LittleEndianReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new ReportError(`${this.#bytes.length - this.#at} bytes where ${length} belong`)
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  /** At most 4 bytes. */
  number(width: number): number {
    return this.bytes(width).reduceRight((value, byte) => value * 256 + byte, 0)
  }

  constant(expected: number, what: string): void {
    const got = this.number(1)
    if (got !== expected) throw new ReportError(`${what} ${got} where ${expected} belongs`)
  }

  end(): void {
    if (!this.done) throw new ReportError(`${this.#bytes.length - this.#at} bytes left over`)
  }
}
