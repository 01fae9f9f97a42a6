import { cpus } from 'node:os'

/** CPU time of the whole machine so far, ms over all cores. */
interface MachineTime {
  readonly busy: number
  readonly all: number
}

function machineTime(): MachineTime {
  let busy = 0
  let all = 0
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq
    all += times.user + times.nice + times.sys + times.irq + times.idle
  }
  return { busy, all }
}

/**
 * Watches the machine from now on. `end(ownMs)` is the share of all its CPU time that went to others than the `ownMs` of
 * CPU time the measured processes used: above a few hundredths, wall-clock figures say more about the others.
 */
export function watchMachine(): { end(ownMs: number): number } {
  const before = machineTime()
  return {
    end: (ownMs) => {
      const after = machineTime()
      return Math.max(0, after.busy - before.busy - ownMs) / (after.all - before.all)
    },
  }
}
