import { describe, expect, it } from 'vitest'
import { epochAt, epochStart } from '../../../src/chain/index.ts'

const CLOCK = { genesisTimestamp: 1_000, epochSeconds: 60 }

describe('epochs', () => {
  it('change on the second the contracts change them', () => {
    expect(epochAt(CLOCK, 1_000_000)).toBe(0)
    expect(epochAt(CLOCK, 1_059_999)).toBe(0)
    expect(epochAt(CLOCK, 1_060_000)).toBe(1)
    expect(epochAt(CLOCK, 999_999)).toBe(-1)
  })

  it('start at the first millisecond that falls into them', () => {
    for (const epoch of [0, 1, 7, 1_000_000]) {
      expect(epochAt(CLOCK, epochStart(CLOCK, epoch))).toBe(epoch)
      expect(epochAt(CLOCK, epochStart(CLOCK, epoch) - 1)).toBe(epoch - 1)
    }
  })
})
