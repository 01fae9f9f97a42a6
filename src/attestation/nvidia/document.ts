import { base64ToBytes, bytesToHex, hexToBytes, isHex, ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { describe } from '../cbor.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { isJsonObject, memberOf, parseJson } from '../json.ts'
import { parsePemCertificates } from '../pem.ts'
import { type DeviceState, parseOpaqueData } from './opaqueData.ts'
import { MAX_REPORT_BYTES, type MeasurementReport, parseReport } from './spdm.ts'

/** Devices of one host: eight GPUs as sold, or four switches. */
const MAX_DEVICES = 16
/** Bytes of a document: 12.5 kB for each device. */
const MAX_DOCUMENT_BYTES = 262_144
/** Bytes of a chain in PEM: those seen are 4.8 kB. */
const MAX_CHAIN_BYTES = 16_384
/** Leaf, chip, two issuers, root: the chain of every device so far. */
const CHAIN_LENGTH = 5
const NONCE = /^[0-9a-fA-F]{64}$/
/** Characters of members that are not read, e.g. `driver_version`. */
const MAX_EXTRA = 256
const MEMBERS = ['arch', 'certificate', 'evidence', 'nonce']

/** Generations of devices, by their names in the documents of NVIDIA's tools. */
export const ARCHITECTURES = {
  HOPPER: { isSwitch: false, chip: /^GH\d{3}$/ },
  BLACKWELL: { isSwitch: false, chip: /^GB\d{3}$/ },
  LS10: { isSwitch: true, chip: /^LS_?10$/ },
} as const
export type Architecture = keyof typeof ARCHITECTURES

/** One device of a document: parsed, nothing verified but that its lengths, nonces and kind agree. */
export interface DeviceEvidence {
  readonly architecture: Architecture
  /** DER, root first. */
  readonly chain: readonly Uint8Array[]
  readonly report: MeasurementReport
  readonly state: DeviceState
}

/**
 * Parses the JSON of NVIDIA's attestation SDK: an array of `{arch, certificate, evidence, nonce}`, one for each device, all
 * under one nonce, because that is what binds them to one host. Members beside those four are single values that are not read.
 * `malformed-evidence`, `evidence-too-large`, `duplicate-key`, `nonce-mismatch`.
 */
export function parseDocument(
  bytes: Uint8Array,
  isSwitch: boolean,
): Result<readonly DeviceEvidence[], AttestationError> {
  const json = parseJson(bytes, { malformed: 'malformed-evidence', maxBytes: MAX_DOCUMENT_BYTES })
  if (!json.ok) return json
  if (!Array.isArray(json.value) || json.value.length < 1 || json.value.length > MAX_DEVICES)
    return refuse('malformed-evidence', `an array of 1 to ${MAX_DEVICES} devices`, describe(json.value))
  const devices: DeviceEvidence[] = []
  for (const entry of json.value as unknown[]) {
    const device = parseEntry(entry, isSwitch)
    if (!device.ok) return device
    const first = devices[0]?.report.nonce ?? device.value.report.nonce
    if (!equalBytes(first, device.value.report.nonce))
      return refuse('nonce-mismatch', `one nonce for all devices, ${bytesToHex(first)}`, 'another')
    devices.push(device.value)
  }
  return ok(devices)
}

function parseEntry(entry: unknown, isSwitch: boolean): Result<DeviceEvidence, AttestationError> {
  if (!isJsonObject(entry)) return refuse('malformed-evidence', `an object of ${MEMBERS.join(', ')}`, describe(entry))
  for (const [name, value] of Object.entries(entry))
    if (!MEMBERS.includes(name) && !isPassedOver(value))
      return refuse('malformed-evidence', `at most ${MAX_EXTRA} characters in ${describe(name)}`, describe(value))
  const architecture = architectureOf(memberOf(entry, 'arch'), isSwitch)
  if (!architecture.ok) return architecture
  const evidence = decode(memberOf(entry, 'evidence'), MAX_REPORT_BYTES)
  if (evidence === undefined) return refuse('malformed-evidence', 'a report in base64', describe(entry.evidence))
  const report = parseReport(evidence)
  if (!report.ok) return report
  const nonce = memberOf(entry, 'nonce')
  if (typeof nonce !== 'string' || !NONCE.test(nonce))
    return refuse('malformed-evidence', '32 bytes in hex as nonce', describe(nonce))
  const said = `0x${nonce.toLowerCase()}`
  if (!isHex(said) || !equalBytes(hexToBytes(said), report.value.nonce))
    return refuse('nonce-mismatch', `the nonce of the request, ${bytesToHex(report.value.nonce)}`, said)
  const state = parseOpaqueData(report.value.opaqueData, isSwitch)
  if (!state.ok) return state
  const chain = parseChain(memberOf(entry, 'certificate'))
  if (!chain.ok) return chain
  return ok({ architecture: architecture.value, chain: chain.value, report: report.value, state: state.value })
}

/** Whether it is one short value: the vendor's tools say versions and numbers beside what is signed. */
const isPassedOver = (value: unknown): boolean =>
  typeof value === 'string' ? value.length <= MAX_EXTRA : value === null || typeof value !== 'object'

function architectureOf(name: unknown, isSwitch: boolean): Result<Architecture, AttestationError> {
  const known = Object.keys(ARCHITECTURES) as Architecture[]
  const found = known.find((each) => each === name && ARCHITECTURES[each].isSwitch === isSwitch)
  if (found !== undefined) return ok(found)
  const expected = known.filter((each) => ARCHITECTURES[each].isSwitch === isSwitch).join(', ')
  return refuse('malformed-evidence', expected, describe(name))
}

function parseChain(certificate: unknown): Result<readonly Uint8Array[], AttestationError> {
  const pem = decode(certificate, MAX_CHAIN_BYTES)
  if (pem === undefined) return refuse('malformed-evidence', 'a PEM chain in base64', describe(certificate))
  const rules = { malformed: 'malformed-evidence', maxBytes: MAX_CHAIN_BYTES, maxCertificates: CHAIN_LENGTH } as const
  const ders = parsePemCertificates(pem, rules)
  if (!ders.ok) return ders
  const { length } = ders.value
  if (length !== CHAIN_LENGTH) return refuse('malformed-evidence', `${CHAIN_LENGTH} certificates`, String(length))
  return ok(ders.value.toReversed())
}

function decode(value: unknown, maxBytes: number): Uint8Array | undefined {
  return typeof value === 'string' && value.length <= Math.ceil(maxBytes / 3) * 4 ? base64ToBytes(value) : undefined
}
