import { ok, type Result } from '../../protocol/index.ts'
import type { AttestationError } from '../errors.ts'
import { parseDocument } from '../nvidia/document.ts'
import type { DocumentClaims } from './claims.ts'
import { fieldsOf } from './fields.ts'

/** Devices by their place in the document; certificates of all, each once. */
export function deviceClaims(bytes: Uint8Array, isSwitch: boolean): Result<DocumentClaims, AttestationError> {
  const devices = parseDocument(bytes, isSwitch)
  if (!devices.ok) return devices
  const fields = devices.value.flatMap(({ architecture, report, state }, index) => {
    const { nonce, measurements, signature } = report
    return fieldsOf({ architecture, nonce, ...state, measurement: measurements, signature }, `${index}.`)
  })
  const unique = new Map(devices.value.flatMap(({ chain }) => chain).map((der) => [der.join(','), der]))
  return ok({ fields, certificates: [...unique.values()], issuedAt: undefined })
}
