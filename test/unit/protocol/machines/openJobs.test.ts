import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobAccount } from '../../../../src/protocol/index.ts'
import { H } from '../../../../src/protocol/index.ts'
import { OpenJobs } from '../../../../src/protocol/machines/openJobs.ts'

const amount = fc.bigInt({ min: 0n, max: 1_000n })
const job = fc.record({
  jobId: fc.integer({ min: 0, max: 5 }).map((index) => H('test/job', index)),
  channel: fc.constant(H('test/channel')),
  state: fc.constantFrom<'pending' | 'served'>('pending', 'served'),
  ...{ slice: amount, maxFee: amount, fee: amount, covered: amount, quorum: fc.boolean(), since: fc.constant(0) },
})

const sum = (jobs: readonly JobAccount[], of: 'slice' | 'maxFee' | 'fee' | 'covered'): bigint =>
  jobs.reduce((total, each) => total + each[of], 0n)

describe('the unsettled jobs of a channel', () => {
  it('keeps the sums that adding up every job would give', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(job, fc.boolean())), (steps) => {
        const open = new OpenJobs()
        for (const [each, isEnd] of steps) {
          if (isEnd) open.delete(each.jobId)
          // A served job never runs again.
          else if (each.state === 'served' || open.get(each.jobId)?.state !== 'served') open.put(each)
        }
        const all = open.all()
        const pending = all.filter(({ state }) => state === 'pending')
        expect(open.size).toBe(new Set(all.map(({ jobId }) => jobId)).size)
        expect([open.slice, open.maxFee, open.covered]).toEqual([
          sum(all, 'slice'),
          sum(all, 'maxFee'),
          sum(all, 'covered'),
        ])
        expect([open.pending.slice, open.pending.maxFee, open.pending.fee]).toEqual([
          sum(pending, 'slice'),
          sum(pending, 'maxFee'),
          sum(pending, 'fee'),
        ])
      }),
    )
  })

  it('lists jobs in the order of serving, whatever the order they began in', () => {
    const [a, b] = [H('test/job', 1), H('test/job', 2)]
    const begun: Omit<JobAccount, 'jobId'> = {
      ...{ channel: H('test/channel'), state: 'pending', slice: 1n, maxFee: 1n, fee: 0n, covered: 1n },
      ...{ quorum: false, since: 0 },
    }
    const open = new OpenJobs([
      { ...begun, jobId: a },
      { ...begun, jobId: b },
    ])
    open.put({ ...begun, jobId: b, state: 'served' })
    open.put({ ...begun, jobId: a, state: 'served' })
    expect(open.served().map(({ jobId }) => jobId)).toEqual([b, a])
  })
})
