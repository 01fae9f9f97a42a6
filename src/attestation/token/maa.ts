import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { base64UrlToBytes } from '../base64Url.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { type AuthenticEvidence, type EvidenceVerifier, TCB_STATUSES, type TcbStatus } from '../evidence.ts'
import { isJsonObject, type JsonObject, memberOf } from '../json.ts'
import { hexClaim, readTimes, reportDataOf, shown, textOf } from './claims.ts'
import { parseTokenDocument, verifyJws } from './jws.ts'
import { rsaKey } from './keySet.ts'
import { admitKey, type TokenIssuer } from './trustedKey.ts'

const SIGNER: TokenIssuer = { algorithm: 'RS256', vendor: 'azure-cloud', assurance: 'verifier-azure' }
/** Shared and own instances: a name, and a region where the instance is shared. */
const ISSUER = /^https:\/\/[a-z0-9]{1,63}(?:\.[a-z0-9]{1,63}){0,2}\.attest\.azure\.(?:net|us|cn)$/
const COMPLIANT = ['azure-compliant-cvm', 'azure-compliant-uvm']
const TEES = ['sevsnpvm', 'tdxvm']
/** Of a guest appraised through its virtual TPM: debuggers in its boot chain or kernel. */
const DEBUGGERS = [
  'x-ms-azurevm-bootdebug-enabled',
  'x-ms-azurevm-hypervisordebug-enabled',
  'x-ms-azurevm-kerneldebug-enabled',
]

/** Registers by their names in our verdicts, and the claims that hold them in hexadecimal. */
const REGISTERS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  sevsnpvm: [
    ['measurement', 'x-ms-sevsnpvm-launchmeasurement'],
    ['hostdata', 'x-ms-sevsnpvm-hostdata'],
  ],
  tdxvm: [
    ['mrtd', 'tdx_mrtd'],
    ['mrconfigid', 'tdx_mrconfigid'],
    ...[0, 1, 2, 3].map((index) => [`rtmr${index}`, `tdx_rtmr${index}`] as const),
  ],
}

/**
 * A token of Microsoft Azure Attestation (`x-ms-ver` 1.0) for an SEV-SNP or TDX guest: of its hardware report alone, or
 * `azurevm`, of its virtual TPM, with the claims of the hardware in `x-ms-isolation-tee`. The top-level `nonce` is
 * whatever the caller of the service sent and binds nothing; report data is what the guest itself had put in.
 */
export const verifyMaa: EvidenceVerifier = async ({ document, collateral }, context) => {
  const parsed = parseTokenDocument(document, { algorithm: 'RS256' })
  if (!parsed.ok) return parsed
  const { payload } = parsed.value
  const issuer = memberOf(payload, 'iss')
  if (typeof issuer !== 'string' || !ISSUER.test(issuer))
    return refuse('issuer-refused', 'https://*.attest.azure.net, .us or .cn', shown(issuer))
  const key = admitKey(parsed.value, issuer, collateral, context, SIGNER)
  if (!key.ok) return key
  const times = readTimes(payload, context)
  if (!times.ok) return times
  const claims = readClaims(payload, context.crypto)
  if (!claims.ok) return claims
  const signed = await verifyJws(parsed.value, key.value.spki, context.crypto)
  if (!signed.ok) return signed
  const { root, assurance } = key.value
  return ok({
    root,
    assurance,
    ...claims.value,
    ...times.value,
    nonce: undefined,
    advisories: [],
    checked: ['structure', 'trust-root', 'signature'],
    notChecked: ['underlying-evidence'],
  })
}

type Claims = Pick<
  AuthenticEvidence,
  'measurements' | 'debug' | 'reportData' | 'publicKey' | 'instanceId' | 'tcbStatus'
>

function readClaims(payload: JsonObject, crypto: AttestationCrypto): Result<Claims, AttestationError> {
  const version = memberOf(payload, 'x-ms-ver')
  if (version !== '1.0') return refuse('malformed-token', 'x-ms-ver 1.0', shown(version))
  const outer = memberOf(payload, 'x-ms-attestation-type')
  const tee = outer === 'azurevm' ? memberOf(payload, 'x-ms-isolation-tee') : payload
  const type = memberOf(tee, 'x-ms-attestation-type')
  const registers = typeof type === 'string' && Object.hasOwn(REGISTERS, type) ? REGISTERS[type] : undefined
  if (!isJsonObject(tee) || typeof type !== 'string' || registers === undefined)
    return refuse('malformed-token', `claims of ${TEES.join(' or ')}`, `${shown(outer)} with ${shown(type)}`)
  const status = memberOf(tee, 'x-ms-compliance-status')
  if (!COMPLIANT.some((each) => each === status))
    return refuse('verifier-refused', COMPLIANT.join(', '), `x-ms-compliance-status ${shown(status)}`)
  const secure = memberOf(payload, 'secureboot')
  if (secure !== undefined && secure !== true) return refuse('verifier-refused', 'secureboot true', shown(secure))

  const debug = debugOf(payload, tee, type)
  if (debug === undefined) return refuse('malformed-token', `the debug claim of ${type}`, 'none')
  const measurements: Record<string, Hex> = {}
  for (const [name, claim] of registers) {
    const value = hexClaim(memberOf(tee, claim))
    if (value !== undefined) measurements[name] = bytesToHex(value)
  }
  if (Object.keys(measurements).length === 0) return refuse('malformed-token', `the measurements of ${type}`, 'none')
  const runtime = memberOf(tee, 'x-ms-runtime') ?? memberOf(payload, 'x-ms-runtime')
  const publicKey = runtimeKey(runtime, crypto)
  if (!publicKey.ok) return publicKey
  return ok({
    measurements,
    debug,
    reportData: boundBytes(payload, tee, type) ?? new Uint8Array(0),
    publicKey: publicKey.value,
    instanceId: instanceOf(payload, tee, runtime),
    tcbStatus: type === 'tdxvm' ? statusOf(memberOf(tee, 'attester_tcb_status')) : undefined,
  })
}

function debugOf(payload: JsonObject, tee: JsonObject, type: string): boolean | undefined {
  const claim = type === 'tdxvm' ? 'tdx_td_attributes_debug' : 'x-ms-sevsnpvm-is-debuggable'
  const debug = memberOf(tee, claim)
  if (typeof debug !== 'boolean') return undefined
  const disabled = memberOf(payload, 'x-ms-azurevm-debuggersdisabled')
  const status = memberOf(tee, 'dbgstat')
  return (
    debug ||
    (disabled !== undefined && disabled !== true) ||
    (status !== undefined && status !== 'disabled') ||
    DEBUGGERS.some((name) => memberOf(payload, name) !== undefined && memberOf(payload, name) !== false)
  )
}

/** Keys of the guest, the virtual TPM's among them: `publicKey` is `HCLAkPub`, else the first, where it is RSA. */
function runtimeKey(runtime: unknown, crypto: AttestationCrypto): Result<Uint8Array | undefined, AttestationError> {
  const keys = memberOf(runtime, 'keys')
  if (keys === undefined) return ok(undefined)
  if (!Array.isArray(keys) || !keys.every(isJsonObject))
    return refuse('malformed-token', 'x-ms-runtime.keys, an array of keys', typeof keys)
  const key = keys.find((each) => memberOf(each, 'kid') === 'HCLAkPub') ?? keys[0]
  return ok(rsaKey(key, crypto)?.spki)
}

/**
 * What the guest bound: of `azurevm` the nonce of its client's payload (base64), else the user data of the paravisor's
 * report, else the field of the hardware report where no runtime data took it.
 */
function boundBytes(payload: JsonObject, tee: JsonObject, type: string): Uint8Array | undefined {
  if (memberOf(payload, 'x-ms-attestation-type') === 'azurevm') {
    const client = memberOf(memberOf(payload, 'x-ms-runtime'), 'client-payload')
    const nonce = memberOf(client, 'nonce')
    return typeof nonce === 'string' ? base64UrlToBytes(urlForm(nonce)) : undefined
  }
  const runtime = memberOf(tee, 'x-ms-runtime')
  const field =
    runtime === undefined
      ? memberOf(tee, type === 'tdxvm' ? 'tdx_report_data' : 'x-ms-sevsnpvm-reportdata')
      : memberOf(runtime, 'user-data')
  const bytes = hexClaim(field)
  return bytes && reportDataOf(bytes)
}

const urlForm = (base64: string): string =>
  base64
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '')

function instanceOf(payload: JsonObject, tee: JsonObject, runtime: unknown): string {
  const machine = memberOf(memberOf(runtime, 'vm-configuration'), 'vmUniqueId')
  const named = [memberOf(payload, 'x-ms-azurevm-vmid'), machine, memberOf(tee, 'x-ms-sevsnpvm-reportid')]
  return named.map(textOf).find((name) => name !== undefined) ?? 'unnamed'
}

function statusOf(value: unknown): TcbStatus {
  return TCB_STATUSES.find((status) => status === value) ?? 'Unknown'
}
