import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import type { AuthenticEvidence, Check, EvidenceVerifier, ParsedEvidence, VerifierContext } from '../evidence.ts'
import { type PemRules, parsePemCertificates } from '../pem.ts'
import type { SnpTcb } from '../policy.ts'
import { type AdmittedRoot, admitRoot } from '../trustRoots.ts'
import type { KeyType } from '../x509/algorithms.ts'
import { type Certificate, nameText, parseCertificate } from '../x509/certificate.ts'
import { chainEnd, verifyChain } from '../x509/chain.ts'
import { checkRevocation, parseRevocationList, verifyRevocationList } from '../x509/crl.ts'
import { checkEndorsement, type Endorsement, instanceIdOf, parseEndorsement } from './endorsement.ts'
import { allowsDebug, checkGuestPolicy } from './guestPolicy.ts'
import { parseSnpReport, type SnpReport } from './report.ts'
import { belowFloor, hasReservedZero, isAtMost, tcbText } from './tcb.ts'

interface Chain extends AdmittedRoot {
  readonly root: AdmittedRoot['root']
  readonly ark: Certificate
  readonly intermediate: Certificate
  readonly vek: Certificate
}

/**
 * An SEV-SNP report (SEV-SNP ABI 1.58, table 23) of Milan, Genoa or Turin, signed by a chip's VCEK or a cloud's VLEK,
 * with `amd/vek` and `amd/chain`; `amd/crl` is read when supplied. The chain must be valid at `context.now`: a report has
 * no time of its own.
 */
export const verifySnp: EvidenceVerifier = async (evidence, context) => {
  const parsed = parseSnpReport(evidence.document)
  if (!parsed.ok) return parsed
  const report = parsed.value
  const chained = readChain(evidence, context)
  if (!chained.ok) return chained
  const { ark, intermediate, vek, root, assurance } = chained.value

  const endorsed = parseEndorsement(intermediate, vek)
  if (!endorsed.ok) return endorsed
  const endorsement = endorsed.value
  const floor = context.policy.tcbFloors.snp[endorsement.product]
  if (floor === undefined && context.policy.requireSnpFloor)
    return refuse('tcb-floor-missing', `a floor for ${endorsement.product} in tcbFloors.snp of the policy`, 'none')
  const fits = checkFields(report, endorsement, floor, context.policy.allowSmt)
  if (!fits.ok) return fits

  const proven = await verifySignatures(report, chained.value, context)
  if (!proven.ok) return proven
  const listed = await checkList(evidence, ark, intermediate, context)
  if (!listed.ok) return listed
  const nextUpdate = listed.value

  const checked: Check[] = ['structure', 'trust-root', 'certificate-chain', 'signature']
  const notChecked: Check[] = []
  ;(nextUpdate === undefined ? notChecked : checked).push('certificate-revocation')
  ;(floor === undefined ? notChecked : checked).push('tcb', 'tcb-floor')
  return ok<AuthenticEvidence>({
    root,
    assurance,
    measurements: measurementsOf(report),
    debug: allowsDebug(report),
    reportData: report.reportData,
    publicKey: undefined,
    nonce: undefined,
    instanceId: instanceIdOf(report, endorsement),
    tcbStatus: floor === undefined ? undefined : 'UpToDate',
    advisories: [],
    issuedAt: undefined,
    expiresAt: Math.min(chainEnd([ark, intermediate, vek]), nextUpdate ?? Number.POSITIVE_INFINITY),
    checked,
    notChecked,
  })
}

/** AMD's chains are 4.7 kB. */
const CHAIN_PEM: PemRules = { malformed: 'malformed-collateral', maxBytes: 16_384, maxCertificates: 2 }
const KEYS: readonly KeyType[] = ['RSA', 'RSA', 'P-384']

function readChain({ collateral }: ParsedEvidence, context: VerifierContext): Result<Chain, AttestationError> {
  const leaf = collateral.get('amd/vek')
  const pem = collateral.get('amd/chain')
  if (leaf === undefined || pem === undefined)
    return refuse('collateral-missing', 'amd/vek and amd/chain', leaf === undefined ? 'no amd/vek' : 'no amd/chain')
  const blocks = parsePemCertificates(pem, CHAIN_PEM)
  if (!blocks.ok) return blocks
  const [ask, root] = blocks.value
  if (ask === undefined || root === undefined)
    return refuse('malformed-collateral', 'an ASK or ASVK, then the ARK', 'one certificate')
  const admitted = admitRoot(root, 'amd', context)
  if (!admitted.ok) return admitted
  const certificates: Certificate[] = []
  for (const [position, der] of [root, ask, leaf].entries()) {
    const certificate = parseCertificate(der, position)
    if (!certificate.ok) return certificate
    const key = KEYS[position] ?? 'P-384'
    const { keyType, algorithm } = certificate.value
    if (keyType !== key || algorithm !== 'PS384')
      return refuseCertificate(
        'wrong-certificate-algorithm',
        position,
        `a key of ${key} under PS384`,
        `${keyType} under ${algorithm}`,
      )
    certificates.push(certificate.value)
  }
  const [ark, intermediate, vek] = certificates
  if (ark === undefined || intermediate === undefined || vek === undefined)
    throw new RangeError('expected three certificates')
  return ok({ ...admitted.value, ark, intermediate, vek })
}

/** Everything that the report and the certificate say, before any signature is looked at. */
function checkFields(
  report: SnpReport,
  endorsement: Endorsement,
  floor: SnpTcb | undefined,
  allowSmt: boolean,
): Result<undefined, AttestationError> {
  const allowed = checkGuestPolicy(report, allowSmt)
  if (!allowed.ok) return allowed
  const { product } = endorsement
  const { currentTcb, committedTcb, reportedTcb, launchTcb } = report
  for (const tcb of [currentTcb, committedTcb, reportedTcb, launchTcb])
    if (!hasReservedZero(product, tcb))
      return refuse('malformed-evidence', `security versions in the layout of ${product}`, bytesToHex(tcb))
  // Firmware that can still be taken back may be reported before it is committed.
  if (!isAtMost(committedTcb, currentTcb) || !isAtMost(reportedTcb, currentTcb))
    return refuse(
      'tcb-inconsistent',
      'reported and committed versions of at most the current',
      [reportedTcb, committedTcb, currentTcb].map((tcb) => tcbText(product, tcb)).join('; '),
    )
  const suits = checkEndorsement(report, endorsement)
  if (!suits.ok || floor === undefined) return suits
  for (const tcb of [reportedTcb, launchTcb]) {
    const low = belowFloor(product, tcb, floor)
    if (low !== undefined)
      return refuse('tcb-below-floor', `${low} of ${JSON.stringify(floor)} or later`, tcbText(product, tcb))
  }
  return ok(undefined)
}

async function verifySignatures(
  report: SnpReport,
  { ark, intermediate, vek }: Chain,
  { now, crypto, policy }: VerifierContext,
): Promise<Result<undefined, AttestationError>> {
  const revoked = new Set(policy.revokedCertificates)
  const rules = { at: now, crypto, revoked, leafUsage: 'where-present' } as const
  const chained = await verifyChain([ark, intermediate, vek], rules)
  if (!chained.ok) return chained
  if (await crypto.verify('ES384', vek.spki, report.signature, report.signed)) return ok(undefined)
  return refuse('bad-signature', `an ES384 signature by ${nameText(vek.subject)}`, 'another')
}

/** End of the list's validity; undefined without a list. AMD's lists speak of the ASK and ASVK alone. */
async function checkList(
  { collateral }: ParsedEvidence,
  ark: Certificate,
  intermediate: Certificate,
  { now, crypto }: VerifierContext,
): Promise<Result<number | undefined, AttestationError>> {
  const der = collateral.get('amd/crl')
  if (der === undefined) return ok(undefined)
  const list = parseRevocationList(der)
  if (!list.ok) return list
  const verified = await verifyRevocationList(list.value, ark, now, crypto)
  if (!verified.ok) return verified
  const good = checkRevocation(intermediate, list.value)
  return good.ok ? ok(list.value.nextUpdate) : good
}

/** Integers are written most significant byte first, as people read them. */
const integer = (value: number | bigint, bytes: number): Hex => `0x${value.toString(16).padStart(2 * bytes, '0')}`

const measurementsOf = (report: SnpReport): Readonly<Record<string, Hex>> => ({
  measurement: bytesToHex(report.measurement),
  hostdata: bytesToHex(report.hostData),
  idkeydigest: bytesToHex(report.idKeyDigest),
  authorkeydigest: bytesToHex(report.authorKeyDigest),
  familyid: bytesToHex(report.familyId),
  imageid: bytesToHex(report.imageId),
  reportid: bytesToHex(report.reportId),
  policy: integer(report.policy, 8),
  platforminfo: integer(report.platformInfo, 8),
  reportedtcb: integer(new DataView(report.reportedTcb.slice().buffer).getBigUint64(0, true), 8),
  vmpl: integer(report.vmpl, 4),
  guestsvn: integer(report.guestSvn, 4),
})
