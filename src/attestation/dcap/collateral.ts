import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import type { Collateral, CollateralItem } from '../collateral.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { VerifierContext } from '../evidence.ts'
import { type Certificate, nameText } from '../x509/certificate.ts'
import { chainEnd } from '../x509/chain.ts'
import { checkRevocation, parseRevocationList, type RevocationList, verifyRevocationList } from '../x509/crl.ts'
import type { Chains } from './chains.ts'
import { type QeIdentity, readQeIdentity } from './qeIdentity.ts'
import type { Tee } from './quote.ts'
import { checkIssue, parseSignedJson, type SignedJson, verifySignedJson } from './signedJson.ts'
import { readTcbInfo, type TcbInfo } from './tcbInfo.ts'

/** Without all of these nothing is said of a platform's status; the CRL's chain is needed where its issuer is not in the quote. */
const REQUIRED = [
  'intel/root-crl',
  'intel/pck-crl',
  'intel/tcb-info',
  'intel/tcb-info-chain',
  'intel/qe-identity',
  'intel/qe-identity-chain',
] as const satisfies readonly CollateralItem[]

const TCB_INFO = 'tcbInfo'
const QE_IDENTITY = 'enclaveIdentity'

/** Whether the bundle holds anything about the platform's status. */
export const hasIntelCollateral = (collateral: Collateral): boolean =>
  REQUIRED.some((item) => collateral.has(item)) || collateral.has('intel/pck-crl-chain')

/** Intel's collateral for one quote, read. */
export interface ReadCollateral {
  readonly rootCrl: RevocationList
  readonly pckCrl: RevocationList
  /** Root first; the quote's own CA where the bundle names no other. */
  readonly pckCa: readonly Certificate[]
  readonly tcbInfo: TcbInfo
  readonly signedTcbInfo: SignedJson
  readonly tcbSigner: readonly Certificate[]
  readonly qeIdentity: QeIdentity
  readonly signedQeIdentity: SignedJson
  readonly qeSigner: readonly Certificate[]
}

/** Structure alone, and that all is there: `collateral-missing`, `malformed-collateral`, `malformed-crl`, codes of chains. */
export function readCollateral(
  collateral: Collateral,
  pck: readonly Certificate[],
  chains: Chains,
  tee: Tee,
): Result<ReadCollateral, AttestationError> {
  const items: Partial<Record<CollateralItem, Uint8Array>> = Object.fromEntries(collateral)
  const missing = REQUIRED.filter((item) => !collateral.has(item))
  const bytesOf = (item: CollateralItem): Uint8Array => items[item] ?? new Uint8Array(0)
  if (missing.length > 0) return refuse('collateral-missing', REQUIRED.join(', '), `no ${missing.join(', ')}`)

  const rootCrl = parseRevocationList(bytesOf('intel/root-crl'))
  if (!rootCrl.ok) return rootCrl
  const pckCrl = parseRevocationList(bytesOf('intel/pck-crl'))
  if (!pckCrl.ok) return pckCrl
  const signedTcbInfo = parseSignedJson(bytesOf('intel/tcb-info'), TCB_INFO)
  if (!signedTcbInfo.ok) return signedTcbInfo
  const tcbInfo = readTcbInfo(signedTcbInfo.value.body, tee)
  if (!tcbInfo.ok) return tcbInfo
  const signedQeIdentity = parseSignedJson(bytesOf('intel/qe-identity'), QE_IDENTITY)
  if (!signedQeIdentity.ok) return signedQeIdentity
  const qeIdentity = readQeIdentity(signedQeIdentity.value.body, tee)
  if (!qeIdentity.ok) return qeIdentity

  const named = items['intel/pck-crl-chain']
  const pckCa = named === undefined ? ok(pck.slice(0, -1)) : chains.read(named, 2, 'malformed-collateral')
  if (!pckCa.ok) return pckCa
  const tcbSigner = chains.read(bytesOf('intel/tcb-info-chain'), 2, 'malformed-collateral')
  if (!tcbSigner.ok) return tcbSigner
  const qeSigner = chains.read(bytesOf('intel/qe-identity-chain'), 2, 'malformed-collateral')
  if (!qeSigner.ok) return qeSigner
  return ok({
    rootCrl: rootCrl.value,
    pckCrl: pckCrl.value,
    pckCa: pckCa.value,
    tcbInfo: tcbInfo.value,
    signedTcbInfo: signedTcbInfo.value,
    tcbSigner: tcbSigner.value,
    qeIdentity: qeIdentity.value,
    signedQeIdentity: signedQeIdentity.value,
    qeSigner: qeSigner.value,
  })
}

/**
 * Dates, floor, chains, lists and signatures of the collateral, and that no certificate in use is revoked. Codes:
 * `collateral-not-yet-valid`, `collateral-expired`, `collateral-below-floor`, `bad-collateral-signature`,
 * `crl-issuer-mismatch`, `crl-not-yet-valid`, `crl-expired`, `bad-crl-signature`, `certificate-revoked` and those of chains.
 */
export async function verifyCollateral(
  read: ReadCollateral,
  pck: readonly Certificate[],
  chains: Chains,
  { now, policy, crypto }: VerifierContext,
): Promise<Result<undefined, AttestationError>> {
  const rules = { at: now, floor: policy.tcbFloors.tcbEvaluationDataNumber }
  const dated = checkIssue(read.tcbInfo, TCB_INFO, rules)
  if (!dated.ok) return dated
  const identityDated = checkIssue(read.qeIdentity, QE_IDENTITY, rules)
  if (!identityDated.ok) return identityDated

  const lists = await verifyLists(read, pck, chains, now, crypto)
  if (!lists.ok) return lists
  for (const chain of [read.tcbSigner, read.qeSigner]) {
    const verified = await chains.verify(chain)
    if (!verified.ok) return verified
    for (const certificate of chain) {
      const standing = checkRevocation(certificate, read.rootCrl)
      if (!standing.ok) return standing
    }
  }
  const [tcbSigner, qeSigner] = [read.tcbSigner.at(-1), read.qeSigner.at(-1)]
  if (tcbSigner === undefined || qeSigner === undefined) return refuse('malformed-collateral', 'two signers', 'none')
  const info = await verifySignedJson(read.signedTcbInfo, tcbSigner, TCB_INFO, crypto)
  if (!info.ok) return info
  return verifySignedJson(read.signedQeIdentity, qeSigner, QE_IDENTITY, crypto)
}

/** The root's list holds for every CA, the CA's for the PCK certificate; both are their issuers' own, and in force. */
async function verifyLists(
  { rootCrl, pckCrl, pckCa }: ReadCollateral,
  pck: readonly Certificate[],
  chains: Chains,
  now: number,
  crypto: VerifierContext['crypto'],
): Promise<Result<undefined, AttestationError>> {
  const [root, ca, leaf] = pck
  const issuer = pckCa.at(-1)
  if (root === undefined || ca === undefined || leaf === undefined || issuer === undefined)
    return refuse('malformed-collateral', 'a PCK chain of three', String(pck.length))
  if (!equalBytes(issuer.subject, ca.subject) || !equalBytes(issuer.spki, ca.spki))
    return refuse('crl-issuer-mismatch', `a list of ${nameText(ca.subject)}`, nameText(issuer.subject))
  const own = await verifyRevocationList(rootCrl, root, now, crypto)
  if (!own.ok) return own
  if (issuer !== ca) {
    const verified = await chains.verify(pckCa, 'ca')
    if (!verified.ok) return verified
  }
  const below = await verifyRevocationList(pckCrl, issuer, now, crypto)
  if (!below.ok) return below
  for (const certificate of [root, ca, issuer]) {
    const standing = checkRevocation(certificate, rootCrl)
    if (!standing.ok) return standing
  }
  return checkRevocation(leaf, pckCrl)
}

/** Milliseconds since 1970: the first of the collateral to run out. */
export const collateralEnd = (read: ReadCollateral): number =>
  Math.min(
    read.rootCrl.nextUpdate,
    read.pckCrl.nextUpdate,
    read.tcbInfo.nextUpdate,
    read.qeIdentity.nextUpdate,
    chainEnd(read.pckCa),
    chainEnd(read.tcbSigner),
    chainEnd(read.qeSigner),
  )
