import { describe, expect, it } from 'vitest'
import {
  ASSURANCE,
  type JobRecord,
  METHOD,
  NOT_CHECKED,
  PRIVACY,
  REASON,
  type ReasonName,
  type Receipt,
  STATUS,
  utf8,
} from '../../../src/protocol/index.ts'
import { checkReceipt, checkRecords, type ReceiptContext } from '../../../src/verification/index.ts'
import {
  buildCheckpoint,
  buildGrant,
  buildRecord,
  contextOf,
  forgedSignature,
  judgedGrant,
  MODEL,
  NOW,
  type RecordHooks,
} from '../../support/records.ts'
import { DOMAIN } from '../../support/votes.ts'

const outcome = (record: JobRecord, context: ReceiptContext = contextOf(record)): string => {
  const result = checkReceipt(record, context)
  return result.ok ? 'ok' : result.error.reason
}
const withReceipt = (change: Partial<Receipt>): RecordHooks => ({ receipt: (receipt) => ({ ...receipt, ...change }) })
const FAR = `0x${'f0'.repeat(32)}` as const
const NOBODY = `0x${'11'.repeat(20)}` as const

describe('a record in which everything holds', () => {
  it('R14 passes, and says what was looked at and what was not', () => {
    const record = buildRecord()
    expect(checkReceipt(record, contextOf(record))).toEqual({
      ok: true,
      value: {
        methods: METHOD.signatures | METHOD.accounting | METHOD.evidence,
        notChecked: NOT_CHECKED.output | NOT_CHECKED.payment,
        assurance: ASSURANCE.simulated,
      },
    })
  })

  it('R12 passes without its transcript, which is then not checked', () => {
    const record = buildRecord({ record: ({ transcript: _, ...rest }) => rest })
    const result = checkReceipt(record, contextOf(record))
    expect(result.ok && result.value.notChecked & NOT_CHECKED.transcript).toBe(NOT_CHECKED.transcript)
  })

  it('R6 carries what the grant verdict did not check', () => {
    const record = buildRecord()
    const backing = { assurance: ASSURANCE.simulated, notChecked: NOT_CHECKED.measurements }
    const context = contextOf(record, { grant: { ...judgedGrant(), verdict: { ok: true, value: backing } } })
    const result = checkReceipt(record, context)
    expect(result.ok && result.value.notChecked & NOT_CHECKED.measurements).toBe(NOT_CHECKED.measurements)
  })

  it('R26 passes when it failed and costs nothing', () => {
    const record = buildRecord({
      output: new Uint8Array(0),
      units: 0,
      heads: () => [],
      ...withReceipt({ status: STATUS.failed, fee: 0n }),
    })
    expect(outcome(record)).toBe('ok')
  })
})

/** One thing broken each; everything that depends on it is signed and hashed anew. */
const broken: readonly (readonly [ReasonName, string, RecordHooks])[] = [
  ['bad-membership', 'another provider', withReceipt({ provider: NOBODY })],
  ['job-mismatch', 'another job id', withReceipt({ jobId: FAR })],
  ['job-mismatch', 'another requester', withReceipt({ requester: NOBODY })],
  ['job-mismatch', 'another model', withReceipt({ model: FAR })],
  ['job-mismatch', 'another input', withReceipt({ inputHash: FAR })],
  ['job-mismatch', 'other parameters', withReceipt({ parametersHash: FAR })],
  ['job-mismatch', 'other terms', withReceipt({ terms: FAR })],
  ['job-mismatch', 'another channel', withReceipt({ channel: FAR })],
  ['job-mismatch', 'parameters that are not canonical', { parameters: utf8('{ }') }],
  [
    'job-mismatch',
    'parameters of another job',
    { record: (record) => ({ ...record, transcript: { ...record.transcript!, parameters: utf8('{"a":1}') } }) },
  ],
  ['bad-grant', 'work before the grant', { startedAt: NOW - 61_000 }],
  [
    'bad-grant',
    'a job after the grant',
    { job: { createdAt: NOW + 3_600_000, deadline: NOW + 3_700_000 }, terms: { validUntil: NOW + 3_600_001 } },
  ],
  ['bad-evidence', 'other evidence', withReceipt({ evidence: FAR })],
  ['assurance-mismatch', 'a better assurance', withReceipt({ assurance: ASSURANCE['hardware-aws'] })],
  ['bad-terms', 'terms of another digest', { job: { terms: FAR } }],
  ['bad-terms', 'terms of another operator', { terms: { operator: NOBODY } }],
  ['bad-terms', 'terms of another model', { job: { model: FAR } }],
  ['bad-terms', 'another token', { job: { token: NOBODY } }],
  ['bad-terms', 'terms that had ended', { terms: { validUntil: NOW - 2_000 } }],
  ['bad-terms', 'an offer of another operator', { offer: { operator: NOBODY } }],
  ['bad-terms', 'a tier that was not offered', { offer: { tiers: 1 } }],
  ['bad-terms', 'a privacy that was not offered', { job: { privacy: PRIVACY.sealed } }],
  ['bad-terms', 'an index past the count', { offer: { termsCount: 1 } }],
  ['bad-terms', 'another root', { offer: { termsRoot: FAR } }],
  ['bad-terms', 'another index', { record: (record) => ({ ...record, termsIndex: 0 }) }],
  ['bad-terms', 'no path', { record: (record) => ({ ...record, termsProof: [] }) }],
  ['wrong-receiver', 'a channel', { job: { channel: FAR } }],
  [
    'wrong-receiver',
    'a voucher without a channel',
    { record: (record) => ({ ...record, voucher: { channel: FAR, amount: 1n, signature: record.jobSignature } }) },
  ],
  ['bad-charge', 'a charge on an unpaid job', withReceipt({ chargedAfter: 1n })],
  ['units-mismatch', 'more units than the job allows', { units: 9 }],
  ['units-mismatch', 'input units of a tensor model', { inputUnits: 1 }],
  ['units-mismatch', 'more units than the terms allow', { units: 7, terms: { maxOutputUnits: 6 } }],
  ['fee-mismatch', 'a wei more', withReceipt({ fee: 1_000_000_001n + 10n ** 9n })],
  ['fee-mismatch', 'more work', withReceipt({ mac: 1n })],
  ['fee-mismatch', 'more time', withReceipt({ billedMs: 29 })],
  ['fee-mismatch', 'more memory', withReceipt({ memoryMB: 101 })],
  ['fee-mismatch', 'a fee for failed work', withReceipt({ status: STATUS.failed })],
  ['over-ceiling', 'a fee above the maximum', { job: { maxFee: 1n } }],
  ['below-minimum-fee', 'a fee that pays for no check', { terms: { minVerifyFee: 10n ** 12n } }],
  ['late', 'after the deadline', { job: { deadline: NOW - 871 } }],
  ['late', 'an end before the start', withReceipt({ finishedAt: NOW - 901, billedMs: 0, fee: 1_010_000_000n })],
  ['late', 'an end after the checkpoint', { startedAt: NOW - 29 }],
  ['bad-heads', 'no head', { heads: () => [] }],
  ['bad-heads', 'a head of another job', { heads: ([first, ...rest]) => [{ ...first!, jobId: FAR }, ...rest] }],
  ['bad-heads', 'no head over the first chunk', { heads: (heads) => heads.slice(1) }],
  ['bad-heads', 'no head over the last chunk', { heads: (heads) => heads.slice(0, -1) }],
  ['bad-heads', 'a head twice', { heads: (heads) => [heads[0]!, ...heads] }],
  ['bad-heads', 'another last head', { heads: (heads) => [...heads.slice(0, -1), { ...heads.at(-1)!, head: FAR }] }],
  ['bad-heads', 'another last fee', { heads: (heads) => [...heads.slice(0, -1), { ...heads.at(-1)!, fee: 1n }] }],
  ['bad-heads', 'fees that fall', { heads: ([first, ...rest]) => [{ ...first!, fee: 10n ** 18n }, ...rest] }],
  ['bad-heads', 'another root', withReceipt({ headsRoot: FAR })],
  ['bad-chain', 'another trace', withReceipt({ trace: FAR })],
  ['bad-chain', 'another runtime class', { record: (record) => ({ ...record, runtimeClass: FAR }) }],
  [
    'bad-chain',
    'another input',
    { record: (record) => ({ ...record, transcript: { ...record.transcript!, input: utf8('other') } }) },
  ],
  [
    'bad-chain',
    'another chunk',
    {
      record: (record) => {
        const [first, ...rest] = record.transcript!.chunks
        return { ...record, transcript: { ...record.transcript!, chunks: [{ ...first!, data: utf8('x') }, ...rest] } }
      },
    },
  ],
  [
    'bad-chain',
    'a chunk too few',
    {
      record: (record) => ({
        ...record,
        transcript: { ...record.transcript!, chunks: record.transcript!.chunks.slice(1) },
      }),
    },
  ],
  [
    'bad-signature',
    'a forged job',
    { record: (record) => ({ ...record, jobSignature: forgedSignature(record.receipt.jobId) }) },
  ],
  ['bad-signature', 'a forged offer', { record: (record) => ({ ...record, offerSignature: forgedSignature(FAR) }) }],
  [
    'bad-signature',
    'a forged receipt',
    { record: (record) => ({ ...record, receiptSignature: forgedSignature(FAR) }) },
  ],
  [
    'bad-signature',
    'a forged head',
    {
      record: (record) => ({
        ...record,
        heads: record.heads.map((head) => ({ ...head, signature: forgedSignature(FAR) })),
      }),
    },
  ],
]

describe('R14 a receipt is rejected', () => {
  it.each(broken)('with %s for %s', (reason, _what, hooks) => {
    expect(outcome(buildRecord(hooks))).toBe(reason)
  })

  it('with bad-membership for another grant than the checkpoint names', () => {
    const record = buildRecord()
    const checkpoint = buildCheckpoint([record], { grant: FAR }).checkpoint
    expect(outcome(record, contextOf(record, { checkpoint }))).toBe('bad-membership')
  })

  it('with bad-sequence for a number that is not the one of its place', () => {
    const record = buildRecord({ sequence: 6 })
    const checkpoint = buildCheckpoint([record], { firstSequence: 5 }).checkpoint
    expect(outcome(record, contextOf(record, { checkpoint, index: 1 }))).toBe('ok')
    expect(outcome(record, contextOf(record, { checkpoint, index: 0 }))).toBe('bad-sequence')
  })

  it('with bad-sequence where the checkpoint before it leaves a gap under the same grant', () => {
    const record = buildRecord({ sequence: 5 })
    const checkpoint = buildCheckpoint([record], { sequence: 2 }).checkpoint
    const previous = { ...checkpoint, sequence: 1, firstSequence: 3, count: 2 }
    expect(outcome(record, contextOf(record, { checkpoint, previous }))).toBe('ok')
    expect(outcome(record, contextOf(record, { checkpoint, previous: { ...previous, count: 1 } }))).toBe('bad-sequence')
    expect(outcome(record, contextOf(record, { checkpoint, previous: { ...previous, sequence: 0 } }))).toBe(
      'bad-sequence',
    )
    const other = { ...previous, count: 1, grant: FAR }
    expect(outcome(record, contextOf(record, { checkpoint, previous: other }))).toBe('ok')
  })

  it('with fee-mismatch when the total of the checkpoint is not the sum of its fees', () => {
    const record = buildRecord()
    expect(outcome(record, contextOf(record, { totalFee: record.receipt.fee + 1n }))).toBe('fee-mismatch')
  })

  it('with replayed-job when it was billed before', () => {
    const record = buildRecord()
    expect(outcome(record, contextOf(record, { isBilled: (jobId) => jobId === record.receipt.jobId }))).toBe(
      'replayed-job',
    )
  })

  it('R29 with overexposed at one wei above the limit', () => {
    const record = buildRecord()
    const exposureLimit = record.receipt.fee + 7n
    expect(outcome(record, contextOf(record, { exposureLimit, exposed: 7n }))).toBe('ok')
    expect(outcome(record, contextOf(record, { exposureLimit, exposed: 8n }))).toBe('overexposed')
  })

  it('R4 with bad-grant for the grant of another operator', () => {
    const grant = buildGrant({ operator: NOBODY })
    const record = buildRecord({ grant })
    expect(outcome(record, contextOf(record, { grant: judgedGrant(grant) }))).toBe('bad-grant')
  })

  it('R4 with bad-grant for a model the grant does not cover, where its models are known', () => {
    const record = buildRecord({ model: FAR })
    expect(outcome(record, contextOf(record, { grant: { ...judgedGrant(), models: [MODEL] } }))).toBe('bad-grant')
    expect(outcome(record, contextOf(record, { grant: { ...judgedGrant(), models: [FAR] } }))).toBe('ok')
  })

  it.each(['bad-grant', 'bad-evidence', 'stale-policy'] as const)(
    'R5 with %s where the grant got that verdict',
    (reason) => {
      const record = buildRecord()
      const grant = { ...judgedGrant(), verdict: { ok: false, error: reason } as const }
      expect(outcome(record, contextOf(record, { grant }))).toBe(reason)
    },
  )

  it('R23 with wrong-receiver for an unpaid job on any network but a devnet', () => {
    const record = buildRecord()
    expect(outcome(record, contextOf(record, { profile: 'production' }))).toBe('wrong-receiver')
  })

  it('has a test for every reason that needs no replay', () => {
    const elsewhere = [
      'output-mismatch',
      'trace-mismatch',
      'stale-policy',
      'overexposed',
      'replayed-job',
      'bad-sequence',
    ]
    const covered = new Set([...broken.map(([reason]) => reason as string), ...elsewhere])
    expect(Object.keys(REASON).filter((reason) => !covered.has(reason))).toEqual([])
  })
})

describe('the records of a checkpoint', () => {
  const records = [buildRecord({ sequence: 0 }), buildRecord({ sequence: 1 })]
  const { checkpoint } = buildCheckpoint(records)

  it('R14 are those whose receipts give its root, in order', () => {
    expect(checkRecords(DOMAIN, checkpoint, records)).toMatchObject({ ok: true })
    expect(checkRecords(DOMAIN, checkpoint, [...records].reverse())).toMatchObject({ error: { code: 'records-root' } })
    expect(checkRecords(DOMAIN, checkpoint, records.slice(1))).toMatchObject({ error: { code: 'records-count' } })
    const swapped = [records[0]!, buildRecord({ sequence: 1, nonce: FAR })]
    expect(checkRecords(DOMAIN, checkpoint, swapped)).toMatchObject({ error: { code: 'records-root' } })
  })
})
