/** Values of one sketch (R17): 128 bytes, so that the openings of a full checkpoint fit one gossip message. */
export const SKETCH_POSITIONS = 32

/** Longest replay of one receipt, ms: within the requester's patience for a certificate; beyond it the seat abstains. */
export const REPLAY_TIMEOUT_MS = 5_000
