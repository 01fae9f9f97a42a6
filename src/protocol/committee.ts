/** What an epoch's seats are timed by; all in ms, `genesis` since 1970. */
export interface SeatClock {
  readonly genesis: number
  readonly epoch: number
  readonly seatDelay: number
}

/**
 * The epoch whose work seats are in force at `ms` (R13): until twice `seatDelay` into an epoch those of the one before,
 * since the block that seeds the new ones is only then known to everybody. Negative before there are any.
 */
export const seatEpochAt = (ms: number, { genesis, epoch, seatDelay }: SeatClock): number =>
  Math.floor((ms - 2 * seatDelay - genesis) / epoch)

/**
 * The time (ms) whose block seeds the fast committee of a checkpoint created at `createdAt` (R14): the last block with a
 * timestamp of at most this. Times lie on a grid of `age`, so the block is between once and twice `age` old and the
 * provider has no other to pick.
 */
export const committeeBlockTime = (createdAt: number, age: number): number => Math.floor((createdAt - age) / age) * age
