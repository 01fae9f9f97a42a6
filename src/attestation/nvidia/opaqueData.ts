import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { LittleEndianReader, ReportError } from './spdm.ts'

/** NVIDIA's numbers of the fields read here (attestation-sdk, `GpuOpaqueDataType`); all others are passed over. */
const FIELD = {
  driverVersion: 3,
  vbiosVersion: 6,
  nvdec0Status: 11,
  chipSku: 15,
  project: 17,
  projectSku: 18,
  fwid: 20,
  dataVersion: 34,
  featureFlag: 36,
} as const
type Field = (typeof FIELD)[keyof typeof FIELD]

/** `NVDAOD`, a profile, a version: the form in which each field also has a type of value. */
const HEADER_MAGIC = Uint8Array.of(0x4e, 0x56, 0x44, 0x41, 0x4f, 0x44)
const HEADER_PROFILE = 0
/** Newest layout that NVIDIA's own verifier reads. */
const MAX_DATA_VERSION = 2

/** State of a video decoder that is fused off in some chips. */
const NVDEC0_DISABLED = 0x55

const SWITCH_VBIOS = /^[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){4}$/
const VERSION = /^[0-9A-Za-z._-]{1,32}$/

/** What a report says of its device. */
export interface DeviceState {
  /** E.g. `550.144.03`; switches have none. */
  readonly driver: string | undefined
  /** Five bytes in capital hex, e.g. `96.00.A5.00.01`. */
  readonly vbios: string
  /** Board and chip as NVIDIA numbers them, ASCII without the NULs at its end. */
  readonly chipSku: Uint8Array | undefined
  readonly project: Uint8Array | undefined
  readonly projectSku: Uint8Array | undefined
  /** SHA-384 of the firmware that holds the leaf's key. */
  readonly fwid: Uint8Array | undefined
  /** Whether the chip says that it has no video decoder 0, and so nothing to measure there. */
  readonly withoutNvdec0: boolean
  /** Mode of confidential computing as NVIDIA numbers it, raw; undefined from older firmware. */
  readonly featureFlag: Uint8Array | undefined
}

/** Parses the opaque data of a report: `malformed-evidence`. GPUs must name their driver, all their VBIOS. */
export function parseOpaqueData(bytes: Uint8Array, isSwitch: boolean): Result<DeviceState, AttestationError> {
  try {
    const fields = readFields(bytes)
    const driver = versionOf(fields.get(FIELD.driverVersion))
    if (driver === undefined && !isSwitch) throw new ReportError('no version of the driver')
    return ok({
      driver,
      vbios: isSwitch ? switchVbios(fields) : gpuVbios(fields),
      chipSku: trimmed(fields.get(FIELD.chipSku)),
      project: trimmed(fields.get(FIELD.project)),
      projectSku: trimmed(fields.get(FIELD.projectSku)),
      fwid: fields.get(FIELD.fwid),
      withoutNvdec0: fields.get(FIELD.nvdec0Status)?.[0] === NVDEC0_DISABLED,
      featureFlag: fields.get(FIELD.featureFlag),
    })
  } catch (cause) {
    if (!(cause instanceof ReportError)) throw cause
    return refuse('malformed-evidence', "NVIDIA's opaque data", cause.message, cause)
  }
}

/** Type, length, value; behind a header also a type of value. A field read here comes once. */
function readFields(bytes: Uint8Array): ReadonlyMap<Field, Uint8Array> {
  const reader = new LittleEndianReader(bytes)
  const headed = bytes.length >= 12 && equalBytes(bytes.subarray(0, HEADER_MAGIC.length), HEADER_MAGIC)
  let version = 0
  if (headed) {
    reader.bytes(HEADER_MAGIC.length)
    if (reader.number(2) !== HEADER_PROFILE) throw new ReportError('an unknown profile of opaque data')
    version = reader.number(1)
    reader.bytes(3)
  }
  const fields = new Map<Field, Uint8Array>()
  while (!reader.done) {
    const type = reader.number(2)
    if (headed) reader.number(2)
    const value = reader.bytes(reader.number(2))
    if (!isField(type)) continue
    if (fields.has(type)) throw new ReportError(`field ${type} once more`)
    fields.set(type, value)
  }
  const legacy = fields.get(FIELD.dataVersion)
  if (!headed && legacy !== undefined) version = new LittleEndianReader(legacy).number(legacy.length)
  if (version > MAX_DATA_VERSION) throw new ReportError(`version ${version} of opaque data`)
  return fields
}

const isField = (type: number): type is Field => Object.values(FIELD).some((field) => field === type)

function trimmed(value: Uint8Array | undefined): Uint8Array | undefined {
  let end = value?.length ?? 0
  while (value?.[end - 1] === 0) end -= 1
  return value?.subarray(0, end)
}

function versionOf(value: Uint8Array | undefined): string | undefined {
  const bytes = trimmed(value)
  if (bytes === undefined) return undefined
  const text = String.fromCharCode(...bytes.subarray(0, 64))
  if (!VERSION.test(text)) throw new ReportError(`a version that is none: ${JSON.stringify(text)}`)
  return text
}

function switchVbios(fields: ReadonlyMap<Field, Uint8Array>): string {
  const text = versionOf(fields.get(FIELD.vbiosVersion))
  if (text === undefined || !SWITCH_VBIOS.test(text)) throw new ReportError('no version of the VBIOS')
  return text.toUpperCase()
}

/** Eight bytes: four of the version, least significant first, after four whose first is its fifth byte. */
function gpuVbios(fields: ReadonlyMap<Field, Uint8Array>): string {
  const value = fields.get(FIELD.vbiosVersion)
  if (value?.length !== 8) throw new ReportError('no version of the VBIOS')
  const bytes = [value[3], value[2], value[1], value[0], value[4]]
  return bytes.map((byte = 0) => byte.toString(16).padStart(2, '0').toUpperCase()).join('.')
}
