import { median, percentile } from '../statistics.ts'

/** What sending on many lanes at once showed; ms since `performance` began. */
export interface Driven {
  readonly begun: number
  /** Of every answer, in order. */
  readonly answeredAt: readonly number[]
  /** ms from sending to the answer, of every exchange. */
  readonly latencies: readonly number[]
}

/** What is sent on one lane, one item after another; a later call of `driveLanes` goes on at `next`. */
export interface Lane<T> {
  readonly items: readonly T[]
  next: number
}

/**
 * Exchanges the items of every lane, the next one of a lane when the one before was answered, until the first lane has
 * exchanged `count`: the lanes are all busy all the time.
 */
export async function driveLanes<T>(
  lanes: readonly Lane<T>[],
  count: number,
  exchange: (item: T, lane: number) => Promise<void>,
): Promise<Driven> {
  const answeredAt: number[] = []
  const latencies: number[] = []
  let isOver = false
  const begun = performance.now()
  await Promise.all(
    lanes.map(async (lane, index) => {
      for (const item of lane.items.slice(lane.next, lane.next + count)) {
        if (isOver) return
        lane.next += 1
        const sentAt = performance.now()
        await exchange(item, index)
        const now = performance.now()
        answeredAt.push(now)
        latencies.push(now - sentAt)
      }
      isOver = true
    }),
  )
  return { begun, answeredAt, latencies }
}

const WINDOW_MS = 200

/**
 * ms an exchange: the median, over windows of the run, of a window's time by its answers. What one costs while all lanes
 * are busy, where a latency also holds the wait for the others.
 */
export function costMs({ begun, answeredAt }: Driven): number {
  const last = answeredAt.at(-1)
  if (last === undefined || last - begun < WINDOW_MS) throw new RangeError(`expected a run above ${WINDOW_MS} ms`)
  const counts = new Array<number>(Math.floor((last - begun) / WINDOW_MS)).fill(0)
  for (const at of answeredAt) {
    const window = Math.floor((at - begun) / WINDOW_MS)
    if (window < counts.length) counts[window] = (counts[window] ?? 0) + 1
  }
  return median(counts.map((count) => WINDOW_MS / Math.max(1, count)))
}

export const perSecond = ({ begun, answeredAt }: Driven): number =>
  answeredAt.length / (((answeredAt.at(-1) ?? begun) - begun) / 1_000)

export const latencyMs = ({ latencies }: Driven, share: number): number => percentile(latencies, share)
