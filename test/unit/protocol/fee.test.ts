import { describe, expect, it } from 'vitest'
import {
  billedMsOf,
  ceilingOf,
  chargeOf,
  feeOf,
  macOf,
  NETWORK_SHARE_PPM,
  splitFee,
  type Terms,
} from '../../../src/protocol/index.ts'

const OPG = 10n ** 18n
const TERMS: Terms = {
  operator: `0x${'11'.repeat(20)}`,
  model: `0x${'22'.repeat(32)}`,
  macIn: 1_000_000n,
  macOut: 2_000_000n,
  memoryMB: 512,
  referenceRate: 100,
  token: `0x${'33'.repeat(20)}`,
  perRequest: OPG / 1000n,
  perGMAC: 5_000_000_000_000_000n,
  perSecond: 7_000_000_000_000_000n,
  perGBSecond: 3_000_000_000_000_000n,
  minVerifyFee: 1n,
  maxOutputUnits: 1000,
  validUntil: 0,
}
const usage = (inputUnits: number, outputUnits: number, ms: number) => ({
  inputUnits,
  outputUnits,
  startedAt: 1_000,
  finishedAt: 1_000 + ms,
})

describe('the fee of a job', () => {
  it('counts multiply-accumulates of input and output units', () => {
    expect(macOf(TERMS, 10, 20)).toBe(50_000_000n)
  })

  it('is what the formula gives by hand', () => {
    // mac 50e6; ms 300; (5e15 * 5e7 + 7e15 * 300 * 1e6 + 3e15 * 512 * 300 * 1e3) / 1e9
    expect(chargeOf(TERMS, usage(10, 20, 300))).toEqual({
      mac: 50_000_000n,
      billedMs: 300,
      fee: OPG / 1000n + 250_000_000_000_000n + 2_100_000_000_000_000n + 460_800_000_000_000n,
    })
  })

  it('prices one thousand MB for a second as one GB-second and one GMAC as one GMAC', () => {
    const free = { perRequest: 0n, perGMAC: 0n, perSecond: 0n, perGBSecond: 0n, memoryMB: 0 }
    expect(feeOf({ ...free, perGMAC: OPG }, 1_000_000_000n, 0)).toBe(OPG)
    expect(feeOf({ ...free, perSecond: OPG }, 0n, 1_000)).toBe(OPG)
    expect(feeOf({ ...free, perGBSecond: OPG, memoryMB: 1_000 }, 0n, 1_000)).toBe(OPG)
  })

  it('divides once and rounds down in favour of the payer', () => {
    const free = { perRequest: 0n, perSecond: 0n, perGBSecond: 0n, memoryMB: 0 }
    expect(feeOf({ ...free, perGMAC: 1n }, 999_999_999n, 0)).toBe(0n)
    expect(feeOf({ ...free, perGMAC: 1n, perSecond: 1n }, 500_000_000n, 500)).toBe(1n)
  })

  it('bills elapsed time up to one and a half times the reference rate', () => {
    // 30 units at 100 a second: 300 ms, times 1.5
    expect(billedMsOf(TERMS, usage(10, 20, 449))).toBe(449)
    expect(billedMsOf(TERMS, usage(10, 20, 450))).toBe(450)
    expect(billedMsOf(TERMS, usage(10, 20, 60_000))).toBe(450)
  })

  it('rounds the cap of billed time up', () => {
    expect(billedMsOf({ referenceRate: 7 }, usage(1, 0, 60_000))).toBe(215)
  })

  it('bills no time without a reference rate, without units, or for a clock that ran backwards', () => {
    expect(billedMsOf({ referenceRate: 0 }, usage(10, 20, 300))).toBe(0)
    expect(billedMsOf(TERMS, usage(0, 0, 300))).toBe(0)
    expect(billedMsOf(TERMS, { inputUnits: 1, outputUnits: 1, startedAt: 5, finishedAt: 4 })).toBe(0)
  })

  it('charges perRequest alone when nothing was used', () => {
    expect(chargeOf(TERMS, usage(0, 0, 0)).fee).toBe(TERMS.perRequest)
  })

  it('has a ceiling that the dearest run reaches exactly', () => {
    expect(ceilingOf(TERMS, 10, 20)).toBe(chargeOf(TERMS, usage(10, 20, 1_000_000)).fee)
    expect(ceilingOf(TERMS, 10, 20)).toBeGreaterThan(chargeOf(TERMS, usage(10, 20, 449)).fee)
  })

  it('stays exact at the largest units and amounts a message can carry', () => {
    const terms = { ...TERMS, perGMAC: 2n ** 128n - 1n, macIn: 2n ** 128n - 1n, referenceRate: 1 }
    const most = Number.MAX_SAFE_INTEGER
    expect(macOf(terms, most, 0)).toBe((2n ** 128n - 1n) * (2n ** 53n - 1n))
    expect(billedMsOf(terms, { inputUnits: most, outputUnits: most, startedAt: 0, finishedAt: most })).toBe(most)
    expect(feeOf({ ...terms, perRequest: 0n, perSecond: 0n, perGBSecond: 0n }, 10n ** 9n, 0)).toBe(2n ** 128n - 1n)
  })
})

describe('the split of a settled fee', () => {
  it('gives the network 20 % and the provider the remainder', () => {
    expect(NETWORK_SHARE_PPM).toBe(200_000n)
    expect(splitFee(100n)).toEqual({ provider: 80n, network: 20n })
    expect(splitFee(104n)).toEqual({ provider: 84n, network: 20n })
    expect(splitFee(4n)).toEqual({ provider: 4n, network: 0n })
    expect(splitFee(0n)).toEqual({ provider: 0n, network: 0n })
  })

  it('takes another governed share', () => {
    expect(splitFee(1_000_001n, 1_000_000n)).toEqual({ provider: 0n, network: 1_000_001n })
    expect(splitFee(1_000_001n, 0n)).toEqual({ provider: 1_000_001n, network: 0n })
  })
})
