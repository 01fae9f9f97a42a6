import type { EvidenceKind } from '../protocol/index.ts'

/** Makes evidence about the process it runs beside. */
export interface Attester {
  readonly kind: EvidenceKind
  /** `reportData` is the 32 bytes of R5; `now` in milliseconds since 1970. Returns the document's bytes. */
  attest(reportData: Uint8Array, now: number): Promise<Uint8Array>
}
