import { describe, expect, it } from 'vitest'
import { createQuotes, priceOf } from '../../../src/gateway/pricing.ts'
import { ZERO_DIGEST } from '../../../src/protocol/index.ts'

const OPG = 10n ** 18n
const rate = { perOPG: 100_000n, marginPpm: 0, minimum: 1n }

describe('the price of wei in a token of the door', () => {
  it('is the configured rate, rounded up: nothing is sold under its cost', () => {
    expect(priceOf(OPG, rate)).toBe(100_000n)
    expect(priceOf(OPG + 1n, rate)).toBe(100_001n)
    expect(priceOf(1n, rate)).toBe(1n)
  })

  it('is one to one for OPG itself, to the wei', () => {
    expect(priceOf(123_456_789n, { perOPG: OPG, marginPpm: 0, minimum: 1n })).toBe(123_456_789n)
  })

  it('has the margin on top and never falls below the minimum', () => {
    expect(priceOf(OPG, { ...rate, marginPpm: 50_000 })).toBe(105_000n)
    expect(priceOf(0n, { ...rate, minimum: 500n })).toBe(500n)
  })

  it('of a fee is never above the price of its ceiling', () => {
    for (let fee = 0n; fee <= 1_000n; fee += 7n) {
      expect(priceOf(fee, { perOPG: OPG / 3n, marginPpm: 333, minimum: 5n })).toBeLessThanOrEqual(
        priceOf(1_000n, { perOPG: OPG / 3n, marginPpm: 333, minimum: 5n }),
      )
    }
  })
})

describe('a price that was told', () => {
  const asked = { model: ZERO_DIGEST, units: 1, tier: 1, privacy: 1 }

  it('holds for its time, also when another was told since', () => {
    const quotes = createQuotes({ holdMs: 100 })
    quotes.add(asked, 5n, 0)
    quotes.add(asked, 7n, 50)
    expect(quotes.live(asked, 60)).toEqual([7n, 5n])
    expect(quotes.live(asked, 100)).toEqual([7n])
    expect(quotes.live(asked, 150)).toEqual([])
  })

  it('is for one model, size, tier and privacy', () => {
    const quotes = createQuotes({ holdMs: 100 })
    quotes.add(asked, 5n, 0)
    for (const other of [{ units: 2 }, { tier: 2 }, { privacy: 2 }]) {
      expect(quotes.live({ ...asked, ...other }, 1)).toEqual([])
    }
  })

  it('told again holds anew, and few are remembered', () => {
    const quotes = createQuotes({ holdMs: 100 })
    for (let ceiling = 1n; ceiling <= 6n; ceiling += 1n) quotes.add(asked, ceiling, 0)
    quotes.add(asked, 6n, 90)
    expect(quotes.live(asked, 95)).toEqual([6n, 5n, 4n, 3n])
    expect(quotes.live(asked, 150)).toEqual([6n])
  })
})
