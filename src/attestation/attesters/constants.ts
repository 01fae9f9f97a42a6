/** Bytes of a report from configfs-tsm: quotes of TDX are 8 kB, with all its collateral below 128 kB (Linux 6.17). */
export const MAX_TSM_OUTBLOB_BYTES = 131_072
/** Bytes of an attribute that is text: a provider's name or a number. */
export const MAX_TSM_TEXT_BYTES = 4_096
/** Attempts for one report; the longest waits between them add up to 3 s. */
export const TSM_ATTEMPTS = 8
/** Milliseconds before the second attempt; doubled each time. */
export const TSM_FIRST_WAIT_MS = 50
export const TSM_LONGEST_WAIT_MS = 1_000
/** Bytes of the certificates an SNP host hands over: three of at most 2 kB, and a revocation list. */
export const MAX_SNP_TABLE_BYTES = 65_536
export const MAX_SNP_TABLE_ENTRIES = 16
/** Bytes a helper program of the Nitro security module may write: a document in hex, or as a list of numbers. */
export const MAX_NSM_OUTPUT_BYTES = 65_536
/** Milliseconds until a helper program or the guest agent must have answered. */
export const NSM_TIMEOUT_MS = 10_000
export const DSTACK_TIMEOUT_MS = 30_000
/** Collecting evidence of eight GPUs takes seconds. */
export const GPU_TOOL_TIMEOUT_MS = 60_000
/** Bytes of a guest agent's answer: a quote in hex and its event log. */
export const MAX_DSTACK_ANSWER_BYTES = 262_144
/** Bytes of what the GPU tool prints: 12 kB of evidence and chain for each device. */
export const MAX_GPU_TOOL_OUTPUT_BYTES = 1_048_576
/** GPUs of one machine. */
export const MAX_GPUS = 16
