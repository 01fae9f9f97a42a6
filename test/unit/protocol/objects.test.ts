import { describe, expect, it } from 'vitest'
import {
  ASSURANCE,
  METHOD,
  MODE,
  NOT_CHECKED,
  PRIVACY,
  REASON,
  ROUND,
  SIGNED_TYPES,
  STATUS,
  structProblem,
  TIER,
} from '../../../src/protocol/index.ts'

/** Section 2 of docs/protocol.md, written out again. */
const MEMBERS: { readonly [type: string]: string } = {
  SessionGrant: 'operator sessionKey encryptionKey evidence modelsRoot policyEpoch previousGrant notBefore notAfter',
  Terms:
    'operator model macIn macOut memoryMB referenceRate token perRequest perGMAC perSecond perGBSecond minVerifyFee maxOutputUnits validUntil',
  Offer: 'operator grant termsRoot termsCount tiers privacy addressesHash sequence validUntil',
  Load: 'operator sequence utilisationPpm freeSlots at',
  Job: 'requester provider grant model inputHash parametersHash terms tier privacy mode token channel maxFee maxOutputUnits nonce createdAt deadline',
  Head: 'jobId grant index head outputUnits fee',
  Receipt:
    'jobId grant provider requester channel sequence model inputHash parametersHash terms outputHead headsRoot chunks inputUnits outputUnits mac billedMs memoryMB fee chargedAfter evidence trace assurance status startedAt finishedAt',
  Checkpoint:
    'operator grant sequence previous firstSequence count receiptsRoot totalFee epoch blockNumber blockHash createdAt',
  Vote: 'verifier seat checkpoint round accepted rejected replayed reasons methods assurance notChecked workCommit seenAt',
  Delivery: 'verifier checkpoint recordsHash count receivedAt',
  Batch:
    'number previous epoch settler checkpointsRoot leaves votesRoot auditsRoot auditOf jobs rejected acceptedFee mac data cutoff',
  RewardRoot: 'distributor epoch voids root leaves total cumulative table previous',
  VoidRoot: 'rewardRoot epoch',
  Leaf: 'index operator sequence checkpoint receiptsRoot count accepted rejected slashable acceptedFee certificate',
}

const ENUMERATIONS = { TIER, PRIVACY, MODE, STATUS, ASSURANCE, REASON } as const

describe('signed objects', () => {
  it('R3 are the listed types with the listed members in order', () => {
    expect(Object.fromEntries(SIGNED_TYPES.map((type) => [type.name, type.names.join(' ')]))).toEqual(MEMBERS)
  })

  it('R3 are flat: every member is one static ABI word', () => {
    for (const type of SIGNED_TYPES) {
      expect(type.typeString).toMatch(/^[A-Z]\w*\((address|bytes32|uint(8|16|32|64|128|256)) \w+(,(?=\w)|\)$)/)
      expect(type.typeString).not.toMatch(/\[|string|bytes |\b[A-Z]\w* \w/)
    }
  })

  it('R3 have distinct names and type hashes, so one digest belongs to one type', () => {
    expect(new Set(SIGNED_TYPES.map((type) => type.name)).size).toBe(SIGNED_TYPES.length)
    expect(new Set(SIGNED_TYPES.map((type) => Buffer.from(type.typeHash).toString('hex'))).size).toBe(
      SIGNED_TYPES.length,
    )
  })

  it('refuses code 0 of every enumerated member but the round of a vote', () => {
    for (const type of SIGNED_TYPES) {
      for (const [field, codes] of Object.entries(type.enumerations)) {
        expect(type.fields[field]).toBe('uint8')
        expect(Object.values(codes).includes(0), `${type.name}.${field}`).toBe(field === 'round')
      }
    }
  })

  it.each(Object.entries(ENUMERATIONS))('%s has distinct codes from 1 without gaps', (_, codes) => {
    expect(Object.values(codes)).toEqual(Object.values(codes).map((_, index) => index + 1))
  })

  it('numbers rounds from 0: fast, escalated, audit, jury', () => {
    expect(ROUND).toEqual({ fast: 0, escalated: 1, audit: 2, jury: 3 })
  })

  it.each([
    ['METHOD', METHOD],
    ['NOT_CHECKED', NOT_CHECKED],
  ])('%s has one bit each within 32', (_, bits) => {
    expect(Object.values(bits)).toEqual(Object.values(bits).map((_, index) => 2 ** index))
    expect(Object.values(bits).length).toBeLessThanOrEqual(31)
  })

  it('R12 reserves zk: no code of a tier names it and four tiers fit the mask of an offer', () => {
    expect(Object.keys(TIER)).toEqual(['signed', 'tee', 'replay', 'tee+replay'])
    const job = SIGNED_TYPES.find((type) => type.name === 'Job')
    const value = Object.fromEntries(
      (job?.names ?? []).map((name) => [
        name,
        { address: `0x${'11'.repeat(20)}`, bytes32: `0x${'22'.repeat(32)}`, uint128: 1n }[
          job?.fields[name] as string
        ] ?? 1,
      ]),
    )
    expect(structProblem(job!, value)).toBeUndefined()
    expect(structProblem(job!, { ...value, tier: 5 })).toMatchObject({ field: 'tier' })
  })

  it('R6 orders assurance from none to hardware, simulated below every hardware root', () => {
    expect(ASSURANCE.none).toBeLessThan(ASSURANCE.simulated)
    for (const [name, code] of Object.entries(ASSURANCE)) {
      if (name.startsWith('hardware-')) expect(code).toBeGreaterThan(ASSURANCE.simulated)
    }
  })
})
