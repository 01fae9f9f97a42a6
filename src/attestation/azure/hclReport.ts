import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes, isZero } from '../bytes.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { isJsonObject, memberOf, parseJson } from '../json.ts'
import { rsaKey } from '../token/keySet.ts'

/** What the paravisor (host compatibility layer) of an Azure confidential VM keeps in its virtual TPM. */
export interface HclReport {
  /** SEV-SNP report, 1,184 bytes, or TD report, 1,024. */
  readonly hardwareReport: Uint8Array
  /** SHA-256 of the runtime data: it must stand in the hardware's report data. */
  readonly runtimeDigest: Uint8Array
  /** SubjectPublicKeyInfo of `HCLAkPub`, the key that the virtual TPM quotes with. */
  readonly attestationKey: Uint8Array
}

/** `HCLA`, the layouts seen, and a request for an attestation report. */
const SIGNATURE = 0x414c_4348
const VERSIONS = [1, 2]
const REPORT_REQUEST = 2

const HEADER_BYTES = 32
const REPORT_AREA_BYTES = 1_184
const REPORT_BYTES = { snp: 1_184, tdx: 1_024 } as const
const DATA_AT = HEADER_BYTES + REPORT_AREA_BYTES
/** Size, version, report type, hash type and length in front of the runtime data. */
const DATA_HEADER_BYTES = 20
const DATA_VERSION = 1
const REPORT_TYPE = { snp: 2, tdx: 4 } as const
const SHA_256 = 1
const MAX_RUNTIME_DATA_BYTES = 8_192

/**
 * The report of an Azure confidential VM's paravisor (Azure docs, "Guest attestation design detail"): a header, the
 * hardware's report in an area of 1,184 bytes, the header of the request data, the runtime data, and zeros.
 */
export function parseHclReport(
  bytes: Uint8Array,
  tee: 'snp' | 'tdx',
  crypto: AttestationCrypto,
): Result<HclReport, AttestationError> {
  const malformed = (expected: string, got: string): Result<never, AttestationError> =>
    refuse('malformed-hcl-report', expected, got)
  if (bytes.length < DATA_AT + DATA_HEADER_BYTES)
    return malformed(`at least ${DATA_AT + DATA_HEADER_BYTES} bytes`, `${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (at: number): number => view.getUint32(at, true)

  if (word(0) !== SIGNATURE) return malformed('HCLA', `0x${word(0).toString(16)}`)
  if (!VERSIONS.includes(word(4))) return malformed(`version ${VERSIONS.join(' or ')}`, String(word(4)))
  if (word(12) !== REPORT_REQUEST) return malformed(`request type ${REPORT_REQUEST}`, String(word(12)))
  if (!isZero(bytes.subarray(16, HEADER_BYTES))) return malformed('status and reserved words of zero', 'others')

  const length = word(DATA_AT + 16)
  const end = DATA_AT + DATA_HEADER_BYTES + length
  if (length > MAX_RUNTIME_DATA_BYTES || end > bytes.length || word(8) !== end || word(DATA_AT) !== end - DATA_AT)
    return malformed('lengths of one and the same runtime data', `${word(8)}, ${word(DATA_AT)}, ${length}`)
  if (word(DATA_AT + 4) !== DATA_VERSION || word(DATA_AT + 8) !== REPORT_TYPE[tee])
    return malformed(`request data version ${DATA_VERSION} of ${tee}`, `${word(DATA_AT + 4)}, ${word(DATA_AT + 8)}`)
  if (word(DATA_AT + 12) !== SHA_256) return malformed('hash type 1, SHA-256', String(word(DATA_AT + 12)))
  const reportEnd = HEADER_BYTES + REPORT_BYTES[tee]
  if (!isZero(bytes.subarray(reportEnd, DATA_AT)) || !isZero(bytes.subarray(end)))
    return malformed('zeros after the report and the runtime data', 'others')

  const runtimeData = bytes.subarray(DATA_AT + DATA_HEADER_BYTES, end)
  const key = readAttestationKey(runtimeData, crypto)
  if (!key.ok) return key
  return ok({
    hardwareReport: bytes.subarray(HEADER_BYTES, reportEnd),
    runtimeDigest: crypto.digest('sha256', runtimeData),
    attestationKey: key.value,
  })
}

/** `{"keys": [{"kid": "HCLAkPub", "kty": "RSA", "key_ops": ["sign"], "e", "n"}, ...], ...}`. */
function readAttestationKey(runtimeData: Uint8Array, crypto: AttestationCrypto): Result<Uint8Array, AttestationError> {
  const parsed = parseJson(runtimeData, { malformed: 'malformed-hcl-report', maxBytes: MAX_RUNTIME_DATA_BYTES })
  if (!parsed.ok) return parsed
  const keys = memberOf(parsed.value, 'keys')
  const named = Array.isArray(keys) ? keys.filter((key) => isJsonObject(key) && key.kid === 'HCLAkPub') : []
  const uses = memberOf(named[0], 'key_ops')
  const key = rsaKey(named[0], crypto)
  if (named.length !== 1 || key === undefined || !(Array.isArray(uses) && uses.length === 1 && uses[0] === 'sign'))
    return refuse('malformed-hcl-report', 'one RSA key HCLAkPub for signatures', `${named.length} of that name`)
  return ok(key.spki)
}

/** Whether the hardware's report data is the digest of the runtime data, and nothing after it. */
export function admitRuntimeData(report: HclReport, reportData: Uint8Array): Result<undefined, AttestationError> {
  const [digest, rest] = [reportData.subarray(0, 32), reportData.subarray(32)]
  if (equalBytes(digest, report.runtimeDigest) && isZero(rest)) return ok(undefined)
  return refuse('runtime-data-mismatch', 'runtime data whose SHA-256 the hardware reports', 'other data')
}
