import { type Hex, ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { AuthenticEvidence, EvidenceVerifier, VerifierContext } from '../evidence.ts'
import { type JsonObject, memberOf } from '../json.ts'
import { isRevokedChip } from '../policy.ts'
import { hexClaim, readTimes, shown, textMeasurement, textOf } from './claims.ts'
import { verifyJws } from './jws.ts'
import { type Device, type NrasBundle, parseBundle } from './nrasBundle.ts'
import { type AdmittedKey, admitKey, type TokenIssuer } from './trustedKey.ts'

export const NRAS_ISSUER = 'https://nras.attestation.nvidia.com'

const SIGNER: TokenIssuer = { algorithm: 'ES384', vendor: 'nvidia-cloud', assurance: 'verifier-nvidia' }
const NONCE_BYTES = 32

/** Outcomes of the service's own checks: true wherever a token carries them. */
const OUTCOMES = [
  'x-nvidia-gpu-arch-check',
  'x-nvidia-gpu-attestation-report-cert-chain-fwid-match',
  'x-nvidia-gpu-attestation-report-parsed',
  'x-nvidia-gpu-attestation-report-nonce-match',
  'x-nvidia-gpu-attestation-report-signature-verified',
  'x-nvidia-gpu-driver-rim-signature-verified',
  'x-nvidia-gpu-driver-rim-version-match',
  'x-nvidia-gpu-vbios-rim-signature-verified',
  'x-nvidia-gpu-vbios-rim-version-match',
  'x-nvidia-gpu-vbios-index-no-conflict',
]
const CHAINS = [
  'x-nvidia-gpu-attestation-report-cert-chain',
  'x-nvidia-gpu-driver-rim-cert-chain',
  'x-nvidia-gpu-vbios-rim-cert-chain',
]

/**
 * The bundle of NVIDIA's Remote Attestation Service, claims of version 3 and 4. Digests of the detached tokens come
 * first, so that `no-jwks` always means that they match; then issuer and keys, times, the service's result for every
 * device, and last the signature of every token. All of it is NVIDIA's word: the devices' own reports are not in it.
 */
export const verifyNras: EvidenceVerifier = async ({ document, collateral }, context) => {
  const parsed = parseBundle(document, context.crypto)
  if (!parsed.ok) return parsed
  const bundle = parsed.value
  const tokens = [bundle.overall, ...bundle.devices.map((device) => device.jws)]

  const keys: AdmittedKey[] = []
  for (const token of tokens) {
    const issuer = memberOf(token.payload, 'iss')
    if (issuer !== NRAS_ISSUER) return refuse('issuer-refused', NRAS_ISSUER, shown(issuer))
    const key = admitKey(token, NRAS_ISSUER, collateral, context, SIGNER)
    if (!key.ok && key.error.code === 'no-jwks')
      return refuse('no-jwks', `the key set of ${NRAS_ISSUER}`, 'none; digests match')
    if (!key.ok) return key
    keys.push(key.value)
  }
  const claims = readClaims(bundle, context)
  if (!claims.ok) return claims
  for (const [position, token] of tokens.entries()) {
    const signed = await verifyJws(token, keys[position]?.spki ?? new Uint8Array(0), context.crypto)
    if (!signed.ok) return signed
  }
  const revoked = claims.value.ueids.find((ueid) => isRevokedChip(context.policy, ueid))
  if (revoked !== undefined) return refuse('chip-revoked', 'devices that are not revoked', revoked)
  const [{ root, assurance }] = keys as [AdmittedKey]
  const { ueids, ...evidence } = claims.value
  return ok({
    root,
    assurance,
    ...evidence,
    instanceId: ueids.join(','),
    publicKey: undefined,
    nonce: undefined,
    tcbStatus: undefined,
    advisories: [],
    checked: ['structure', 'trust-root', 'signature'],
    notChecked: ['underlying-evidence'],
  })
}

type Claims = Pick<AuthenticEvidence, 'measurements' | 'debug' | 'reportData' | 'issuedAt' | 'expiresAt'> & {
  readonly ueids: readonly string[]
}

function readClaims({ overall, devices }: NrasBundle, context: VerifierContext): Result<Claims, AttestationError> {
  const spans: { readonly issuedAt: number; readonly expiresAt: number }[] = []
  for (const { payload } of [overall, ...devices.map((device) => device.jws)]) {
    const times = readTimes(payload, context)
    if (!times.ok) return times
    spans.push(times.value)
  }
  const result = memberOf(overall.payload, 'x-nvidia-overall-att-result')
  if (result !== true) return refuse('verifier-refused', 'x-nvidia-overall-att-result true', shown(result))
  const nonce = hexClaim(memberOf(overall.payload, 'eat_nonce'), NONCE_BYTES)
  if (nonce === undefined) return refuse('malformed-token', `eat_nonce of ${NONCE_BYTES} bytes in hex`, 'another')

  const measurements: Record<string, Hex> = {}
  const ueids: string[] = []
  let debug = false
  for (const device of devices) {
    const read = readDevice(device, nonce)
    if (!read.ok) return read
    Object.assign(measurements, read.value.measurements)
    if (ueids.includes(read.value.ueid))
      return refuse('malformed-token', 'each device once', `${read.value.ueid} twice`)
    ueids.push(read.value.ueid)
    debug ||= read.value.debug
  }
  return ok({
    measurements,
    debug,
    reportData: nonce,
    ueids,
    issuedAt: Math.min(...spans.map((span) => span.issuedAt)),
    expiresAt: Math.min(...spans.map((span) => span.expiresAt)),
  })
}

interface DeviceClaims {
  readonly ueid: string
  readonly debug: boolean
  readonly measurements: Readonly<Record<string, Hex>>
}

function readDevice({ name, jws: { payload } }: Device, nonce: Uint8Array): Result<DeviceClaims, AttestationError> {
  const ours = hexClaim(memberOf(payload, 'eat_nonce'), NONCE_BYTES)
  if (ours === undefined || !equalBytes(ours, nonce))
    return refuse('malformed-token', `${name} with the nonce of the overall token`, 'another')
  const fault = faultOf(payload)
  if (fault !== undefined) return refuse('verifier-refused', `${name} with every check passed`, fault)
  const ueid = textOf(memberOf(payload, 'ueid'))
  const status = textOf(memberOf(payload, 'dbgstat'))
  const model = textOf(memberOf(payload, 'hwmodel'))
  if (ueid === undefined || status === undefined || model === undefined)
    return refuse('malformed-token', `ueid, dbgstat and hwmodel of ${name}`, 'not all of them')
  const prefix = name.toLowerCase()
  const measurements: Record<string, Hex> = { [`${prefix}.hwmodel`]: textMeasurement(model) }
  for (const part of ['driver', 'vbios']) {
    const version = textOf(memberOf(payload, `x-nvidia-gpu-${part}-version`))
    if (version !== undefined) measurements[`${prefix}.${part}`] = textMeasurement(version)
  }
  return ok({ ueid, debug: status !== 'disabled', measurements })
}

/** What in a device's claims is no full success; undefined where nothing is. */
function faultOf(payload: JsonObject): string | undefined {
  const result = memberOf(payload, 'measres')
  if (result !== 'success' && result !== 'Success') return `measres ${shown(result)}`
  if (memberOf(payload, 'secboot') !== true) return `secboot ${shown(memberOf(payload, 'secboot'))}`
  const failed = OUTCOMES.find((name) => memberOf(payload, name) !== undefined && memberOf(payload, name) !== true)
  if (failed !== undefined) return `${failed} ${shown(memberOf(payload, failed))}`
  const chain = CHAINS.find((name) => memberOf(payload, name) !== undefined && !isGood(memberOf(payload, name)))
  return chain && `${chain} that is not valid and good`
}

const isGood = (chain: unknown): boolean =>
  memberOf(chain, 'x-nvidia-cert-status') === 'valid' && memberOf(chain, 'x-nvidia-cert-ocsp-status') === 'good'
