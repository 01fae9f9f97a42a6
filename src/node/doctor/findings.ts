import type { EvidenceKind } from '../../protocol/index.ts'

/** From best to worst. */
export const STATUSES = ['ok', 'warn', 'fail'] as const
export type FindingStatus = (typeof STATUSES)[number]

/** One thing that was looked at. */
export interface Finding {
  readonly subject: string
  readonly status: FindingStatus
  readonly found: string
  /** What would help; absent where nothing needs help. */
  readonly todo?: string
}

export const DOCTOR_ATTESTERS = ['dstack', 'configfs-tsm', 'nsm', 'nvidia', 'simulated'] as const

export interface AttesterFinding {
  readonly attester: (typeof DOCTOR_ATTESTERS)[number]
  readonly available: boolean
  /** Of the evidence it makes. */
  readonly kind?: EvidenceKind
  /** By what, or why not. */
  readonly found: string
  readonly todo?: string
}

export const found = (subject: string, status: FindingStatus, text: string, todo?: string): Finding => ({
  subject,
  status,
  found: text,
  ...(todo === undefined ? {} : { todo }),
})

export const worstOf = (findings: readonly Pick<Finding, 'status'>[]): FindingStatus =>
  STATUSES.findLast((status) => findings.some((finding) => finding.status === status)) ?? 'ok'
