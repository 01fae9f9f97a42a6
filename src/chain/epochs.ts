/** The clock of a network: epochs are counted from the chain's genesis timestamp, by timestamp (R13). */
export interface EpochClock {
  /** Seconds since 1970. */
  readonly genesisTimestamp: number
  readonly epochSeconds: number
}

/** The epoch in which `ms` since 1970 falls; negative before the network's genesis. */
export const epochAt = ({ genesisTimestamp, epochSeconds }: EpochClock, ms: number): number =>
  Math.floor((ms / 1_000 - genesisTimestamp) / epochSeconds)

/** The first millisecond of an epoch, since 1970. */
export const epochStart = ({ genesisTimestamp, epochSeconds }: EpochClock, epoch: number): number =>
  (genesisTimestamp + epoch * epochSeconds) * 1_000
