import { describe, expect, it } from 'vitest'
import { PARAMETERS, type Parameter, parametersOf } from '../../../src/protocol/index.ts'

const all = Object.entries(PARAMETERS) as [string, Parameter][]
const [SECOND, HOUR, DAY] = [1_000, 3_600_000, 86_400_000]

describe('parameters', () => {
  it.each(all)('%s is within its bounds on Base and on a devnet', (_, { base, devnet, min, max, unit, meaning }) => {
    for (const value of [base, devnet, min, max]) expect(Number.isSafeInteger(value)).toBe(true)
    expect(min).toBeLessThanOrEqual(max)
    for (const value of [base, devnet]) {
      expect(value).toBeGreaterThanOrEqual(min)
      expect(value).toBeLessThanOrEqual(max)
    }
    if (unit === 'ppm') expect(max).toBeLessThanOrEqual(1_000_000)
    expect(meaning).not.toBe('')
  })

  it('R4 R5 a grant lives at most 24 h and its evidence is at most 1 h old, at least 2 blocks deep', () => {
    const { grantLife, evidenceAge, evidenceDepth } = PARAMETERS
    expect([grantLife.base, grantLife.max, evidenceAge.base, evidenceAge.max, evidenceDepth.base]).toEqual([
      DAY,
      DAY,
      HOUR,
      HOUR,
      2,
    ])
  })

  it('R8 a checkpoint holds at most 256 receipts and votes within 100 ms travel together', () => {
    expect([PARAMETERS.checkpointReceipts.max, PARAMETERS.checkpointQuorumDelay.base]).toEqual([256, 250])
    expect([PARAMETERS.checkpointsPerSecond.base, PARAMETERS.voteBundle.base]).toEqual([20, 100])
  })

  it('R13 an epoch is 24 h, on a devnet 60 s', () => {
    expect([PARAMETERS.epoch.base, PARAMETERS.epoch.devnet]).toEqual([DAY, 60 * SECOND])
  })

  it('R14 the seed block is at least 12 s old and 5 % of receipts are replayed, on a devnet 2 s and all', () => {
    expect([PARAMETERS.committeeBlockAge.base, PARAMETERS.committeeBlockAge.devnet]).toEqual([12 * SECOND, 2 * SECOND])
    expect([PARAMETERS.replayRate.base, PARAMETERS.replayRate.devnet]).toEqual([50_000, 1_000_000])
  })

  it('R17 R20 openings take 10 s, signers insist after 30 s; the exposure of an operator is a tenth over 7 days', () => {
    const { workOpening, signerHold, exposureWindow, exposureShare } = PARAMETERS
    expect([workOpening.base, signerHold.base, exposureWindow.base, exposureShare.base]).toEqual([
      10 * SECOND,
      30 * SECOND,
      7 * DAY,
      100_000,
    ])
  })

  it('unbonding outlasts the dispute window on both networks', () => {
    const { unbonding, disputeWindow } = PARAMETERS
    expect(unbonding.base).toBeGreaterThan(disputeWindow.base)
    expect(unbonding.devnet).toBeGreaterThan(disputeWindow.devnet)
  })

  it('unbonding outlasts every epoch in which a carried signing set still weighs the stake', () => {
    const { unbonding, epoch } = PARAMETERS
    expect(unbonding.base).toBeGreaterThanOrEqual(6 * epoch.base)
    expect(unbonding.devnet).toBeGreaterThanOrEqual(6 * epoch.devnet)
  })

  it('gives every value of one profile', () => {
    const production = parametersOf('production')
    const devnet = parametersOf('devnet')
    expect(Object.keys(production)).toEqual(Object.keys(PARAMETERS))
    for (const [name, parameter] of all) {
      expect(production[name as 'epoch']).toBe(parameter.base)
      expect(devnet[name as 'epoch']).toBe(parameter.devnet)
    }
  })
})
