import { describe, expect, it } from 'vitest'
import { TRANSACTION_GAS_CAP } from '../../../src/chain/constants.ts'
import { gasWithMargin } from '../../../src/chain/fees.ts'

describe('gas offered for an estimate', () => {
  it('leaves a small call room for the slots of an epoch that began meanwhile', () => {
    expect(gasWithMargin(90_000n)).toBe(190_000n)
  })

  it('is a fifth more for a large one, up to what a transaction may ask for', () => {
    expect(gasWithMargin(1_000_000n)).toBe(1_200_000n)
    expect(gasWithMargin(TRANSACTION_GAS_CAP)).toBe(TRANSACTION_GAS_CAP)
    expect(() => gasWithMargin(TRANSACTION_GAS_CAP + 1n)).toThrow('send it in parts')
  })
})
