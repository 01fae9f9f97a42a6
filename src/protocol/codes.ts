/** Refusals a provider may answer a job with (R10). A refusal costs nothing. Same strings on the wire, in JSON and docs. */
export const REFUSAL_CODES = [
  'malformed-request',
  'bad-job-signature',
  'wrong-provider',
  'unknown-grant',
  'unknown-model',
  'unknown-terms',
  'expired-terms',
  'wrong-token',
  'unpaid-not-allowed',
  'unknown-channel',
  'tier-not-offered',
  'privacy-not-offered',
  'mode-not-offered',
  'created-in-future',
  'created-too-early',
  'deadline-passed',
  'deadline-too-far',
  'ceiling-too-low',
  'too-many-units',
  'input-too-large',
  'input-hash-mismatch',
  'parameters-hash-mismatch',
  'bad-parameters',
  'input-invalid',
  'seal-required',
  'unsealable',
  'busy',
  'draining',
  'deadline-exceeded',
  'worker-crashed',
  'model-corrupt',
  'cancelled',
  'job-closed',
  'internal',
] as const
export type RefusalCode = (typeof REFUSAL_CODES)[number]

export const isRefusalCode = (text: string): text is RefusalCode => (REFUSAL_CODES as readonly string[]).includes(text)

/** How a stream of one job ended. */
export const OUTCOME_CODES = ['complete', 'truncated', 'accepted', 'rejected', 'undecided'] as const
export type OutcomeCode = (typeof OUTCOME_CODES)[number]
