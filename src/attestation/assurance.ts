import type { AssuranceName } from '../protocol/index.ts'

/** Tokens rest on the word of the cloud whose verifier signed them: no name of hardware, in no grant. */
export const CLOUD_ASSURANCES = ['verifier-nvidia', 'verifier-azure', 'verifier-google'] as const
export type CloudAssurance = (typeof CLOUD_ASSURANCES)[number]

/** R6: what stands behind a verdict. */
export type Assurance = AssuranceName | CloudAssurance
