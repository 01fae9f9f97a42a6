import { describe, expect, it } from 'vitest'
import type { SignedCheckpoint } from '../../../../src/protocol/index.ts'
import {
  type CheckpointValidatorContext,
  type CheckpointVerdict,
  validateCheckpointMessage,
} from '../../../../src/roles/validators/checkpoint.ts'
import { createFirstSeen } from '../../../../src/roles/validators/firstSeen.ts'
import { encodeGossip } from '../../../../src/wire/index.ts'
import { buildCheckpoint, buildRecord, forgedSignature, NOW, PARAMETERS } from '../../../support/records.ts'
import { crypto, DOMAIN } from '../../../support/votes.ts'

const contextOf = (change: Partial<CheckpointValidatorContext> = {}): CheckpointValidatorContext => ({
  domain: DOMAIN,
  parameters: PARAMETERS,
  crypto,
  now: () => NOW,
  headNumber: () => 100,
  seatEpochAt: () => 1,
  isStaked: async () => true,
  firstSeen: createFirstSeen(8),
  ...change,
})
const record = buildRecord()
const good = buildCheckpoint([record])
const judge = (signed: SignedCheckpoint, context = contextOf()): Promise<CheckpointVerdict> =>
  validateCheckpointMessage(encodeGossip('checkpoint', signed), context)
const short = ({ verdict }: CheckpointVerdict): string =>
  verdict.action === 'accept' ? 'accept' : `${verdict.action} ${verdict.code}`

describe('R9 the validator of checkpoints', () => {
  it('accepts one that holds, once', async () => {
    const context = contextOf()
    expect(short(await judge(good, context))).toBe('accept')
    expect(short(await judge(good, context))).toBe('ignore seen')
  })

  it('is not blocked by a forged copy that comes first', async () => {
    const context = contextOf()
    const forged = { ...good, signature: forgedSignature(`0x${'01'.repeat(32)}`) }
    expect(short(await judge(forged, context))).toBe('reject bad-signature')
    expect(short(await judge(good, context))).toBe('accept')
  })

  it('does not forward a second digest of one sequence and names both', async () => {
    const context = contextOf()
    const other = buildCheckpoint([record], { createdAt: NOW - 1 })
    await judge(good, context)
    const result = await judge(other, context)
    expect(short(result)).toBe('ignore equivocation')
    expect(result.rival).toEqual(good)
    expect(result.signed).toEqual(other)
  })

  it.each([
    ['reject bad-count', buildCheckpoint([record], { count: 257 }), {}],
    ['reject bad-count', buildCheckpoint([record], { count: 0 }), {}],
    ['reject bad-epoch', buildCheckpoint([record], { epoch: 2 }), {}],
    ['ignore too-old', buildCheckpoint([record], { createdAt: NOW - 600_001 }), {}],
    ['ignore not-staked', good, { isStaked: async () => false }],
  ] as const)('says %s', async (expected, signed, change) => {
    const result = await judge(signed, contextOf(change))
    expect(short(result)).toBe(expected)
    expect(result.later).toBeUndefined()
  })

  it.each([
    ['ignore future-time', buildCheckpoint([record], { createdAt: NOW + 2_001 }), {}],
    ['ignore unknown-block', buildCheckpoint([record], { blockNumber: 101 }), {}],
    ['ignore unknown-stake', good, { isStaked: async () => undefined }],
  ] as const)('says %s and looks again later', async (expected, signed, change) => {
    const result = await judge(signed, contextOf(change))
    expect(short(result)).toBe(expected)
    expect(result.later).toBe(true)
  })

  it('rejects bytes that are no checkpoint, without any other check', async () => {
    const context = contextOf({ isStaked: () => Promise.reject(new Error('not asked')) })
    const result = await validateCheckpointMessage(Uint8Array.of(1, 2, 3), context)
    expect(result.verdict.action).toBe('reject')
  })
})
