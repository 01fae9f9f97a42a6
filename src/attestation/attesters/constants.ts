/** Bytes of a report: quotes of TDX are 8 kB; a greater one would not fit the wire's `evidenceDocument`. */
export const MAX_TSM_OUTBLOB_BYTES = 65_536
/** Bytes of an attribute that is text: a provider's name or a number. */
export const MAX_TSM_TEXT_BYTES = 4_096
/** Attempts for one report; the longest waits between them add up to 3.6 s. */
export const TSM_ATTEMPTS = 8
/** Milliseconds before the second attempt; doubled each time. */
export const TSM_FIRST_WAIT_MS = 50
export const TSM_LONGEST_WAIT_MS = 1_000
/** Bytes of the certificates an SNP host hands over: three of at most 2 kB, and a revocation list. */
export const MAX_SNP_TABLE_BYTES = 65_536
export const MAX_SNP_TABLE_ENTRIES = 16
/** Bytes a helper program of the Nitro security module may write: a document in hex or base64. */
export const MAX_NSM_OUTPUT_BYTES = 65_536
/** Milliseconds until a helper program or the guest agent must have answered. */
export const NSM_TIMEOUT_MS = 10_000
export const DSTACK_TIMEOUT_MS = 30_000
/** Collecting evidence of eight GPUs takes seconds. */
export const GPU_TOOL_TIMEOUT_MS = 60_000
/** Bytes of a guest agent's answer, a quote in hex and its event log: as many as the wire's `evidenceDocument` takes. */
export const MAX_DSTACK_ANSWER_BYTES = 65_536
/** Bytes of what the GPU tool prints: 12 kB of evidence and chain for each device. */
export const MAX_GPU_TOOL_OUTPUT_BYTES = 1_048_576
/** Bytes of the evidence of all GPUs: as many as the wire's `gpuDocument` takes. */
export const MAX_GPU_DOCUMENT_BYTES = 163_840
/** GPUs of one machine. */
export const MAX_GPUS = 16
