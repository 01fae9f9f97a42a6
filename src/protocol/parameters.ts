/** A parameter of a network profile, as docs/protocol.md lists it. Times in ms unless the unit says otherwise. */
export interface Parameter {
  readonly unit: 'ms' | 'ppm' | 'count' | 'bytes'
  readonly base: number
  readonly devnet: number
  readonly min: number
  readonly max: number
  readonly meaning: string
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Section 9. Every timeout, rate and committee size that peers must agree on has its one home here. */
export const PARAMETERS = {
  epoch: { unit: 'ms', base: DAY, devnet: MINUTE, min: MINUTE, max: 7 * DAY, meaning: 'length of an epoch' },
  seatDelay: {
    unit: 'ms',
    base: MINUTE,
    devnet: 4 * SECOND,
    min: SECOND,
    max: HOUR,
    meaning: 'the first block this far into an epoch seeds its work seats (R13)',
  },
  batchInterval: {
    unit: 'ms',
    base: 30 * SECOND,
    devnet: 2 * SECOND,
    min: SECOND,
    max: HOUR,
    meaning: 'a batch is proposed this often',
  },
  batchCheckpoints: {
    unit: 'count',
    base: 64,
    devnet: 64,
    min: 1,
    max: 1024,
    meaning: 'or after this many certified checkpoints',
  },
  settlerDelay: {
    unit: 'ms',
    base: 10 * SECOND,
    devnet: 2 * SECOND,
    min: SECOND,
    max: HOUR,
    meaning: 'each later settler in the order waits this much longer (R19)',
  },
  disputeWindow: {
    unit: 'ms',
    base: 7 * DAY,
    devnet: 20 * SECOND,
    min: 10 * SECOND,
    max: 30 * DAY,
    meaning: 'judged offences may be opened',
  },
  unbonding: {
    unit: 'ms',
    base: 14 * DAY,
    devnet: 6 * MINUTE,
    min: 6 * MINUTE,
    max: 60 * DAY,
    meaning: 'stake stays slashable after it left',
  },
  seizureDelay: {
    unit: 'ms',
    base: 3 * DAY,
    devnet: 5 * SECOND,
    min: SECOND,
    max: 14 * DAY,
    meaning: 'seized stake moves after',
  },
  grantLife: { unit: 'ms', base: DAY, devnet: DAY, min: MINUTE, max: DAY, meaning: 'longest session grant (R4)' },
  evidenceAge: {
    unit: 'ms',
    base: HOUR,
    devnet: HOUR,
    min: MINUTE,
    max: HOUR,
    meaning: 'oldest block evidence may bind at grant (R5)',
  },
  evidenceDepth: {
    unit: 'count',
    base: 2,
    devnet: 2,
    min: 1,
    max: 64,
    meaning: 'blocks on top of the one evidence binds (R5)',
  },
  offerLife: { unit: 'ms', base: MINUTE, devnet: MINUTE, min: 5 * SECOND, max: 10 * MINUTE, meaning: 'an offer lives' },
  loadInterval: {
    unit: 'ms',
    base: 5 * SECOND,
    devnet: 5 * SECOND,
    min: SECOND,
    max: MINUTE,
    meaning: 'a load message at most once in',
  },
  futureTolerance: {
    unit: 'ms',
    base: 2 * SECOND,
    devnet: 2 * SECOND,
    min: 0,
    max: 10 * SECOND,
    meaning: 'signed times further ahead are refused',
  },
  jobDeadline: {
    unit: 'ms',
    base: 10 * MINUTE,
    devnet: 10 * MINUTE,
    min: SECOND,
    max: 10 * MINUTE,
    meaning: 'latest deadline of a job',
  },
  checkpointReceipts: { unit: 'count', base: 256, devnet: 256, min: 1, max: 256, meaning: 'a checkpoint closes after' },
  checkpointQuorumDelay: {
    unit: 'ms',
    base: 250,
    devnet: 250,
    min: 50,
    max: 5 * SECOND,
    meaning: 'or this long after a quorum job waits',
  },
  checkpointIdleDelay: {
    unit: 'ms',
    base: 2 * SECOND,
    devnet: SECOND,
    min: 250,
    max: MINUTE,
    meaning: 'or this long after its first receipt when nobody waits',
  },
  checkpointsPerSecond: {
    unit: 'count',
    base: 20,
    devnet: 20,
    min: 1,
    max: 1000,
    meaning: 'network-wide target: closing slows to providers / this (R8)',
  },
  committeeBlockAge: {
    unit: 'ms',
    base: 12 * SECOND,
    devnet: 2 * SECOND,
    min: SECOND,
    max: MINUTE,
    meaning: 'youngest block that seeds a fast committee; at most twice as old (R14)',
  },
  voteBundle: {
    unit: 'ms',
    base: 100,
    devnet: 20,
    min: 0,
    max: SECOND,
    meaning: 'votes within this travel as one bundle (R8)',
  },
  workOpening: {
    unit: 'ms',
    base: 10 * SECOND,
    devnet: 10 * SECOND,
    min: SECOND,
    max: MINUTE,
    meaning: 'committed work is opened within (R17)',
  },
  replayRate: {
    unit: 'ppm',
    base: 50_000,
    devnet: 1_000_000,
    min: 0,
    max: 1_000_000,
    meaning: 'receipts a seat must replay (R14)',
  },
  certificateWait: {
    unit: 'ms',
    base: MINUTE,
    devnet: 10 * SECOND,
    min: 5 * SECOND,
    max: HOUR,
    meaning: 'a checkpoint without a full certificate is anchored as undecided after this (R20)',
  },
  signerHold: {
    unit: 'ms',
    base: 30 * SECOND,
    devnet: 3 * SECOND,
    min: SECOND,
    max: MINUTE,
    meaning: 'a signer insists on checkpoints it held this long before the cut-off (R20)',
  },
  withdrawDelay: {
    unit: 'ms',
    base: DAY,
    devnet: 15 * MINUTE,
    min: 15 * MINUTE,
    max: 30 * DAY,
    meaning: 'least delay of a withdrawal from a channel that is served (R23)',
  },
  exposureWindow: {
    unit: 'ms',
    base: 7 * DAY,
    devnet: 7 * DAY,
    min: DAY,
    max: 30 * DAY,
    meaning: 'fees counted for exposure (R29)',
  },
  exposureShare: {
    unit: 'ppm',
    base: 100_000,
    devnet: 100_000,
    min: 1_000,
    max: 500_000,
    meaning: 'of the matured stake those fees may reach (R29)',
  },
} as const satisfies { readonly [name: string]: Parameter }

export type ParameterName = keyof typeof PARAMETERS
export type Profile = 'production' | 'devnet'
export type Parameters = { readonly [K in ParameterName]: number }

/** The values of one profile. */
export function parametersOf(profile: Profile): Parameters {
  const column = profile === 'devnet' ? 'devnet' : 'base'
  const entries = Object.entries(PARAMETERS).map(([name, parameter]) => [name, parameter[column]] as const)
  return Object.fromEntries(entries) as Parameters
}
