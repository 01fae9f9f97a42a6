import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { equalBytes, isZero } from '../bytes.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import type { AuthenticEvidence, Check, EvidenceVerifier, ParsedEvidence, VerifierContext } from '../evidence.ts'
import { isRevokedChip } from '../policy.ts'
import { type AdmittedRoot, admitRoot } from '../trustRoots.ts'
import { type Certificate, nameText, OID, parseCertificate } from '../x509/certificate.ts'
import { chainEnd, verifyChain } from '../x509/chain.ts'
import { appraise } from './appraisal.ts'
import { type DeviceEvidence, parseDocument } from './document.ts'
import { type DeviceIdentity, DICE_EXTENSIONS, firmwareIdOf, identityOf } from './identity.ts'
import { verifyingOnce } from './once.ts'

/** Reports of NVIDIA GPUs with confidential computing: Hopper and Blackwell. */
export const verifyGpu: EvidenceVerifier = (evidence, context) => verifyDevices(evidence, context, false)

/** Reports of NVSwitches. */
export const verifySwitch: EvidenceVerifier = (evidence, context) => verifyDevices(evidence, context, true)

/** One device whose chain and signature hold. */
interface VerifiedDevice extends DeviceEvidence {
  readonly certificates: readonly Certificate[]
  readonly identity: DeviceIdentity
  /** Whether the firmware id in leaf and report was there to compare. */
  readonly fwidChecked: boolean
}

async function verifyDevices(
  { document, collateral }: ParsedEvidence,
  given: VerifierContext,
  isSwitch: boolean,
): Promise<Result<AuthenticEvidence, AttestationError>> {
  const context = { ...given, crypto: verifyingOnce(given.crypto) }
  const parsed = parseDocument(document, isSwitch)
  if (!parsed.ok) return parsed
  const chains = admitChains(parsed.value, context)
  if (!chains.ok) return chains

  const devices: VerifiedDevice[] = []
  for (const [at, device] of parsed.value.entries()) {
    const certificates = chains.value.certificates[at] ?? []
    const verified = await verifyDevice(device, certificates, context)
    if (!verified.ok) return verified
    devices.push(verified.value)
  }
  const { assurance } = chains.value.root
  const appraisal = await appraise(devices, collateral, context, { isSwitch, assurance })
  if (!appraisal.ok) return appraisal
  const nonce = devices[0]?.report.nonce ?? new Uint8Array(0)
  const checked: Check[] = ['structure', 'trust-root', 'certificate-chain', 'signature', ...appraisal.value.checked]
  const notChecked: Check[] = [...appraisal.value.notChecked]
  ;(devices.every((device) => device.fwidChecked) ? checked : notChecked).push('fwid')
  return ok({
    ...chains.value.root,
    measurements: commonMeasurements(devices),
    // Debug firmware is signed like any other: only the maker's reference values tell it apart.
    debug: appraisal.value.checked.includes('rim') ? false : undefined,
    reportData: nonce,
    publicKey: undefined,
    nonce,
    instanceId: [...new Set(devices.map((device) => device.identity.id))].join(','),
    tcbStatus: undefined,
    advisories: [],
    issuedAt: undefined,
    expiresAt: Math.min(appraisal.value.expiresAt, ...devices.map(({ certificates }) => chainEnd(certificates))),
    checked,
    notChecked,
  })
}

/** Chains under one pinned root, parsed: equal certificates become one object. */
function admitChains(
  devices: readonly DeviceEvidence[],
  context: VerifierContext,
): Result<{ readonly root: AdmittedRoot; readonly certificates: readonly Certificate[][] }, AttestationError> {
  const [rootDer] = devices[0]?.chain ?? []
  if (rootDer === undefined) return refuse('malformed-evidence', 'a root', 'none')
  const root = admitRoot(rootDer, 'nvidia', context)
  if (!root.ok) return root
  const pool: Certificate[] = []
  const certificates: Certificate[][] = []
  for (const { chain } of devices) {
    if (!equalBytes(chain[0] ?? new Uint8Array(0), rootDer))
      return refuse('untrusted-root', `${root.value.root.name} for all devices`, 'another root')
    const parsed: Certificate[] = []
    for (const [position, der] of chain.entries()) {
      const known = pool.find((each) => each.position === position && equalBytes(each.der, der))
      const certificate = known === undefined ? parseCertificate(der, position) : ok(known)
      if (!certificate.ok) return certificate
      if (known === undefined) pool.push(certificate.value)
      parsed.push(certificate.value)
    }
    certificates.push(parsed)
  }
  return ok({ root: root.value, certificates })
}

async function verifyDevice(
  device: DeviceEvidence,
  certificates: readonly Certificate[],
  context: VerifierContext,
): Promise<Result<VerifiedDevice, AttestationError>> {
  const { crypto, now, policy } = context
  const identity = identityOf(certificates, device.architecture)
  if (!identity.ok) return identity
  const understood = [OID.subjectAltName, ...DICE_EXTENSIONS]
  const revoked = new Set(policy.revokedCertificates)
  const chained = await verifyChain(certificates, { at: now, crypto, revoked, leafUsage: 'required', understood })
  if (!chained.ok) return chained
  const leaf = certificates.at(-1)
  if (leaf?.keyType !== 'P-384')
    return refuseCertificate(
      'wrong-certificate-algorithm',
      certificates.length - 1,
      'a P-384 key',
      String(leaf?.keyType),
    )
  const { signed, signature } = device.report
  if (!(await crypto.verify('ES384', leaf.spki, signature, signed)))
    return refuse('bad-signature', `an ES384 signature by ${nameText(leaf.subject)}`, 'another')
  const fwid = compareFirmware(leaf, device.state.fwid)
  if (!fwid.ok) return fwid
  const gone = identity.value.names.find((name) => isRevokedChip(policy, name))
  if (gone !== undefined) return refuse('chip-revoked', 'devices that are not revoked', gone)
  return ok({ ...device, certificates, identity: identity.value, fwidChecked: fwid.value })
}

/** Whether leaf and report both name the firmware; they must agree then: `fwid-mismatch`. */
function compareFirmware(leaf: Certificate, reported: Uint8Array | undefined): Result<boolean, AttestationError> {
  if (reported === undefined) return ok(false)
  const certified = firmwareIdOf(leaf)
  if (!certified.ok) return certified
  if (certified.value === undefined) return ok(false)
  if (equalBytes(certified.value, reported)) return ok(true)
  return refuse('fwid-mismatch', `firmware ${bytesToHex(certified.value)}`, bytesToHex(reported))
}

/**
 * What every device says alike, so that an allow-list speaks of all of them: one that differs in a register leaves it
 * out. Versions are the hex of their text; blocks that are empty or zero are not there.
 */
function commonMeasurements(devices: readonly VerifiedDevice[]): Record<string, Hex> {
  const [first = {}, ...others] = devices.map(measurementsOf)
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((other) => other[name] === value)),
  )
}

function measurementsOf({ architecture, state, report }: VerifiedDevice): Record<string, Hex> {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value)
  const fields = {
    arch: text(architecture),
    driver: state.driver === undefined ? undefined : text(state.driver),
    vbios: text(state.vbios),
    chipSku: state.chipSku,
    project: state.project,
    projectSku: state.projectSku,
    featureFlag: state.featureFlag,
  }
  const measurements: Record<string, Hex> = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) measurements[name] = bytesToHex(value)
  for (const [index, value] of report.measurements)
    if (!isZero(value)) measurements[`measurement.${index}`] = bytesToHex(value)
  return measurements
}
