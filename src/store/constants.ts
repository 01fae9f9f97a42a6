const MIB = 1024 * 1024

/** Raised with every change of the layout; a store written by a later version is refused (R27). */
export const SCHEMA_VERSION = 1

/** Writes of one synced batch: above it a group is cut, so that the first commit does not wait for the thousandth. */
export const MAX_GROUP_WRITES = 4_096
/** Bytes of keys and values of one synced batch: LevelDB's write buffer. */
export const MAX_GROUP_BYTES = 4 * MIB
/** One value: a record with its transcript is the greatest. */
export const MAX_VALUE_BYTES = 32 * MIB
/** A signing history file: 128 bytes an entry, a year of votes. */
export const MAX_HISTORY_BYTES = 256 * MIB
/** Milliseconds after which a group commit is logged as slow. */
export const SLOW_COMMIT_MS = 1_000
