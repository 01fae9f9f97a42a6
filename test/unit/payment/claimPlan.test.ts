import { describe, expect, it } from 'vitest'
import { type ClaimState, type PlanInput, planClaims } from '../../../src/payment/claimPlan.ts'
import { Quarantine } from '../../../src/payment/claimQuarantine.ts'
import type { ClaimCandidate } from '../../../src/payment/index.ts'
import type { Address, Digest } from '../../../src/protocol/index.ts'

const OPG = 10n ** 18n
const address = (index: number): Address => `0x${index.toString(16).padStart(40, '0')}`
const digest = (index: number): Digest => `0x${index.toString(16).padStart(64, '0')}`

const candidate = (index: number, total: bigint, closing = false): ClaimCandidate => ({
  row: {
    config: {
      ...{ payer: address(1), payerAuthorizer: address(2), receiver: address(3), receiverAuthorizer: address(4) },
      ...{ token: address(5), withdrawDelay: 900, salt: digest(index) },
    },
    voucher: { channel: digest(index), amount: total, signature: '0x' },
    totalClaimed: total,
  },
  closing,
})
const rich: ClaimState = { balance: 1_000n * OPG, totalClaimed: 0n, withdrawing: false }

/** A row of 30,000 gas at 1 gwei costs 0.9 OPG when ether is worth 30,000, so it is worth claiming from 45 OPG on. */
const inputOf = (candidates: readonly ClaimCandidate[], changes: Partial<PlanInput> = {}): PlanInput => ({
  candidates,
  stateOf: () => rich,
  isHeld: () => false,
  sinceOf: () => 0,
  now: 1_000,
  gasPrice: 10n ** 9n,
  policy: { etherPrice: 30_000n * OPG, maxGasShare: 20_000, maxAgeMs: 10_000 },
  ...changes,
})
const planned = (input: PlanInput): { why: string; channels: number[] } => {
  const { why, rows } = planClaims(input)
  return { why, channels: rows.map(({ voucher }) => Number(voucher.channel)) }
}

describe('planClaims', () => {
  it('waits until all rows together are worth their gas', () => {
    expect(planned(inputOf([candidate(1, 100n * OPG)]))).toEqual({ why: 'nothing', channels: [] })
    const rows = [candidate(1, 100n * OPG), candidate(2, 120n * OPG)]
    expect(planned(inputOf(rows))).toEqual({ why: 'value', channels: [2, 1] })
    expect(planned(inputOf(rows, { gasPrice: 2n * 10n ** 9n }))).toEqual({ why: 'nothing', channels: [] })
  })

  it('leaves a row that is not worth its own gas at home', () => {
    const rows = [candidate(1, 100n * OPG), candidate(2, 120n * OPG), candidate(3, 40n * OPG)]
    expect(planned(inputOf(rows))).toEqual({ why: 'value', channels: [2, 1] })
  })

  it('claims a channel with a withdrawal at once, whatever it costs (R25)', () => {
    expect(planned(inputOf([candidate(1, 1n, true), candidate(2, 50n * OPG)]))).toEqual({
      why: 'closing',
      channels: [1, 2],
    })
    const stateOf = () => ({ ...rich, withdrawing: true })
    expect(planned(inputOf([candidate(1, 1n)], { stateOf }))).toEqual({ why: 'closing', channels: [1] })
  })

  it('claims what has waited long once it is worth more than its gas', () => {
    const old = { now: 20_000 }
    expect(planned(inputOf([candidate(1, 10n * OPG)], old))).toEqual({ why: 'age', channels: [1] })
    expect(planned(inputOf([candidate(1, OPG)], old))).toEqual({ why: 'nothing', channels: [] })
  })

  it('never takes more than a channel holds, and nothing twice', () => {
    const stateOf = () => ({ ...rich, balance: 300n * OPG, totalClaimed: 100n * OPG })
    const { rows } = planClaims(inputOf([candidate(1, 400n * OPG), candidate(2, 100n * OPG)], { stateOf }))
    expect(rows.map(({ totalClaimed }) => totalClaimed)).toEqual([300n * OPG])
  })

  it('takes at most 256 rows, the ones with a withdrawal first', () => {
    const rows = Array.from({ length: 300 }, (_, index) => candidate(index + 1, 100n * OPG, index >= 290))
    const { channels } = planned(inputOf(rows))
    expect(channels).toHaveLength(256)
    expect(channels.slice(0, 10).sort()).toEqual([291, 292, 293, 294, 295, 296, 297, 298, 299, 300])
  })

  it('leaves out rows that are held, and channels the chain was not asked about', () => {
    const rows = [candidate(1, 500n * OPG), candidate(2, 500n * OPG), candidate(3, 500n * OPG)]
    const isHeld = ({ voucher }: ClaimCandidate['row']) => voucher.channel === digest(1)
    const stateOf = (channel: Digest) => (channel === digest(2) ? undefined : rich)
    expect(planned(inputOf(rows, { isHeld, stateOf }))).toEqual({ why: 'value', channels: [3] })
  })
})

describe('Quarantine', () => {
  const { row } = candidate(1, 5n)

  it('holds a row until its voucher or its channel changes, and tries it again after an hour', () => {
    const quarantine = new Quarantine()
    const put = () => quarantine.put(row, { code: 'ClaimExceedsBalance', balance: 3n, at: 0 })
    put()
    expect(quarantine.holds(row, 3n, 1)).toBe(true)
    expect(quarantine.holds(row, 4n, 1)).toBe(false)
    put()
    expect(quarantine.holds({ ...row, totalClaimed: 4n }, 3n, 1)).toBe(false)
    put()
    expect(quarantine.holds(row, 3n, 3_600_000)).toBe(false)
    expect(quarantine.size).toBe(0)
  })

  it('forgets what is no candidate any more', () => {
    const quarantine = new Quarantine()
    quarantine.put(row, { code: 'InvalidSignature', balance: 3n, at: 0 })
    quarantine.keep([candidate(2, 1n)])
    expect(quarantine.size).toBe(0)
  })
})
