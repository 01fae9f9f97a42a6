import type { BodyLayout, Tee } from '../../src/attestation/dcap/quote.ts'
import {
  type CollateralItem,
  devnetPolicy,
  type EvidencePolicy,
  encodeCollateral,
  type TrustRoot,
  trustRoot,
  type VerifierContext,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { simulatedQeIdentity, simulatedTcbInfo } from '../../src/attestation/simulated/intelCollateral.ts'
import {
  INTEL_ROLES,
  type IntelInit,
  type IntelKeys,
  type IntelRole,
  intelCertificate,
  intelList,
  intelNames,
  intelPem,
  signIntelJson,
} from '../../src/attestation/simulated/intelPki.ts'
import {
  describeBody,
  encodeEnclaveReport,
  encodeQuoteHeader,
  encodeTdReport,
  type QuoteRequest,
  SIMULATED_QE,
  signQuote,
} from '../../src/attestation/simulated/intelQuote.ts'
import type { WebKey } from '../../src/attestation/webcrypto.ts'
import {
  type CertificateRequest,
  generateP256,
  issueCertificate,
  issueRevocationList,
  type RevocationListRequest,
} from '../../src/attestation/x509/issue.ts'
import { bytesToHex } from '../../src/protocol/index.ts'
import { crypto, NOW, REPORT_DATA, subtle } from './nitroMint.ts'

export { crypto, NOW, subtle } from './nitroMint.ts'
export const DAY = 86_400_000

/** Where a minted quote or its collateral departs from a good one. */
export interface IntelDeviation {
  readonly version?: 3 | 4 | 5
  /** Of a version 5 quote; `td15` where it does not say. */
  readonly layout?: BodyLayout
  /** Applied to header and body before anything is signed. */
  readonly header?: (bytes: Uint8Array) => void
  readonly descriptor?: (bytes: Uint8Array) => void
  readonly body?: (bytes: Uint8Array) => void
  readonly qeReport?: (bytes: Uint8Array) => void
  readonly quote?: (request: QuoteRequest) => QuoteRequest
  /** Applied to the finished document. */
  readonly document?: (bytes: Uint8Array) => Uint8Array
  readonly certificate?: (request: CertificateRequest, role: IntelRole) => CertificateRequest
  readonly list?: (request: RevocationListRequest, role: 'root' | 'ca') => RevocationListRequest
  readonly tcbInfo?: (body: Record<string, unknown>) => void
  readonly qeIdentity?: (body: Record<string, unknown>) => void
  /** Who signs collateral instead of its signer. */
  readonly jsonKey?: WebKey
  readonly items?: (items: Map<CollateralItem, Uint8Array>, certificates: Certificates) => void
}

export type Certificates = Readonly<Record<IntelRole, Uint8Array>>
export interface MintedEvidence {
  readonly kind: Tee
  readonly document: Uint8Array
  readonly collateral: Uint8Array
}

export interface IntelMint {
  readonly root: TrustRoot
  readonly intel: IntelInit
  readonly certificates: Certificates
  /** The DER of one certificate with a deviation, the others as they are. */
  issue(role: IntelRole, change?: IntelDeviation['certificate']): Promise<Uint8Array>
  mint(deviation?: IntelDeviation): Promise<MintedEvidence>
}

const serialOf = (role: IntelRole): Uint8Array => new Uint8Array(16).fill(0x41 + INTEL_ROLES.indexOf(role))

/** Intel's whole scheme under a throw-away root, taken apart so that every part can be wrong. */
export async function createIntelMint(tee: Tee): Promise<IntelMint> {
  const pairs = await Promise.all(INTEL_ROLES.map(() => generateP256(subtle)))
  const attestationKeys = await generateP256(subtle)
  const intel: IntelInit = {
    names: intelNames('test'),
    keys: Object.fromEntries(INTEL_ROLES.map((role, at) => [role, pairs[at]])) as IntelKeys,
    serials: Object.fromEntries(INTEL_ROLES.map((role) => [role, serialOf(role)])) as IntelInit['serials'],
    platform: {
      ppid: new Uint8Array(16).fill(0x1d),
      fmspc: Uint8Array.of(0xb0, 0xc0, 0x6f, 0, 0, 0),
      components: [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
      pcesvn: 11,
    },
    now: NOW,
  }
  const issue: IntelMint['issue'] = (role, change) => {
    const usual = intelCertificate(role, intel)
    return issueCertificate(change?.(usual, role) ?? usual, subtle)
  }
  const ders = await Promise.all(INTEL_ROLES.map((role) => issue(role)))
  const certificates = Object.fromEntries(INTEL_ROLES.map((role, at) => [role, ders[at]])) as Certificates

  const issueAll = async ({ certificate }: IntelDeviation): Promise<Certificates> => {
    if (certificate === undefined) return certificates
    const changed = await Promise.all(INTEL_ROLES.map((role) => issue(role, certificate)))
    const kept = (role: IntelRole): boolean => {
      const usual = intelCertificate(role, intel)
      return certificate(usual, role) === usual
    }
    const chosen = INTEL_ROLES.map((role, at) => [role, kept(role) ? certificates[role] : changed[at]])
    return Object.fromEntries(chosen) as Certificates
  }

  const document = async (deviation: IntelDeviation, { root, ca, pck }: Certificates): Promise<Uint8Array> => {
    const version = deviation.version ?? (tee === 'sgx' ? 3 : 4)
    const layout = deviation.layout ?? (tee === 'sgx' ? 'sgx' : version === 5 ? 'td15' : 'td10')
    const padded = new Uint8Array(64)
    padded.set(REPORT_DATA)
    const body =
      layout === 'sgx'
        ? encodeEnclaveReport(
            { ...SIMULATED_QE.sgx, attributes: Uint8Array.of(5, ...new Uint8Array(15)) },
            new Uint8Array(32).fill(7),
            padded,
          )
        : encodeTdReport(layout, { mrtd: new Uint8Array(48).fill(7), rtmrs: [], reportData: padded })
    const header = encodeQuoteHeader(version, tee)
    const descriptor = version === 5 ? describeBody(layout, body) : new Uint8Array(0)
    deviation.header?.(header)
    deviation.descriptor?.(descriptor)
    deviation.body?.(body)
    const request: QuoteRequest = {
      version,
      signed: new Uint8Array(Buffer.concat([header, descriptor, body])),
      attestationKeys,
      qeReport: (reportData) => {
        const report = encodeEnclaveReport(SIMULATED_QE[tee], new Uint8Array(32), reportData)
        deviation.qeReport?.(report)
        return report
      },
      qeAuthData: new Uint8Array(32).fill(9),
      pckKey: intel.keys.pck.privateKey,
      certification: { type: 5, data: intelPem(pck, ca, root) },
    }
    const quote = await signQuote(deviation.quote?.(request) ?? request, subtle)
    return deviation.document?.(quote) ?? quote
  }

  const collateral = async (deviation: IntelDeviation, issued: Certificates): Promise<Uint8Array> => {
    const { root, ca, signer } = issued
    const list = (role: 'root' | 'ca'): Promise<Uint8Array> => {
      const usual = intelList(role, intel)
      return issueRevocationList(deviation.list?.(usual, role) ?? usual, subtle)
    }
    const info = simulatedTcbInfo(tee, intel.platform, NOW)
    deviation.tcbInfo?.(info)
    const identity = simulatedQeIdentity(tee, NOW)
    deviation.qeIdentity?.(identity)
    const key = deviation.jsonKey ?? intel.keys.signer.privateKey
    const items = new Map<CollateralItem, Uint8Array>([
      ['intel/root-crl', await list('root')],
      ['intel/pck-crl', await list('ca')],
      ['intel/pck-crl-chain', intelPem(ca, root)],
      ['intel/tcb-info', await signIntelJson('tcbInfo', info, key, subtle)],
      ['intel/tcb-info-chain', intelPem(signer, root)],
      ['intel/qe-identity', await signIntelJson('enclaveIdentity', identity, key, subtle)],
      ['intel/qe-identity-chain', intelPem(signer, root)],
    ])
    deviation.items?.(items, issued)
    return encodeCollateral(items)
  }

  return {
    root: trustRoot('test', 'intel', certificates.root),
    intel,
    certificates,
    issue,
    async mint(deviation = {}) {
      const issued = await issueAll(deviation)
      return {
        kind: tee,
        document: await document(deviation, issued),
        collateral: await collateral(deviation, issued),
      }
    },
  }
}

/** Without collateral nothing tells the status; the tests that leave it out accept that. */
export const LENIENT: EvidencePolicy = { ...devnetPolicy(), tcbStatuses: ['UpToDate', 'Unknown'] }

export const contextFor = (mint: Pick<IntelMint, 'root'>, over: Partial<VerifierContext> = {}): VerifierContext => ({
  now: NOW,
  policy: devnetPolicy(),
  expectedReportData: REPORT_DATA,
  trustRoots: [mint.root],
  crypto,
  ...over,
})

/** `accept`, or the error's code. */
export async function judgeIntel(
  evidence: Parameters<typeof verifyEvidence>[0],
  context: VerifierContext,
): Promise<string> {
  const verdict = await verifyEvidence(evidence, context)
  return verdict.ok ? 'accept' : verdict.error.code
}

/** The first level of `tcbLevels`, to change. */
export function firstLevel(body: Record<string, unknown>): Record<string, unknown> {
  const [level] = body.tcbLevels as Record<string, unknown>[]
  if (level === undefined) throw new RangeError('expected a level')
  return level
}

export const hexText = (bytes: Uint8Array): string => bytesToHex(bytes).slice(2)
