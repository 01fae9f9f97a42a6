import { describe, expect, test } from 'vitest'
import { renderCommittee } from '../../../src/cli/render/committee.ts'
import { renderGovernedValues, renderProposal, renderProposals, titleOf } from '../../../src/cli/render/gov.ts'
import { renderModel } from '../../../src/cli/render/model.ts'
import { renderRewards } from '../../../src/cli/render/rewards.ts'
import { renderStakeAccount } from '../../../src/cli/render/stake.ts'
import { momentOf, opgOf, type Proposal, type RoleStake, type StakeAccount } from '../../../src/node/index.ts'
import { type Address, toChecksumAddress, ZERO_DIGEST } from '../../../src/protocol/index.ts'

const OPG = 10n ** 18n
const [operator, owner, other] = ['11', 'aa', 'cd'].map((byte) => `0x${byte.repeat(20)}` as Address) as [
  Address,
  Address,
  Address,
]
const SECOND = 1_800_000_000
const MOMENT = '2027-01-15T08:00:00Z'

test('moments have their zone, amounts lose no wei', () => {
  expect(momentOf(SECOND)).toBe(MOMENT)
  expect([opgOf(0n), opgOf(1n), opgOf(15n * 10n ** 17n), opgOf(10n ** 27n)]).toEqual([
    '0 OPG',
    '0.000000000000000001 OPG',
    '1.5 OPG',
    '1000000000 OPG',
  ])
})

describe('a stake', () => {
  const nothing = { minimum: OPG, staked: 0n, matured: 0n, countsFrom: undefined, unbonding: [], held: 0n } as const
  const account = (verifier: Partial<RoleStake>, over: Partial<StakeAccount> = {}): string =>
    renderStakeAccount({
      ...{ operator, currentKey: operator, owner, payout: other, isFrozen: false, epoch: 4 },
      roles: [
        { ...nothing, role: 'provider' },
        { ...nothing, role: 'verifier', ...verifier },
      ],
      votes: { staked: 3n * OPG, delegate: undefined },
      ...over,
    })

  test('says when it counts, when it comes free and what cases keep', () => {
    const text = account({
      ...{ staked: 3n * OPG, matured: OPG, countsFrom: 6, held: 2n * OPG },
      unbonding: [{ amount: OPG, releaseAt: SECOND }],
    })
    expect(text).toMatch(/verifier +3 OPG +1 OPG +epoch 6 +1 OPG until 2027-01-15T08:00:00Z +2 OPG/)
    expect(text).toContain('3 OPG, cast by nobody')
    expect(text).not.toContain('provider')
  })

  test('shows a role of which only cases or unbonding are left, and no table for nothing', () => {
    expect(account({ held: OPG })).toMatch(/verifier +0 OPG +0 OPG +now +- +1 OPG/)
    expect(account({ unbonding: [{ amount: OPG, releaseAt: SECOND }] })).toContain(`1 OPG until ${MOMENT}`)
    expect(account({})).not.toContain('verifier')
  })

  test('says who is frozen, rotated or not registered', () => {
    const rotated = account({}, { isFrozen: true, currentKey: other })
    expect(rotated).toContain(`${toChecksumAddress(operator)} (frozen)`)
    expect(rotated).toMatch(new RegExp(`rotated to +${toChecksumAddress(other)}`))
    const unknown = account({}, { owner: undefined, payout: undefined })
    expect(unknown).toContain('not registered: opg stake register')
    expect(unknown).not.toContain('votes')
  })
})

describe('a committee', () => {
  const view = { epoch: 9, signingWeight: 5n * OPG, active: [operator, other] } as const

  test('says who signs, who judges, and in which epoch it was opened', () => {
    const seats = [
      { seat: 0, operator, weight: 5n * OPG, signs: true },
      { seat: 1, operator: other, weight: OPG, signs: false },
    ]
    const text = renderCommittee({ ...view, openedIn: 9, seats }, { operator: 'me', signs: true })
    expect(text).toContain('9 (opened)')
    expect(text).toContain('2, of whom 1 sign')
    expect(text).toContain('me signs batches')
    expect(text).toMatch(new RegExp(`1 +${toChecksumAddress(other)} +1 OPG +juror`))
    expect(renderCommittee({ ...view, openedIn: 7, seats }, { operator: 'me', signs: false })).toMatch(
      /carried on from epoch 7\)[\s\S]*me does not sign/,
    )
  })

  test('says what to do where there is none', () => {
    const text = renderCommittee({ ...view, openedIn: undefined, seats: [] }, { operator: 'me', signs: false })
    expect(text).toContain('opg committee open')
    expect(text).not.toContain('seat  ')
  })
})

describe('proposals', () => {
  const proposal: Proposal = {
    ...{ number: 1, id: 77n, proposer: owner, state: 'queued', snapshot: SECOND, deadline: SECOND },
    ...{ executableFrom: SECOND, votes: { for: 2n * OPG, against: OPG, abstain: OPG }, quorum: 10n * OPG },
    ...{ description: '## A title\n\nwords', actions: [{ target: other, value: 0n, data: '0x1234' }] },
  }

  test('have the first line as title, and say when they can be executed', () => {
    expect(titleOf({ description: 'plain' })).toBe('plain')
    expect(titleOf({ description: '' })).toBe('')
    const text = renderProposal(proposal)
    expect(text).toContain('1: A title\n')
    expect(text).toMatch(/quorum +3 OPG of 10 OPG/)
    expect(text).toContain(`from ${MOMENT}`)
    expect(text).toMatch(new RegExp(`${toChecksumAddress(other)} +0 +0x1234`))
    expect(renderProposal({ ...proposal, executableFrom: undefined })).not.toContain('executable')
  })

  test('are listed newest first', () => {
    const text = renderProposals([proposal, { ...proposal, number: 2 }])
    expect(text.split('\n').map((line) => line.slice(0, 1))).toEqual(['n', '2', '1'])
    expect(renderProposals([])).toBe('no proposals')
  })

  test('change values, which are shown in percent, with what was announced', () => {
    const text = renderGovernedValues({
      params: [
        { name: 'networkShare', value: 2_000, least: 500, most: 3_050, announced: { value: 5, effectiveAt: SECOND } },
      ],
      modules: [
        { name: 'evidence', target: other, isPaused: true, announced: { target: undefined, effectiveAt: SECOND } },
        { name: 'disputeCourt', target: undefined, isPaused: false, announced: undefined },
      ],
      ...{ guardian: undefined, guardianEnd: SECOND, changeDelay: 5 },
    })
    expect(text).toMatch(/networkShare +20 % +5 % to 30.5 % +0.05 % from 2027/)
    expect(text).toContain(`${toChecksumAddress(other)} (paused)  none from ${MOMENT}`)
    expect(text).toMatch(/disputeCourt +none/)
    expect(text).toMatch(/guardian +none/)
  })
})

test('rewards say until when a root can be voided, and what the account has had', () => {
  const root = { number: 1, epoch: 3, root: ZERO_DIGEST, leaves: 2, cumulative: OPG, finalAt: SECOND } as const
  const rewards = {
    ...{ final: undefined, waiting: [root], owed: OPG, releasable: 0n },
    budget: { epoch: 4, fees: OPG, emission: 2n * OPG, carried: 3n * OPG },
  }
  const earnings = {
    ...{ account: operator, claimed: 7n * OPG, splitter: other, isSplitterMade: false },
    owed: { provider: 0n, network: 0n },
  }
  const text = renderRewards(rewards, earnings)
  expect(text).toMatch(/final root +none yet/)
  expect(text).toContain(`can be voided until ${MOMENT}`)
  expect(text).toContain('6 OPG: fees 1 OPG, emission 2 OPG, carried over 3 OPG')
  expect(text).toContain('(not made yet)')
  expect(renderRewards({ ...rewards, final: root, waiting: [] }, earnings)).toContain('epoch 3, 2 accounts')
})

test('a model says whose it is, what is newer and why it should not be used', () => {
  const [id, head] = [ZERO_DIGEST, `0x${'11'.repeat(32)}`] as const
  const model = {
    ...{ id, line: id, name: 'opg/x', owner, pendingOwner: other, version: 1, versions: 2, previous: undefined, head },
    ...{ payee: undefined, registeredAt: SECOND },
    deprecation: { reason: 'security', successor: head },
  } as const
  const text = renderModel(model)
  expect(text).toMatch(/version +1 of 2\n/)
  expect(text).toMatch(new RegExp(`newest +${head}`))
  expect(text).toContain('to the treasury')
  expect(text).toMatch(new RegExp(`offered to +${toChecksumAddress(other)}`))
  expect(text).toContain(`security, use ${head}`)
  const newest = renderModel({ ...model, head: id, pendingOwner: undefined, payee: other, deprecation: undefined })
  expect(newest).toContain('1 of 2, the newest')
  expect(newest).toContain(`to ${toChecksumAddress(other)}`)
  expect(newest).not.toMatch(/deprecated|offered/)
})
