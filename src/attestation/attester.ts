import type { EvidenceKind } from '../protocol/index.ts'

/** A document as a machine made it, with what a verifier needs besides. */
export interface Attestation {
  readonly document: Uint8Array
  /** A bundle (`encodeCollateral`), empty where nothing travels with the document. */
  readonly collateral: Uint8Array
}

/** Makes evidence about the process it runs beside. */
export interface Attester {
  readonly kind: EvidenceKind
  /** `reportData` is the 32 bytes of R5; `now` in milliseconds since 1970. */
  attest(reportData: Uint8Array, now: number): Promise<Attestation>
}
