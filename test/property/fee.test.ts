import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { billedMsOf, ceilingOf, chargeOf, splitFee, TERMS, type Terms, type Usage } from '../../src/protocol/index.ts'
import { structOf } from './arbitraries.ts'

/** Prices in which a fee fits its 128 bits, as any real one does. */
const terms = fc
  .tuple(structOf(TERMS), fc.bigInt({ min: 0n, max: 10n ** 24n }), fc.nat({ max: 1_000_000 }))
  .map(([base, scale, rate]) => ({
    ...base,
    macIn: base.macIn % 10n ** 15n,
    macOut: base.macOut % 10n ** 15n,
    memoryMB: base.memoryMB % 1_000_000,
    referenceRate: rate,
    perRequest: base.perRequest % (scale + 1n),
    perGMAC: base.perGMAC % (scale + 1n),
    perSecond: base.perSecond % (scale + 1n),
    perGBSecond: base.perGBSecond % (scale + 1n),
  }))
const usages = fc
  .record({
    inputUnits: fc.nat({ max: 10_000_000 }),
    outputUnits: fc.nat({ max: 10_000_000 }),
    startedAt: fc.nat({ max: 4_102_444_800_000 }),
    elapsed: fc.nat({ max: 600_000 }),
  })
  .map(({ elapsed, ...usage }) => ({ ...usage, finishedAt: usage.startedAt + elapsed }))

/** "The fee of a job" of docs/protocol.md, written from its text with plain integers. */
function feeByTheText(price: Terms, used: Usage): { mac: bigint; billedMs: bigint; fee: bigint } {
  const [input, output] = [BigInt(used.inputUnits), BigInt(used.outputUnits)]
  const mac = price.macIn * input + price.macOut * output
  const elapsed = BigInt(used.finishedAt) - BigInt(used.startedAt)
  let cap = 0n
  if (price.referenceRate > 0) {
    const rate = BigInt(price.referenceRate)
    const product = (input + output) * 1500n
    cap = product / rate
    if (cap * rate < product) cap += 1n
  }
  const ms = elapsed < cap ? elapsed : cap
  const gbMs = BigInt(price.memoryMB) * ms
  const numerator = price.perGMAC * mac + price.perSecond * ms * 10n ** 6n + price.perGBSecond * gbMs * 10n ** 3n
  return { mac, billedMs: ms, fee: price.perRequest + numerator / 10n ** 9n }
}

describe('the fee of a job', () => {
  it('is what the text of the rule gives', () => {
    fc.assert(
      fc.property(terms, usages, (price, used) => {
        const { mac, billedMs, fee } = chargeOf(price, used)
        expect({ mac, billedMs: BigInt(billedMs), fee }).toEqual(feeByTheText(price, used))
      }),
      { numRuns: 300 },
    )
  })

  it('never falls when more is used', () => {
    fc.assert(
      fc.property(terms, usages, fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), (price, used, input, output, ms) => {
        const more = {
          inputUnits: used.inputUnits + input,
          outputUnits: used.outputUnits + output,
          startedAt: used.startedAt,
          finishedAt: used.finishedAt + ms,
        }
        expect(chargeOf(price, more).fee).toBeGreaterThanOrEqual(chargeOf(price, used).fee)
      }),
      { numRuns: 300 },
    )
  })

  it('is never above the ceiling, however slow the provider and however it sets its clock', () => {
    fc.assert(
      fc.property(terms, usages, fc.nat(1_000_000), fc.maxSafeNat(), (price, used, unused, finishedAt) => {
        const ceiling = ceilingOf(price, used.inputUnits, used.outputUnits + unused)
        expect(chargeOf(price, used).fee).toBeLessThanOrEqual(ceiling)
        expect(chargeOf(price, { ...used, finishedAt }).fee).toBeLessThanOrEqual(ceiling)
      }),
      { numRuns: 300 },
    )
  })

  it('bills at most the elapsed time and at most the cap', () => {
    fc.assert(
      fc.property(terms, usages, (price, used) => {
        const ms = billedMsOf(price, used)
        expect(ms).toBeLessThanOrEqual(used.finishedAt - used.startedAt)
        const units = BigInt(used.inputUnits + used.outputUnits)
        if (price.referenceRate === 0) expect(ms).toBe(0)
        else expect(BigInt(ms) * BigInt(price.referenceRate)).toBeLessThan(units * 1500n + BigInt(price.referenceRate))
      }),
      { numRuns: 300 },
    )
  })

  it('is at least the request price', () => {
    fc.assert(
      fc.property(terms, usages, (price, used) => {
        expect(chargeOf(price, used).fee).toBeGreaterThanOrEqual(price.perRequest)
      }),
    )
  })
})

describe('the split of a settled fee', () => {
  it('sums exactly to the fee, with the remainder to the provider', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
        fc.bigInt({ min: 0n, max: 1_000_000n }),
        (fee, share) => {
          const { provider, network } = splitFee(fee, share)
          expect(provider + network).toBe(fee)
          expect(network * 1_000_000n).toBeLessThanOrEqual(fee * share)
          expect((network + 1n) * 1_000_000n).toBeGreaterThan(fee * share)
        },
      ),
      { numRuns: 300 },
    )
  })
})
