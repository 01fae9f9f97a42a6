import fc from 'fast-check'
import { expect, test } from 'vitest'
import { authorizedOf } from '../../src/protocol/index.ts'
import { LedgerWorld, type PlannedJob } from '../support/ledgerWorld.ts'

type Model = { started: number }
type Step = fc.Command<Model, LedgerWorld>

const MAX_JOBS = 8

/** R24: a provider is owed at most one slice of each job that was open when it released, a requester ahead by one of each it began. */
function checkExposure(world: LedgerWorld): void {
  const { unpaid, unpaidBound, ahead, aheadBound } = world.exposures()
  expect(unpaid <= unpaidBound).toBe(true)
  expect(ahead <= aheadBound).toBe(true)
  expect(world.claimable() <= authorizedOf(world.payerDisk.account as never)).toBe(true)
}

const step = (name: string, run: (world: LedgerWorld) => void): Step => ({
  check: () => true,
  run: (_model, world) => {
    run(world)
    checkExposure(world)
  },
  toString: () => name,
})

const start = (plan: PlannedJob): Step => ({
  check: ({ started }) => started < MAX_JOBS,
  run: (model, world) => {
    model.started += 1
    world.start(plan)
    checkExposure(world)
  },
  toString: () => `start(${plan.heads.join(' ')}${plan.quorum ? ` quorum ${plan.accepted}` : ''}, slice ${plan.slice})`,
})

/** Heads whose fees grow by at most a slice, as a provider makes them (section 4.2). */
const plans: fc.Arbitrary<PlannedJob> = fc
  .record({
    slice: fc.bigInt({ min: 1n, max: 50n }),
    steps: fc.array(fc.bigInt({ min: 0n, max: 50n }), { minLength: 1, maxLength: 6 }),
    quorum: fc.boolean(),
    accepted: fc.boolean(),
  })
  .map(({ slice, steps, quorum, accepted }) => {
    let fee = 0n
    const heads = steps.map((grown) => {
      fee += grown % (slice + 1n)
      return fee
    })
    return { slice, heads, quorum, accepted }
  })

const index = fc.nat({ max: 31 })
const commands = [
  plans.map(start),
  index.map((at) => step(`deliver(${at})`, (world) => world.deliver(at))),
  index.map((at) => step(`deliver(${at})`, (world) => world.deliver(at))),
  index.map((at) => step(`deliver(${at})`, (world) => world.deliver(at))),
  index.map((at) => step(`lose(${at})`, (world) => world.lose(at))),
  index.map((at) => step(`repeat(${at})`, (world) => world.repeat(at))),
  fc.nat({ max: 5 }).map((steps) => step(`crashAfter(${steps})`, (world) => world.crashAfter(steps))),
  fc.constant(step('certify', (world) => world.certify())),
  fc.constant(step('giveUp', (world) => world.giveUp())),
  fc.constant(step('recall', (world) => world.recall())),
]

test('R26, R27: every job is charged once and both books agree to the wei, whatever is lost, repeated, reordered or crashes', () => {
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 120 }), (steps) => {
      const world = new LedgerWorld()
      fc.modelRun(() => ({ model: { started: 0 }, real: world }), steps)
      world.settle()
      const { payerDisk: payer, payeeDisk: payee } = world
      expect([...payer.jobs.keys(), ...payee.jobs.keys()]).toEqual([])
      expect(payer.account?.charged).toBe(payee.account?.charged)
      let total = 0n
      for (const [jobId, job] of payee.settled) {
        const mine = payer.settled.get(jobId)
        expect(mine === undefined ? 'never sent' : mine.outcome === job.outcome && mine.fee === job.fee).toBe(true)
        total += job.fee
      }
      expect(payee.account?.charged).toBe(total)
      expect(authorizedOf(payer.account as never) >= total).toBe(true)
      expect(world.claimable() <= total).toBe(true)
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 1_000), seed: 5 },
  )
})
