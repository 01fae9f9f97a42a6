import { type Digest, EVIDENCE_KIND, type EvidenceKind, H, type Hex, keccak, type Result } from '../protocol/index.ts'
import type { Assurance } from './assurance.ts'
import type { Collateral } from './collateral.ts'
import type { AttestationCrypto } from './crypto.ts'
import { type AttestationError, mismatch } from './errors.ts'
import type { EvidencePolicy } from './policy.ts'
import type { AdmittedRoot, TrustRoot } from './trustRoots.ts'

/** Statements of a cloud's verifier: they are read and judged, but stand behind no grant. */
export const TOKEN_KINDS = ['nras', 'maa', 'gcp'] as const
export type TokenKind = (typeof TOKEN_KINDS)[number]

/** Everything that can be appraised. */
export type DocumentKind = EvidenceKind | TokenKind

/** Evidence as it came: the members of the protocol's `Evidence` that a verifier reads. */
export interface EvidenceInput {
  readonly kind: DocumentKind
  readonly document: Uint8Array
  /** A bundle, see `encodeCollateral`; none where the document carries all there is. */
  readonly collateral?: Uint8Array
}

/** One document with its bundle read. */
export interface ParsedEvidence {
  readonly kind: DocumentKind
  readonly document: Uint8Array
  readonly collateral: Collateral
}

/** Bytes of the report data field of each kind (R5): shorter hashes are padded on the right with zeros. */
export const REPORT_DATA_BYTES: Readonly<Record<DocumentKind, number>> = {
  nitro: 32,
  tdx: 64,
  sgx: 64,
  'sev-snp': 64,
  'azure-snp-vtpm': 32,
  'azure-tdx-vtpm': 32,
  'tdx-dstack': 64,
  'nvidia-gpu': 32,
  'nvidia-switch': 32,
  nras: 32,
  maa: 32,
  gcp: 32,
}

/** What a verifier looked at, or must admit it did not. */
export const CHECKS = [
  'structure',
  'trust-root',
  'certificate-chain',
  'certificate-revocation',
  'signature',
  'not-debug',
  'measurements',
  'report-data',
  'freshness',
  'hardware',
  /** Security versions against what the vendor publishes, or against the policy's floor. */
  'tcb',
  'tcb-floor',
  'qe-identity',
  'tdx-module',
  /** Registers recomputed from the event log. */
  'event-log',
  /** The virtual TPM's key and its quote under the hardware report. */
  'vtpm',
  'compose',
  /** The firmware that the device's certificate is for, and the firmware it reports. */
  'fwid',
  /** Reference measurements of driver and firmware. */
  'rim',
  'ocsp',
  /** Claims are the cloud verifier's word: the hardware evidence behind them was not seen. */
  'underlying-evidence',
  'gpu-cpu-binding',
  'gpu-cpu-colocation',
] as const
export type Check = (typeof CHECKS)[number]

/** Intel's statuses (PCS API v4), which other vendors' are mapped to; `Unknown` without collateral. */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
  'Unknown',
] as const
export type TcbStatus = (typeof TCB_STATUSES)[number]

export interface VerifierContext {
  /** Milliseconds since 1970 to appraise at: a grant's `notBefore` for its evidence, the clock for a live exchange. */
  readonly now: number
  readonly trustRoots: readonly TrustRoot[]
  /** The 32 bytes the evidence must speak for (R5). Without them the policy must say `allowUnbound`. */
  readonly expectedReportData?: Uint8Array
  /** Milliseconds since 1970 of the block that the report data names: the age of formats without a time of their own. */
  readonly boundAt?: number
  readonly policy: EvidencePolicy
  readonly crypto: AttestationCrypto
}

/** Claims of one piece of evidence whose signature and chain hold, before binding, age and measurements are judged. */
export interface AuthenticEvidence extends AdmittedRoot {
  /** Registers by name, e.g. `pcr0`, `mrtd`, `measurement`. */
  readonly measurements: Readonly<Record<string, Hex>>
  /** Whether others can read its memory; undefined where nothing that was checked tells. */
  readonly debug: boolean | undefined
  readonly reportData: Uint8Array
  readonly publicKey: Uint8Array | undefined
  readonly nonce: Uint8Array | undefined
  /** The machine, chip or enclave as the vendor names it, e.g. chip id, PPID, ueid; never derived from signature bytes. */
  readonly instanceId: string
  /** Undefined for formats without security versions. */
  readonly tcbStatus: TcbStatus | undefined
  /** Vendor's advisories that the status rests on, e.g. `INTEL-SA-00289`. */
  readonly advisories: readonly string[]
  /** Milliseconds since 1970: the evidence's own signed time, where it has one. */
  readonly issuedAt: number | undefined
  /** Milliseconds since 1970: the end of the shortest-lived certificate or collateral. */
  readonly expiresAt: number
  readonly checked: readonly Check[]
  readonly notChecked: readonly Check[]
}

/** One format: structure, trust root, chain, signature and collateral. */
export type EvidenceVerifier = (
  evidence: ParsedEvidence,
  context: VerifierContext,
) => Promise<Result<AuthenticEvidence, AttestationError>>

/** How old the evidence is, and how that is known. */
export type Freshness =
  | { readonly basis: 'signed-time' | 'bound-block'; readonly at: number; readonly ageMs: number }
  | { readonly basis: 'none' }

export interface EvidenceVerdict {
  readonly kind: DocumentKind
  /** R6: from the trust root that matched. */
  readonly assurance: Assurance
  readonly root: AdmittedRoot['root']
  readonly measurements: Readonly<Record<string, Hex>>
  readonly reportData: Hex
  readonly keyBinding: {
    /** Whether `expectedReportData`, which commits to the peer's keys, was found in the evidence. */
    readonly reportData: 'matched' | 'not-checked'
    /** The format's own key and nonce fields, where it has them; bound by the signature, not compared. */
    readonly publicKey: Hex | undefined
    readonly nonce: Hex | undefined
  }
  readonly instanceId: string
  readonly tcbStatus: TcbStatus | undefined
  readonly advisories: readonly string[]
  readonly freshness: Freshness
  readonly expiresAt: number
  readonly checked: readonly Check[]
  readonly notChecked: readonly Check[]
}

/** The id of evidence (R3): over its kind and bytes. Two encodings of one claim have two ids. */
export const evidenceDigest = (kind: EvidenceKind, document: Uint8Array): Digest =>
  H('OPG/evidence/1', EVIDENCE_KIND[kind], keccak(document))

/** Bytes of the hash that evidence binds (R5). */
const REPORT_DATA_HASH_BYTES = 32

/** The 32 bytes of `reportData`, padded on the right with zeros to the length of the kind's field (R5). Throws `bad-report-data`. */
export function padReportData(kind: DocumentKind, reportData: Uint8Array): Uint8Array {
  if (reportData.length !== REPORT_DATA_HASH_BYTES)
    throw mismatch('bad-report-data', `${REPORT_DATA_HASH_BYTES} bytes`, `${reportData.length} bytes`)
  const padded = new Uint8Array(REPORT_DATA_BYTES[kind])
  padded.set(reportData)
  return padded
}
