import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes, isZero } from '../bytes.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'

/** First byte of REPORTTYPE: a trust domain. */
const TDX = 0x81

/** Same fields of TDREPORT_STRUCT and of a quote's body (TDX Module ABI, 4.7; DCAP Quote Generation Library, A.3.2): offset there, here, length. */
const SHARED = [
  ['TEE_TCB_SVN', 264, 0, 16],
  ['MRSEAM', 280, 16, 48],
  ['MRSIGNERSEAM', 328, 64, 48],
  ['SEAMATTRIBUTES', 376, 112, 8],
  ['attributes and measurements', 512, 120, 400],
  ['REPORTDATA', 128, 520, 64],
] as const

/** Digests in REPORTMACSTRUCT of the two structures that follow it: offset of the digest, start and end of what it covers. */
const DIGESTS = [
  ['TEE_TCB_INFO', 32, 256, 495],
  ['TDINFO_STRUCT', 80, 512, 1_024],
] as const
const DIGEST_BYTES = 48

const RESERVED = [
  [1, 2],
  [3, 16],
  [192, 224],
  [495, 512],
] as const

/**
 * Whether a TD report is the one behind a quote. Its own MAC can be checked on its machine alone: the quote is what is
 * believed, and every field that both have must be the same.
 */
export function matchTdReport(
  report: Uint8Array,
  body: Uint8Array,
  crypto: AttestationCrypto,
): Result<undefined, AttestationError> {
  if (report[0] !== TDX || RESERVED.some(([from, to]) => !isZero(report.subarray(from, to))))
    return refuse('malformed-hcl-report', 'a TD report with reserved bytes of zero', 'another')
  for (const [name, there, here, length] of SHARED)
    if (!equalBytes(report.subarray(there, there + length), body.subarray(here, here + length)))
      return refuse('td-report-mismatch', `the ${name} of the quote`, 'another')
  for (const [name, at, from, to] of DIGESTS)
    if (!equalBytes(crypto.digest('sha384', report.subarray(from, to)), report.subarray(at, at + DIGEST_BYTES)))
      return refuse('td-report-mismatch', `the digest of its ${name}`, 'another')
  return ok(undefined)
}
