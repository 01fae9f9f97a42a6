import { describe, expect, it } from 'vitest'
import { fitsRecord } from '../../../../src/roles/provider/recordSize.ts'
import { encode, maxBytes } from '../../../../src/wire/index.ts'
import { PaidProvider } from '../../../support/paidProvider.ts'
import { entriesOf } from '../../../support/protocolWorld.ts'

/** The record of a job with this output, as it would be stored. */
function recordOf(bytes: number, units: number) {
  const provider = new PaidProvider({ terms: { maxOutputUnits: 100_000 } })
  provider.show()
  const price = { maxFee: 10n ** 17n, maxOutputUnits: units }
  const request = provider.paid(10n ** 17n, price)
  provider.ask(request)
  const [entry] = entriesOf(provider.finish(request, { output: new Uint8Array(bytes), units }), 'answer')
  if (entry === undefined) throw new Error('expected a receipt')
  return { record: entry.answer.record, inputBytes: request.input.length + request.parameters.length }
}

describe('an answer that fits its record', () => {
  it.each([
    [900_000, 1],
    [64_000, 16],
    [16, 50_000],
    [100_000, 40_000],
  ])('of %i bytes and %i units can be stored', (bytes, units) => {
    const { record, inputBytes } = recordOf(bytes, units)
    expect(fitsRecord({ output: new Uint8Array(bytes), units, inputBytes, isKept: true })).toBe(true)
    expect(encode('JobRecord', record).length).toBeLessThanOrEqual(maxBytes('JobRecord'))
  })

  it.each([
    [1_200_000, 1],
    [16, 80_000],
    [950_000, 20_000],
  ])('is none of %i bytes and %i units', (bytes, units) => {
    expect(fitsRecord({ output: new Uint8Array(bytes), units, inputBytes: 100, isKept: true })).toBe(false)
    const { record } = recordOf(bytes, units)
    expect(() => encode('JobRecord', record)).toThrow()
  })
})
