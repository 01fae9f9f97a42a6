/** EIP-7825, live on Base since Azul: no transaction may ask for more gas. */
export const TRANSACTION_GAS_CAP = 16_777_216n

/** Added to an estimate, in percent: state may change between estimate and inclusion. */
export const GAS_MARGIN_PERCENT = 20n
/** Least gas added: the first call of an epoch writes a fresh slot of 22,100 for each history it keeps (EIP-2929). */
export const LEAST_GAS_MARGIN = 100_000n

/** One HTTP answer of an endpoint; ms. Public endpoints answer within 1 s, a loaded devnet within 3 s. */
export const RPC_TIMEOUT_MS = 8_000

/** JSON-RPC endpoints one client follows: more only cost requests. */
export const MAX_ENDPOINTS = 4

/** Between two looks at the head; ms. A devnet block comes every second, a Base block every two. */
export const POLL_MS = { devnet: 200, production: 1_000 } as const

/** Longest pause between looks at a chain that does not answer; ms. */
export const MAX_BACKOFF_MS = { devnet: 1_000, production: 15_000 } as const

/** Canonical blocks remembered: deeper reorganisations drop every cache. Base finalizes within about 900 blocks. */
export const BLOCK_WINDOW = 1_024

/** Blocks read one by one after a gap; of a longer gap only the last ones are announced. */
export const MAX_BACKFILL = 64

/** Blocks of one `eth_getLogs`; public endpoints refuse more than 10,000. */
export const LOG_RANGE = 10_000

/** Blocks kept for `blockAtTime`, beside the window. */
export const MAX_CACHED_BLOCKS = 4_096

/** Epochs whose stakes, seeds and signing sets are kept. */
export const MAX_CACHED_EPOCHS = 16

/** Operators of one page of stakes: an answer of about 100 kB. */
export const STAKE_PAGE = 500

/** Operators of one role that are read at all; beyond it the answer of an endpoint is not believed. */
export const MAX_OPERATORS = 100_000

/** Channels of one `eth_call` through Multicall3: under 4,000,000 gas of reads. */
export const CHANNELS_OF_A_READ = 250

/** Channel ids of one `eth_getLogs`; nodes refuse more than 1,000 values of a topic. */
export const CHANNELS_OF_A_FILTER = 1_000

/** Anchored batches kept in memory, newest first to stay. */
export const MAX_CACHED_BATCHES = 4_096

/** Least tip, wei: below it a block builder leaves a transaction aside. */
export const LEAST_TIP = 1_000_000n

/** Blocks a transaction may wait for inclusion before its fee is raised. */
export const STUCK_BLOCKS = 5

/** A replacement pays this much of the price before, in percent; nodes ask for 110. */
export const REPLACEMENT_PERCENT = 130n

/** Times one transaction's price is raised: 1.3^12 is 23 times the first price. */
export const MAX_REPLACEMENTS = 12

/** Submissions of one call that may fail for a nonce that is already taken. */
export const MAX_NONCE_RETRIES = 4

/** A caller waits this long for inclusion unless it says otherwise; ms. */
export const INCLUSION_TIMEOUT_MS = 120_000

/** Bytes of a network file. */
export const MAX_NETWORK_FILE_BYTES = 65_536

/** Trust roots and bootstrap addresses a network file may list. */
export const MAX_TRUST_ROOTS = 32
export const MAX_BOOTSTRAP = 64

/** Bytes of a proposal's description: all of it travels in calldata and in a log. */
export const MAX_PROPOSAL_BYTES = 16_384

/** A step of a deployment waits this long for its block before its fee is raised; ms. */
export const DEPLOYMENT_STUCK_MS = 30_000

/** The last step of a deployment waits this long to be safe; ms. Base needs some minutes. */
export const DEPLOYMENT_SETTLE_MS = 1_800_000

/** The releases of a genesis start at most this far from the block that begins it; s. */
export const START_TOLERANCE = 30 * 86_400
