import { describe, expect, test } from 'vitest'
import { describeError, exitOf, requestError } from '../../../src/cli/errors.ts'
import { exitCodeOf } from '../../../src/cli/exitCodes.ts'
import { renderError } from '../../../src/cli/render/error.ts'
import { LOCAL_STATEMENT, notCheckedNames, paymentOf, renderInfer } from '../../../src/cli/render/infer.ts'
import { renderOffers } from '../../../src/cli/render/offers.ts'
import { renderTable, shortId } from '../../../src/cli/render/table.ts'
import { ChainRefusal, NodeError, opgOf } from '../../../src/node/index.ts'
import {
  ANSWER_FAULTS,
  NOT_CHECKED,
  RECEIPT_FAULTS,
  RECEIPT_FILE_ERRORS,
  REQUEST_ERRORS,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'

describe('people read', () => {
  test('amounts in OPG without losing a wei', () => {
    expect(opgOf('0')).toBe('0 OPG')
    expect(opgOf(1n)).toBe('0.000000000000000001 OPG')
    expect(opgOf('1500000000000000000')).toBe('1.5 OPG')
    expect(opgOf(10n ** 27n)).toBe('1000000000 OPG')
  })

  test('tables in columns and ids cut in the middle', () => {
    expect(
      renderTable(
        ['A', 'LONG'],
        [
          ['1', '2'],
          ['333', '4'],
        ],
      ),
    ).toBe('A    LONG\n1    2\n333  4')
    expect(shortId(ZERO_DIGEST)).toBe('0x00000000…0000')
    expect(shortId('short')).toBe('short')
  })

  test('of an answer what was checked, how it is paid and how sure it is', () => {
    const text = renderInfer({
      jobId: '0x1',
      model: '0x2',
      name: 'opg/x',
      provider: '0x3',
      requester: '0x4',
      mode: 'local',
      tier: 'signed',
      privacy: 'open',
      outputs: { y: { dtype: 'F32', shape: [1, 100], data: Array.from({ length: 100 }, (_, index) => index) } },
      assurance: 'simulated',
      statement: LOCAL_STATEMENT,
      notChecked: notCheckedNames(NOT_CHECKED.output | NOT_CHECKED.payment),
      status: 'complete',
      units: 1,
      fee: '5',
      payment: paymentOf(ZERO_DIGEST),
      timings: { receiptMs: 3 },
      receipt: '/r.json',
    })
    expect(text).toContain('checked      evidence and receipt checked; output not recomputed\n')
    expect(text).toContain('assurance    simulated\n')
    expect(text).toContain('payment      unpaid (channel 0), fee 0.000000000000000005 OPG\n')
    expect(text).toContain('not checked  output, payment\n')
    expect(text).toContain('63 … (100)')
  })

  test('that nothing is on sale', () => {
    expect(renderOffers([])).toBe('no offers')
  })
})

describe('an error', () => {
  test('has code, message, expected, got and hint', () => {
    const failure = describeError(new NodeError({ code: 'home-missing', home: '/h' }, 'expected a home, there is none'))
    expect(failure).toEqual({
      code: 'home-missing',
      message: 'expected a home, there is none',
      hint: 'opg init --network network.json',
    })
    const text = renderError({ code: 'x', message: 'it failed', expected: '1', got: '2', hint: 'try 1' })
    expect(text).toBe('opg: x: it failed\n  expected  1\n  got       2\n  try       try 1')
  })

  test('names its code once, in lines of their own and of bounded length, whatever a file or a peer said', () => {
    expect(renderError({ code: 'x', message: 'x: it failed' })).toBe('opg: x: it failed')
    const text = renderError({ code: 'x', message: 'a\n\u001b[2Jopg: ok', got: '0'.repeat(9_999), hint: 'try\r1' })
    expect(text).toMatch(/^opg: x: a \[2Jopg: ok\n {2}got {7}0{600}…\n {2}try {7}try 1$/)
  })

  test('without a code of ours is a plain failure', () => {
    expect(describeError(new Error('boom'))).toEqual({ code: 'failed', message: 'boom' })
    expect(exitOf({ code: 'failed' })).toBe(1)
  })
})

describe('a refusal of the chain side', () => {
  test('keeps its own hint, and what was expected and what came', () => {
    const refusal = new ChainRefusal(
      { code: 'below-threshold', expected: 'at least 2 OPG', got: '1 OPG', hint: 'opg gov delegate' },
      'a proposer needs 2 OPG of votes',
    )
    expect(describeError(refusal)).toEqual({
      ...{ code: 'below-threshold', message: 'a proposer needs 2 OPG of votes' },
      ...{ expected: 'at least 2 OPG', got: '1 OPG', hint: 'opg gov delegate' },
    })
  })
})

describe('exit codes', () => {
  test('of every way a request can end', () => {
    const codes = Object.fromEntries(REQUEST_ERRORS.map((code) => [code, exitCodeOf(code)]))
    expect(codes).toEqual({
      'no-offer': 4,
      refused: 4,
      'evidence-refused': 3,
      unreachable: 4,
      'stream-failed': 4,
      'answer-invalid': 3,
      rejected: 3,
      undecided: 3,
      'timed-out': 5,
      payment: 6,
      cancelled: 130,
    })
  })

  test('of a receipt mean verification, whatever else shares a code', () => {
    const others = [...RECEIPT_FAULTS, ...RECEIPT_FILE_ERRORS].filter((code) => ![1, 3].includes(exitCodeOf(code)))
    expect(others).toEqual([])
    for (const code of RECEIPT_FAULTS) expect([code, exitOf({ code })]).toEqual([code, 3])
  })

  test('of the chain side tell a wrong command from money, verification and what only time or others can change', () => {
    const codes = {
      2: ['below-minimum', 'out-of-bounds', 'not-owner', 'not-publisher', 'proposal-unknown', 'proposal-reverts'],
      3: ['reward-table-foreign'],
      4: ['rpc-unreachable'],
      5: ['not-included'],
      6: ['insufficient-funds', 'insufficient-allowance'],
      1: ['not-matured', 'still-bonded', 'timelock-waiting', 'no-final-root', 'not-in-signing-set', 'reverted'],
    }
    for (const [exit, named] of Object.entries(codes)) {
      for (const code of named) expect([code, exitCodeOf(code)]).toEqual([code, Number(exit)])
    }
  })

  test('of money come before those of the refusal they came with', () => {
    const failure = { message: 'refused', deliveredChunks: 0, paid: 0n } as const
    const broke = requestError({ ...failure, code: 'refused', cause: 'insufficient-funds' })
    expect([broke.code, exitOf(broke)]).toEqual(['insufficient-funds', 6])
    const busy = requestError({ ...failure, code: 'refused', cause: 'busy' })
    expect([busy.code, exitOf(busy), busy.message]).toEqual(['refused', 4, 'refused (busy)'])
    const wrong = requestError({ ...failure, code: 'answer-invalid', cause: ANSWER_FAULTS[0] })
    expect(exitOf(wrong)).toBe(3)
  })
})
