import { ASSURANCE, type AssuranceName, type EvidenceKind, ok, type Result } from '../protocol/index.ts'
import { type AttestationError, refuse } from './errors.ts'
import type { Check, EvidenceInput, EvidenceVerdict, VerifierContext } from './evidence.ts'
import { verifyEvidence } from './verifyEvidence.ts'

/** Formats that can stand behind a grant alone: they attest the processor that holds the session key (R5). */
export const GRANT_KINDS = [
  'nitro',
  'tdx',
  'sgx',
  'sev-snp',
  'azure-snp-vtpm',
  'azure-tdx-vtpm',
  'tdx-dstack',
] as const satisfies readonly EvidenceKind[]

/** What a grant's evidence is worth as a whole (R5, R6). */
export interface PeerVerdict {
  readonly assurance: AssuranceName
  /** The evidence whose report data binds the session key. */
  readonly cpu: EvidenceVerdict
  readonly checked: readonly Check[]
  readonly notChecked: readonly Check[]
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** R5: the evidence of a grant. A GPU's report alone, or a cloud's statement, binds no session key and is refused. */
export async function verifyPeerEvidence(
  evidence: EvidenceInput,
  context: VerifierContext,
): Promise<Result<PeerVerdict, AttestationError>> {
  if (!GRANT_KINDS.some((kind) => kind === evidence.kind))
    return refuse('unsupported-kind', GRANT_KINDS.join(', '), evidence.kind)
  const cpu = await verifyEvidence(evidence, context)
  if (!cpu.ok) return cpu
  const { assurance, checked, notChecked, expiresAt } = cpu.value
  if (!isAssuranceName(assurance)) return refuse('assurance-refused', Object.keys(ASSURANCE).join(', '), assurance)
  return ok({ assurance, cpu: cpu.value, checked, notChecked, expiresAt })
}

const isAssuranceName = (assurance: string): assurance is AssuranceName => Object.hasOwn(ASSURANCE, assurance)
