import { ok, type Result } from '../../protocol/index.ts'
import type { AttestationCrypto } from '../crypto.ts'
import type { AttestationError } from '../errors.ts'
import { memberOf } from '../json.ts'
import { type Jws, type JwsRules, parseTokenDocument } from '../token/jws.ts'
import { parseBundle } from '../token/nrasBundle.ts'
import type { DocumentClaims } from './claims.ts'
import { fieldsOf } from './fields.ts'

/** The latest of the tokens' beginnings. */
function startOf(tokens: readonly Jws[]): number | undefined {
  const times = tokens.flatMap(({ payload }) => [memberOf(payload, 'nbf'), memberOf(payload, 'iat')])
  const known = times.filter((time): time is number => typeof time === 'number' && Number.isSafeInteger(time))
  return known.length === 0 ? undefined : Math.max(...known) * 1000
}

export function tokenClaims(document: Uint8Array, rules: JwsRules): Result<DocumentClaims, AttestationError> {
  const jws = parseTokenDocument(document, rules)
  if (!jws.ok) return jws
  const { algorithm, kid, payload, signature, x5c } = jws.value
  return ok({
    fields: fieldsOf({ alg: algorithm, kid, ...payload, signature }),
    certificates: x5c ?? [],
    issuedAt: startOf([jws.value]),
  })
}

/** Of the overall token and every device's; `digest-mismatch` where a device's token is not the one that is named. */
export function bundleClaims(
  document: Uint8Array,
  crypto: AttestationCrypto,
): Result<DocumentClaims, AttestationError> {
  const bundle = parseBundle(document, crypto)
  if (!bundle.ok) return bundle
  const { overall, devices } = bundle.value
  return ok({
    fields: [
      ...fieldsOf({ kid: overall.kid, ...overall.payload }),
      ...devices.flatMap(({ name, jws }) => fieldsOf(jws.payload, `${name}.`)),
    ],
    certificates: [],
    issuedAt: startOf([overall, ...devices.map((device) => device.jws)]),
  })
}
