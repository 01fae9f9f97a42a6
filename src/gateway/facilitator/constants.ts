/** Of `POST /verify` and `/settle`: a claim of a hundred channels is 60 kB. */
export const MAX_BODY_BYTES = 256 * 1024

/** Settlements and verifications under way at once; each holds a connection and some calls to the chain. */
export const MAX_AT_ONCE = 128

/** Requests at once beyond the rate of an address. */
export const RATE_BURST = 256

/** A verification asks the chain about five times; ms. */
export const VERIFY_TIMEOUT_MS = 20_000

/** Between two looks for the receipt of a transaction of an earlier process; ms. */
export const LOOK_UP_POLL_MS = 250

/** Answers are kept this long; ms. An authorization that was used stays used on chain for ever. */
export const KEEP_ANSWERS_MS = 90 * 86_400_000

/** Gas-free approval of Permit2 by EIP-2612, which the schemes do by themselves when a payload carries it. */
export const EIP2612_EXTENSION = 'eip2612GasSponsoring'
