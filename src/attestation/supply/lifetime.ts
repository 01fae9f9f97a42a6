import type { Result } from '../../protocol/index.ts'
import type { Collateral } from '../collateral.ts'
import { FieldError, issueOf } from '../dcap/fields.ts'
import { parseSignedJson, type SignedName } from '../dcap/signedJson.ts'
import type { AttestationError } from '../errors.ts'
import { parseOcspBundle } from '../nvidia/revocation.ts'
import { parseRevocationList } from '../x509/crl.ts'

/**
 * Milliseconds since 1970 at which the first of a bundle's dated items ends, so that it is fetched again before; infinity
 * where nothing is dated, 0 where an item cannot be read. Nothing is verified.
 */
export function collateralEnd(collateral: Collateral): number {
  const ends: number[] = []
  for (const [item, bytes] of collateral) {
    switch (item) {
      case 'intel/root-crl':
      case 'intel/pck-crl':
      case 'amd/crl':
        ends.push(valueOr(parseRevocationList(bytes), ({ nextUpdate }) => nextUpdate))
        break
      case 'intel/tcb-info':
        ends.push(signedEnd(bytes, 'tcbInfo'))
        break
      case 'intel/qe-identity':
        ends.push(signedEnd(bytes, 'enclaveIdentity'))
        break
      case 'nvidia/ocsp':
        ends.push(
          valueOr(parseOcspBundle(bytes), (responses) =>
            Math.min(...responses.flatMap(({ answers }) => answers.map(({ nextUpdate }) => nextUpdate))),
          ),
        )
        break
      default:
    }
  }
  return Math.min(Number.POSITIVE_INFINITY, ...ends)
}

function signedEnd(bytes: Uint8Array, name: SignedName): number {
  return valueOr(parseSignedJson(bytes, name), ({ body }) => {
    try {
      return issueOf(body).nextUpdate
    } catch (thrown) {
      if (thrown instanceof FieldError) return 0
      throw thrown
    }
  })
}

const valueOr = <T>(parsed: Result<T, AttestationError>, end: (value: T) => number): number =>
  parsed.ok ? end(parsed.value) : 0
