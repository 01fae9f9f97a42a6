import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { concatBytes, equalBytes, isZero } from '../bytes.ts'
import type { Collateral } from '../collateral.ts'
import { type AttestationError, refuse } from '../errors.ts'
import { parseCcel } from '../eventlog/ccel.ts'
import { checkReplay } from '../eventlog/replay.ts'
import type { AuthenticEvidence, Check, EvidenceVerifier, TcbStatus, VerifierContext } from '../evidence.ts'
import { pointSpki } from '../x509/algorithms.ts'
import { type Certificate, nameText } from '../x509/certificate.ts'
import { chainEnd } from '../x509/chain.ts'
import { type Chains, intelChains } from './chains.ts'
import {
  collateralEnd,
  hasIntelCollateral,
  type ReadCollateral,
  readCollateral,
  verifyCollateral,
} from './collateral.ts'
import type { Appraisal } from './fields.ts'
import { type PckPlatform, pckPlatform } from './pck.ts'
import { appraiseQe } from './qeIdentity.ts'
import { parseQuote, type Quote, type Tee } from './quote.ts'
import { checkTrustDomain, claimsOf, enclaveReport } from './reports.ts'
import { appraiseModule, appraisePlatform, convergeStatus } from './tcbLevels.ts'

/**
 * A quote of an Intel trust domain, version 4 or 5, or a simulated one in the same form (R6): DCAP in full where the
 * bundle holds Intel's collateral; without any, everything the quote itself can show, with status `Unknown`. Chain and
 * collateral must hold at `context.now`.
 */
export const verifyTdx: EvidenceVerifier = (evidence, context) => verifyDcap('tdx', evidence, context)

/** The same for an SGX enclave's quote, version 3, 4 or 5. */
export const verifySgx: EvidenceVerifier = (evidence, context) => verifyDcap('sgx', evidence, context)

type Verdict = Result<AuthenticEvidence, AttestationError>

async function verifyDcap(
  tee: Tee,
  { document, collateral }: Parameters<EvidenceVerifier>[0],
  context: VerifierContext,
): Promise<Verdict> {
  const parsed = parseQuote(document, tee)
  if (!parsed.ok) return parsed
  const quote = parsed.value
  const chains = intelChains(context)
  const pck = readPckChain(quote, collateral, chains)
  if (!pck.ok) return pck
  const leaf = pck.value.at(-1)
  if (leaf === undefined || chains.root === undefined) return refuse('malformed-evidence', 'a PCK certificate', 'none')
  const platform = pckPlatform(leaf)
  if (!platform.ok) return platform
  const judged = hasIntelCollateral(collateral)
  const read = judged ? readCollateral(collateral, pck.value, chains, tee) : ok(undefined)
  if (!read.ok) return read
  const bound = checkAttestationKey(quote, context)
  if (!bound.ok) return bound
  const claims = claimsOf(quote)
  const logged =
    tee === 'tdx' ? checkFirmwareLog(collateral.get('tdx/event-log'), claims.measurements, context) : NO_LOG
  if (!logged.ok) return logged

  const chained = await chains.verify(pck.value)
  if (!chained.ok) return chained
  if (read.value !== undefined) {
    const held = await verifyCollateral(read.value, pck.value, chains, context)
    if (!held.ok) return held
  }
  const signed = await verifySignatures(quote, leaf, context)
  if (!signed.ok) return signed

  if (!claims.debug) {
    const domain = checkTrustDomain(quote, context.policy)
    if (!domain.ok) return domain
  }
  const tcb = read.value === undefined ? ok(UNKNOWN) : appraiseTcb(quote, platform.value, read.value)
  if (!tcb.ok) return tcb
  return ok({
    ...chains.root,
    ...claims,
    publicKey: undefined,
    nonce: undefined,
    instanceId: `ppid-${bytesToHex(platform.value.ppid).slice(2)}`,
    tcbStatus: tcb.value.status,
    advisories: tcb.value.advisories,
    issuedAt: undefined,
    expiresAt: Math.min(chainEnd(pck.value), read.value === undefined ? Infinity : collateralEnd(read.value)),
    ...coverageOf(tee, { judged: read.value !== undefined, logged: logged.value }, context),
  })
}

const NO_LOG = ok(false)
/** Firmware and boot loader extend these; the fourth is the running system's. */
const FIRMWARE_REGISTERS = [0, 1, 2]

/** Whether there is a log, which then must lead to the measured registers. */
function checkFirmwareLog(
  log: Uint8Array | undefined,
  measurements: AuthenticEvidence['measurements'],
  { crypto }: VerifierContext,
): Result<boolean, AttestationError> {
  if (log === undefined) return NO_LOG
  const extensions = parseCcel(log)
  if (!extensions.ok) return extensions
  const replayed = checkReplay(extensions.value, measurements, FIRMWARE_REGISTERS, crypto)
  return replayed.ok ? ok(true) : replayed
}

/** The quote's own chain, else the bundle's: quotes may name their PCK certificate without carrying it. */
function readPckChain(
  quote: Quote,
  collateral: Collateral,
  chains: Chains,
): Result<readonly Certificate[], AttestationError> {
  if (quote.pckChain !== undefined) return chains.read(quote.pckChain, 3, 'malformed-evidence')
  const given = collateral.get('intel/pck-chain')
  if (given === undefined) return refuse('collateral-missing', 'intel/pck-chain, which the quote leaves out', 'none')
  return chains.read(given, 3, 'malformed-collateral')
}

/** The quoting enclave vouches for its attestation key by hash, in its own report. */
function checkAttestationKey(quote: Quote, { crypto }: VerifierContext): Result<undefined, AttestationError> {
  const expected = crypto.digest('sha256', concatBytes(quote.attestationKey, quote.qeAuthData))
  const { reportData } = enclaveReport(quote.qeReport)
  if (equalBytes(reportData.subarray(0, 32), expected) && isZero(reportData.subarray(32))) return ok(undefined)
  return refuse('attestation-key-mismatch', `${bytesToHex(expected)} and zeros`, bytesToHex(reportData))
}

async function verifySignatures(
  quote: Quote,
  pck: Certificate,
  { crypto }: VerifierContext,
): Promise<Result<undefined, AttestationError>> {
  if (!(await crypto.verify('ES256', pck.spki, quote.qeReportSignature, quote.qeReport)))
    return refuse('bad-signature', `a QE report signed by ${nameText(pck.subject)}`, 'another signature')
  const key = pointSpki('P-256', quote.attestationKey)
  if (await crypto.verify('ES256', key, quote.signature, quote.signed)) return ok(undefined)
  return refuse('bad-signature', 'a quote signed by its attestation key', 'another signature')
}

const UNKNOWN: Appraisal = { status: 'Unknown', advisories: [] }

/** Platform, TDX module and quoting enclave together: `qe-identity-mismatch`, `tdx-module-mismatch`, `collateral-mismatch`, `tcb-level-not-found`. */
function appraiseTcb(
  quote: Quote,
  platform: PckPlatform,
  { tcbInfo, qeIdentity }: ReadCollateral,
): Result<Appraisal, AttestationError> {
  const qe = appraiseQe(enclaveReport(quote.qeReport), qeIdentity)
  if (!qe.ok) return qe
  const module = quote.layout === 'sgx' ? ok(undefined) : appraiseModule(tcbInfo, quote)
  if (!module.ok) return module
  const level = appraisePlatform(platform, tcbInfo, quote)
  if (!level.ok) return level
  const parts = module.value === undefined ? [level.value, qe.value] : [level.value, module.value, qe.value]
  const status: TcbStatus = convergeStatus(parts.map((part) => part.status))
  return ok({ status, advisories: [...new Set(parts.flatMap((part) => part.advisories))] })
}

function coverageOf(
  tee: Tee,
  { judged, logged }: { readonly judged: boolean; readonly logged: boolean },
  { policy }: VerifierContext,
): { readonly checked: readonly Check[]; readonly notChecked: readonly Check[] } {
  const always: Check[] = ['structure', 'trust-root', 'certificate-chain', 'signature']
  if (logged) always.push('event-log')
  const withCollateral: Check[] = ['certificate-revocation', 'tcb', 'qe-identity']
  if (tee === 'tdx') withCollateral.push('tdx-module')
  if (!judged) return { checked: always, notChecked: withCollateral }
  if (policy.tcbFloors.tcbEvaluationDataNumber > 0) withCollateral.push('tcb-floor')
  return { checked: [...always, ...withCollateral], notChecked: [] }
}
