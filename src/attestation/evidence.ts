import {
  type AssuranceName,
  type Digest,
  EVIDENCE_KIND,
  type EvidenceKind,
  H,
  type Hex,
  keccak,
  type Result,
} from '../protocol/index.ts'
import { type AttestationError, mismatch } from './errors.ts'
import type { EvidencePolicy } from './policy.ts'
import type { AdmittedRoot, TrustRoot } from './trustRoots.ts'
import type { Subtle } from './webcrypto.ts'

/** Evidence as it came: the members of the protocol's `Evidence` that a verifier reads. */
export interface EvidenceInput {
  readonly kind: EvidenceKind
  readonly document: Uint8Array
  /** What the kind needs besides the document, in that kind's own form; empty for Nitro. */
  readonly collateral?: Uint8Array
}

/** Bytes of the report data field of each kind (R5): shorter hashes are padded on the right with zeros. */
export const REPORT_DATA_BYTES: Readonly<Record<EvidenceKind, number>> = { nitro: 32 }

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
] as const
export type Check = (typeof CHECKS)[number]

export interface VerifierContext {
  /** Milliseconds since 1970 to appraise at: a grant's `notBefore` for its evidence, the clock for a live exchange. */
  readonly now: number
  readonly trustRoots: readonly TrustRoot[]
  /** The 32 bytes the evidence must speak for (R5). Without them the policy must say `allowUnbound`. */
  readonly expectedReportData?: Uint8Array
  readonly policy: EvidencePolicy
  readonly subtle: Subtle
}

/** Claims of one piece of evidence whose signature and chain hold, before binding, age and measurements are judged. */
export interface AuthenticEvidence extends AdmittedRoot {
  /** Registers by name, e.g. `pcr0`. */
  readonly measurements: Readonly<Record<string, Hex>>
  readonly debug: boolean
  readonly reportData: Uint8Array
  readonly publicKey: Uint8Array | undefined
  readonly nonce: Uint8Array | undefined
  readonly instanceId: string
  /** Milliseconds since 1970: the evidence's own time, and the end of its shortest-lived certificate. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly checked: readonly Check[]
  readonly notChecked: readonly Check[]
}

/** One format: structure, trust root, chain and signature. */
export type EvidenceVerifier = (
  evidence: EvidenceInput,
  context: VerifierContext,
) => Promise<Result<AuthenticEvidence, AttestationError>>

export interface EvidenceVerdict {
  readonly kind: EvidenceKind
  /** R6: from the trust root that matched. */
  readonly assurance: AssuranceName
  readonly root: TrustRoot
  readonly measurements: Readonly<Record<string, Hex>>
  readonly reportData: Hex
  readonly keyBinding: {
    /** Whether `expectedReportData`, which commits to the peer's keys, was found in the evidence. */
    readonly reportData: 'matched' | 'not-checked'
    /** The format's own key and nonce fields, where it has them; bound by the signature, not compared. */
    readonly publicKey: Hex | undefined
    readonly nonce: Hex | undefined
  }
  /** The machine or enclave as the vendor names it; never derived from signature bytes. */
  readonly instanceId: string
  readonly issuedAt: number
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
export function padReportData(kind: EvidenceKind, reportData: Uint8Array): Uint8Array {
  if (reportData.length !== REPORT_DATA_HASH_BYTES)
    throw mismatch('bad-report-data', `${REPORT_DATA_HASH_BYTES} bytes`, `${reportData.length} bytes`)
  const padded = new Uint8Array(REPORT_DATA_BYTES[kind])
  padded.set(reportData)
  return padded
}
