import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import { type Appraisal, bytesOf, FieldError, issueOf, numberOf, type SvnLevel, svnLevelsOf, textOf } from './fields.ts'
import { equalMasked } from './masks.ts'
import type { Tee } from './quote.ts'
import type { EnclaveReport } from './reports.ts'
import type { Issue } from './signedJson.ts'
import { svnLevelOf } from './tcbLevels.ts'

/** Intel's quoting enclave for one TEE (PCS API v4, "Get QE identity"). */
export interface QeIdentity extends Issue {
  readonly mrsigner: Uint8Array
  readonly isvprodid: number
  readonly miscselect: Uint8Array
  readonly miscselectMask: Uint8Array
  readonly attributes: Uint8Array
  readonly attributesMask: Uint8Array
  readonly levels: readonly SvnLevel[]
}

const IDS: Readonly<Record<Tee, string>> = { sgx: 'QE', tdx: 'TD_QE' }
const VERSION = 2

/** `malformed-collateral`; `collateral-mismatch` for the identity of another enclave. */
export function readQeIdentity(body: JsonObject, tee: Tee): Result<QeIdentity, AttestationError> {
  try {
    const id = textOf(body, 'id')
    if (id !== IDS[tee]) return refuse('collateral-mismatch', `the identity of ${IDS[tee]}`, id.slice(0, 64))
    if (numberOf(body, 'version', 65_535) !== VERSION) throw new FieldError(`version, ${VERSION}`)
    return ok({
      ...issueOf(body),
      mrsigner: bytesOf(body, 'mrsigner', 32),
      isvprodid: numberOf(body, 'isvprodid', 65_535),
      miscselect: bytesOf(body, 'miscselect', 4),
      miscselectMask: bytesOf(body, 'miscselectMask', 4),
      attributes: bytesOf(body, 'attributes', 16),
      attributesMask: bytesOf(body, 'attributesMask', 16),
      levels: svnLevelsOf(body),
    })
  } catch (cause) {
    if (!(cause instanceof FieldError)) throw cause
    return refuse('malformed-collateral', cause.message, 'a QE identity without', cause)
  }
}

/** Whether the enclave that signed is the one described, and what its version is worth: `qe-identity-mismatch`, `tcb-level-not-found`. */
export function appraiseQe(report: EnclaveReport, identity: QeIdentity): Result<Appraisal, AttestationError> {
  const { mrsigner, isvprodid, miscselect, miscselectMask, attributes, attributesMask, levels } = identity
  if (!equalMasked(report.mrsigner, mrsigner))
    return refuse('qe-identity-mismatch', `MRSIGNER ${bytesToHex(mrsigner)}`, bytesToHex(report.mrsigner))
  if (report.isvprodid !== isvprodid)
    return refuse('qe-identity-mismatch', `ISVPRODID ${isvprodid}`, String(report.isvprodid))
  if (!equalMasked(report.miscselect, miscselect, miscselectMask))
    return refuse('qe-identity-mismatch', `MISCSELECT ${bytesToHex(miscselect)}`, bytesToHex(report.miscselect))
  if (!equalMasked(report.attributes, attributes, attributesMask))
    return refuse('qe-identity-mismatch', `ATTRIBUTES ${bytesToHex(attributes)}`, bytesToHex(report.attributes))
  return svnLevelOf(levels, report.isvsvn, 'the quoting enclave')
}
