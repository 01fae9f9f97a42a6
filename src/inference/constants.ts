/** Canonical input tensors of one job, bytes. Copying more into a worker would stall the sending loop for over 10 ms. */
export const MAX_INPUT_BYTES = 16 * 1024 * 1024

/** Canonical outputs of one job, bytes. An answer is 64 kB chunks; 256 of them. */
export const MAX_OUTPUT_BYTES = 16 * 1024 * 1024

/** Canonical trace tensors of one job, bytes. Same reason as inputs: they cross the same pipe. */
export const MAX_TRACE_BYTES = 16 * 1024 * 1024

/** Files of one model, bytes together: they are read whole, verified, and loaded from memory, never re-read. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1

/** Jobs waiting for a worker. Beyond it the answer is `busy`: a longer queue only turns into missed deadlines. */
export const MAX_QUEUED_JOBS = 1024

/** Bytes of input waiting for a worker. */
export const MAX_QUEUED_BYTES = 256 * 1024 * 1024

/** Jobs in the pipe of one worker. Enough to hide the pipe's latency; each is rerun when the worker dies. */
export const MAX_PIPELINED_JOBS = 32

/** Expected work in one worker's pipe, ms. Jobs longer than this never wait behind another in a pipe. */
export const PIPELINE_BUDGET_MS = 4

/** Weight of the newest run in a model's expected time. */
export const EXPECTED_TIME_WEIGHT = 0.2

/** How long an abandoned run may finish by itself before its worker is killed, ms: a restart costs more than a short wait. */
export const ABANDON_GRACE_MS = 200

/** Runs of one job: the first, and one more, alone in its worker, when the worker died under it. */
export const MAX_ATTEMPTS = 2

/** First and longest wait before a crashed worker is replaced, ms; doubles with every crash in a row. */
export const RESTART_DELAY_MS = 100
export const MAX_RESTART_DELAY_MS = 10_000

/** Start of a worker with its probe, and load of one model, ms. Past it the worker is killed. */
export const START_TIMEOUT_MS = 30_000
export const LOAD_TIMEOUT_MS = 120_000

/** End of a worker's stderr kept to explain a crash, characters. */
export const STDERR_TAIL = 4096

/** Longest delay a timer can hold, ms; a later deadline is checked again when it fires. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** People's input files, bytes. */
export const MAX_INPUT_FILE_BYTES = 64 * 1024 * 1024

/** npy header, bytes. NumPy itself writes under 200. */
export const MAX_NPY_HEADER_BYTES = 64 * 1024
