import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ceilingOf,
  chargeOf,
  headsOf,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS_PER_HEAD,
  SLICE_UNITS,
  sliceOf,
  splitOutput,
} from '../../../src/protocol/index.ts'
import { termsOf } from '../../support/protocolWorld.ts'
import { signerOf } from '../../support/votes.ts'

const terms = termsOf(signerOf('provider'))

describe('R24: heads of an output that was computed whole', () => {
  it('are at the first chunk, the last, and never more than a slice or 16 chunks apart', () => {
    fc.assert(
      fc.property(fc.nat(1_400_000), fc.integer({ min: 1, max: 4_000 }), (bytes, units) => {
        const pieces = splitOutput(new Uint8Array(bytes), units)
        const heads = headsOf(pieces)
        expect(heads[0]).toBe(1)
        expect(heads.at(-1)).toBe(pieces.length)
        const unitsAt = (index: number): number => (index === 0 ? 0 : (pieces[index - 1]?.units ?? 0))
        for (const [at, head] of heads.entries()) {
          const before = at === 0 ? 0 : heads[at - 1]!
          expect(head - before).toBeLessThanOrEqual(MAX_CHUNKS_PER_HEAD)
          expect(unitsAt(head) - unitsAt(before)).toBeLessThanOrEqual(SLICE_UNITS)
        }
        expect(pieces.at(-1)?.units).toBe(units)
        for (const { data } of pieces) expect(data.length).toBeLessThan(MAX_CHUNK_BYTES)
      }),
      { numRuns: 100 },
    )
  })

  it('leave room in a chunk for the tag of a sealed one (R5)', () => {
    expect(splitOutput(new Uint8Array(MAX_CHUNK_BYTES), 1)).toHaveLength(2)
  })

  it('cost at most a slice more than the one before, whatever the prices and the clock', () => {
    const price = fc.bigInt({ min: 0n, max: 10n ** 20n })
    const prices = fc.record({ perRequest: price, perGMAC: price, perSecond: price, perGBSecond: price })
    const run = fc.record({ units: fc.integer({ min: 1, max: 500 }), ms: fc.nat(60_000) })
    fc.assert(
      fc.property(prices, run, (change, { units, ms }) => {
        const priced = { ...terms, ...change, maxOutputUnits: units }
        const maxFee = ceilingOf(priced, 0, units)
        const slice = sliceOf(priced, { maxFee, maxOutputUnits: units })
        const pieces = splitOutput(new Uint8Array(units), units)
        let last = 0n
        for (const head of headsOf(pieces)) {
          const outputUnits = pieces[head - 1]!.units
          const { fee } = chargeOf(priced, { inputUnits: 0, outputUnits, startedAt: 0, finishedAt: ms })
          expect(fee - last).toBeLessThanOrEqual(slice)
          last = fee
        }
        expect(last).toBeLessThanOrEqual(maxFee)
      }),
      { numRuns: 300 },
    )
  })
})
