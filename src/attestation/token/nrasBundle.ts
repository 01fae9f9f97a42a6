import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { MAX_NRAS_BYTES, MAX_NRAS_DEVICES } from '../constants.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { isJsonObject, memberOf, parseJson } from '../json.ts'
import { hexClaim } from './claims.ts'
import { type Jws, parseJws } from './jws.ts'

/** A device's token, under its name in the bundle, e.g. `GPU-0`. */
export interface Device {
  readonly name: string
  readonly jws: Jws
}

export interface NrasBundle {
  readonly overall: Jws
  readonly devices: readonly Device[]
}

const DIGEST_BYTES = 32
const NAME = /^[A-Z]{1,16}-[0-9]{1,3}$/
const RULES = { algorithm: 'ES384' } as const

/**
 * A detached bundle `[["JWT", overall], {"GPU-0": jwt, ...}]` (RFC 9711, 5) whose overall token names the digest of
 * every device's token and of no other: `digest-mismatch` where it does not.
 */
export function parseBundle(document: Uint8Array, crypto: AttestationCrypto): Result<NrasBundle, AttestationError> {
  const parsed = parseJson(document, { malformed: 'malformed-evidence', maxBytes: MAX_NRAS_BYTES })
  if (!parsed.ok) return parsed
  const [pair, detached] = Array.isArray(parsed.value) && parsed.value.length === 2 ? parsed.value : []
  const [label, token] = Array.isArray(pair) && pair.length === 2 ? pair : []
  if (label !== 'JWT' || typeof token !== 'string' || !isJsonObject(detached))
    return refuse('malformed-evidence', 'a detached EAT bundle of one JWT and its detached tokens', 'another document')
  const entries = Object.entries(detached)
  if (entries.length === 0 || entries.length > MAX_NRAS_DEVICES)
    return refuse('malformed-evidence', `1 to ${MAX_NRAS_DEVICES} devices`, String(entries.length))
  const overall = parseJws(token, RULES)
  if (!overall.ok) return overall
  const matched = matchDigests(overall.value, entries, crypto)
  if (!matched.ok) return matched

  const devices: Device[] = []
  for (const [name, text] of matched.value) {
    const jws = parseJws(text, RULES)
    if (!jws.ok) return jws
    devices.push({ name, jws: jws.value })
  }
  return ok({ overall: overall.value, devices })
}

/** `submods` is `{"GPU-0": ["DIGEST", ["SHA-256", hex]]}`: the digest is over the characters of the detached token. */
function matchDigests(
  overall: Jws,
  entries: readonly (readonly [string, unknown])[],
  crypto: AttestationCrypto,
): Result<readonly (readonly [string, string])[], AttestationError> {
  const submods = memberOf(overall.payload, 'submods')
  if (!isJsonObject(submods)) return refuse('malformed-token', 'submods in an object', typeof submods)
  const missing = Object.keys(submods).find((name) => !entries.some(([each]) => each === name))
  if (missing !== undefined) return refuse('digest-mismatch', `a token of ${missing.slice(0, 32)}`, 'none')
  const matched: (readonly [string, string])[] = []
  for (const [name, text] of entries) {
    if (!NAME.test(name) || typeof text !== 'string')
      return refuse('malformed-evidence', 'tokens of devices such as GPU-0', name.slice(0, 32))
    const submod = memberOf(submods, name)
    if (submod === undefined) return refuse('digest-mismatch', `a digest for ${name}`, 'none')
    const digest = digestOf(submod)
    if (digest === undefined) return refuse('malformed-token', `["DIGEST", ["SHA-256", hex]] for ${name}`, 'another')
    if (!equalBytes(crypto.digest('sha256', new TextEncoder().encode(text)), digest))
      return refuse('digest-mismatch', `a token of ${name} with the digest in the overall one`, 'another')
    matched.push([name, text])
  }
  return ok(matched)
}

function digestOf(submod: unknown): Uint8Array | undefined {
  const [type, pair] = Array.isArray(submod) && submod.length === 2 ? submod : []
  const [algorithm, hex] = Array.isArray(pair) && pair.length === 2 ? pair : []
  return type === 'DIGEST' && algorithm === 'SHA-256' ? hexClaim(hex, DIGEST_BYTES) : undefined
}
