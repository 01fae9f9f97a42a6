import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'
import {
  type AuthenticEvidence,
  type EvidenceVerifier,
  type ParsedEvidence,
  TCB_STATUSES,
  type VerifierContext,
} from '../evidence.ts'
import { type JsonObject, memberOf } from '../json.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { chainEnd, verifyChain } from '../x509/chain.ts'
import { hexClaim, readTimes, shown, textMeasurement, textOf } from './claims.ts'
import { type Jws, parseTokenDocument, verifyJws } from './jws.ts'
import { keyOfSpki } from './keySet.ts'
import { type AdmittedKey, admitAudience, admitKey, type TokenIssuer, trustKey } from './trustedKey.ts'

export const GCP_ISSUER = 'https://confidentialcomputing.googleapis.com'

const SIGNER: TokenIssuer = { algorithm: 'RS256', vendor: 'google-cloud', assurance: 'verifier-google' }
/** Shielded VMs are no TEE: their model is not here. */
const MODELS = ['GCP_INTEL_TDX', 'GCP_AMD_SEV_SNP', 'GCP_AMD_SEV', 'GCP_AMD_SEV_ES']
const SOFTWARE = ['CONFIDENTIAL_SPACE', 'GCE']
/** RFC 9711, 4.2.9: debugging now off is not enough, it must have been off since the start. */
const NEVER_DEBUGGED = ['disabled-since-boot', 'disabled-permanently', 'disabled-fully-and-permanently']
const IMAGE_BYTES = 32

/**
 * A token of Google Cloud Attestation, for Confidential Space or a Confidential VM: signed by a key of the set in the
 * bundle, or (PKI tokens) by the leaf of its own chain, whose root key the policy pins for the issuer.
 */
export const verifyGcp: EvidenceVerifier = async (evidence, context) => {
  const parsed = parseTokenDocument(evidence.document, { algorithm: 'RS256', x5c: true })
  if (!parsed.ok) return parsed
  const { payload } = parsed.value
  const issuer = memberOf(payload, 'iss')
  if (issuer !== GCP_ISSUER) return refuse('issuer-refused', GCP_ISSUER, shown(issuer))
  const key = await keyOf(parsed.value, evidence, context)
  if (!key.ok) return key
  const times = readTimes(payload, context)
  if (!times.ok) return times
  const claims = readClaims(payload, context)
  if (!claims.ok) return claims
  const signed = await verifyJws(parsed.value, key.value.spki, context.crypto)
  if (!signed.ok) return signed
  const { root, assurance, notAfter } = key.value
  return ok({
    root,
    assurance,
    ...claims.value,
    issuedAt: times.value.issuedAt,
    expiresAt: Math.min(times.value.expiresAt, notAfter),
    publicKey: undefined,
    nonce: undefined,
    advisories: [],
    checked: ['structure', 'trust-root', ...(key.value.chained ? (['certificate-chain'] as const) : []), 'signature'],
    notChecked: ['underlying-evidence', ...(key.value.chained ? (['certificate-revocation'] as const) : [])],
  })
}

interface GcpKey extends AdmittedKey {
  readonly notAfter: number
  readonly chained: boolean
}

async function keyOf(
  jws: Jws,
  { collateral }: ParsedEvidence,
  context: VerifierContext,
): Promise<Result<GcpKey, AttestationError>> {
  if (jws.x5c === undefined) {
    const key = admitKey(jws, GCP_ISSUER, collateral, context, SIGNER)
    return key.ok ? ok({ ...key.value, notAfter: Number.POSITIVE_INFINITY, chained: false }) : key
  }
  const chain: Certificate[] = []
  for (const [position, der] of jws.x5c.toReversed().entries()) {
    const certificate = parseCertificate(der, position)
    if (!certificate.ok) return certificate
    chain.push(certificate.value)
  }
  const [root, leaf] = [chain[0], chain.at(-1)]
  const rootKey = root && keyOfSpki(root.spki, context.crypto)
  if (rootKey === undefined || leaf?.keyType !== 'RSA' || chain.length < 2)
    return refuse('malformed-token', 'a chain from an RSA root to an RSA leaf', 'another')
  const trusted = trustKey(rootKey, GCP_ISSUER, context.policy, SIGNER)
  if (!trusted.ok) return trusted
  const { crypto, now, policy } = context
  const revoked = new Set(policy.revokedCertificates)
  const chained = await verifyChain(chain, { at: now, crypto, revoked, leafUsage: 'where-present' })
  if (!chained.ok) return chained
  return ok({ ...trusted.value, spki: leaf.spki, notAfter: chainEnd(chain), chained: true })
}

type Claims = Pick<AuthenticEvidence, 'measurements' | 'debug' | 'reportData' | 'instanceId' | 'tcbStatus'>

function readClaims(payload: JsonObject, { policy }: VerifierContext): Result<Claims, AttestationError> {
  const audience = textOf(soleOf(memberOf(payload, 'aud')))
  if (audience === undefined) return refuse('malformed-token', 'one audience', 'another number')
  const admitted = admitAudience(policy, GCP_ISSUER, audience)
  if (!admitted.ok) return admitted
  const model = memberOf(payload, 'hwmodel')
  const software = memberOf(payload, 'swname')
  if (!MODELS.some((each) => each === model)) return refuse('verifier-refused', MODELS.join(', '), shown(model))
  if (!SOFTWARE.some((each) => each === software))
    return refuse('verifier-refused', SOFTWARE.join(', '), shown(software))
  const secure = memberOf(payload, 'secboot')
  if (secure !== true) return refuse('verifier-refused', 'secboot true', shown(secure))
  const sources = memberOf(payload, 'attester_tcb')
  if (model === 'GCP_INTEL_TDX' && !(Array.isArray(sources) && sources.length === 1 && sources[0] === 'INTEL'))
    return refuse('verifier-refused', 'attester_tcb ["INTEL"]', shown(sources))
  const status = textOf(memberOf(payload, 'dbgstat'))
  if (status === undefined) return refuse('malformed-token', 'dbgstat', 'none')
  const nonce = textOf(soleOf(memberOf(payload, 'eat_nonce')))
  return ok({
    measurements: measurementsOf(payload),
    debug: !NEVER_DEBUGGED.includes(status),
    reportData: nonce === undefined ? new Uint8Array(0) : (hexClaim(nonce) ?? new TextEncoder().encode(nonce)),
    instanceId: instanceOf(payload),
    tcbStatus: statusOf(payload),
  })
}

/** The value, or the only one of an array: with more than one nonce or audience, which is meant would be open. */
const soleOf = (value: unknown): unknown => (Array.isArray(value) ? (value.length === 1 ? value[0] : undefined) : value)

function measurementsOf(payload: JsonObject): Readonly<Record<string, Hex>> {
  const measurements: Record<string, Hex> = {}
  for (const name of ['hwmodel', 'swname']) {
    const text = textOf(memberOf(payload, name))
    if (text !== undefined) measurements[name] = textMeasurement(text)
  }
  const container = memberOf(memberOf(payload, 'submods'), 'container')
  const image = textOf(memberOf(container, 'image_digest'))
  const digest = image?.startsWith('sha256:') ? hexClaim(image.slice(7), IMAGE_BYTES) : undefined
  if (digest !== undefined) measurements.image = bytesToHex(digest)
  return measurements
}

function instanceOf(payload: JsonObject): string {
  const machine = memberOf(memberOf(payload, 'submods'), 'gce')
  const [project, instance] = [memberOf(machine, 'project_id'), memberOf(machine, 'instance_id')].map(textOf)
  if (project !== undefined && instance !== undefined) return `${project}/${instance}`
  return textOf(memberOf(payload, 'sub')) ?? 'unnamed'
}

function statusOf(payload: JsonObject): Claims['tcbStatus'] {
  const value = memberOf(memberOf(payload, 'tdx'), 'gcp_attester_tcb_status')
  return value === undefined ? undefined : (TCB_STATUSES.find((status) => status === value) ?? 'Unknown')
}
