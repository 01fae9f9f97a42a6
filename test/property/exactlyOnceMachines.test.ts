import fc from 'fast-check'
import { expect, test } from 'vitest'
import { authorizedOf } from '../../src/protocol/index.ts'
import type { Plan } from '../support/paidWorld/requesterProcess.ts'
import { PaidWorld } from '../support/paidWorld/world.ts'

type Model = { requests: number }
type Step = fc.Command<Model, PaidWorld>

const MAX_REQUESTS = 6

/** R24: neither side is ever exposed by more than one slice of each job that is open. */
function checkExposure(world: PaidWorld): void {
  const { unpaid, unpaidBound, ahead, aheadBound } = world.exposures()
  expect(unpaid <= unpaidBound).toBe(true)
  expect(ahead <= aheadBound).toBe(true)
}

const step = (name: string, run: (world: PaidWorld) => void): Step => ({
  check: () => true,
  run: (_model, world) => {
    run(world)
    checkExposure(world)
  },
  toString: () => name,
})

const request = (plan: Plan): Step => ({
  check: ({ requests }) => requests < MAX_REQUESTS,
  run: (model, world) => {
    model.requests += 1
    world.request(plan)
    checkExposure(world)
  },
  toString: () => `request(${plan.units} ${plan.mode})`,
})

const index = fc.nat({ max: 63 })
const often = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T>[] => Array(times).fill(arbitrary)
const at = (name: string, run: (world: PaidWorld, index: number) => void): fc.Arbitrary<Step> =>
  index.map((value) => step(`${name}(${value})`, (world) => run(world, value)))
const once = (name: string, run: (world: PaidWorld) => void): fc.Arbitrary<Step> => fc.constant(step(name, run))

const plans: fc.Arbitrary<Plan> = fc.record({
  units: fc.integer({ min: 1, max: 80 }),
  mode: fc.constantFrom('local', 'local', 'buffered', 'quorum'),
})

const commands: fc.Arbitrary<Step>[] = [
  ...often(2, plans.map(request)),
  ...often(
    12,
    at('deliver', (world, value) => world.deliver(value)),
  ),
  ...often(
    4,
    once('syncProvider', (world) => world.syncProvider()),
  ),
  ...often(
    4,
    once('syncRequester', (world) => world.syncRequester()),
  ),
  ...often(
    3,
    at('lookUp', (world, value) => world.lookUp(value)),
  ),
  ...often(
    2,
    at('finishWork', (world, value) => world.finishWork(value)),
  ),
  once('voucherDue', (world) => world.voucherDue()),
  once('checkpoint', (world) => world.checkpoint()),
  fc.boolean().map((abandoned) => step(`certify(${abandoned})`, (world) => world.certify(abandoned))),
  once('askLater', (world) => world.askLater()),
  once('recall', (world) => world.recall()),
  at('retry', (world, value) => world.retry(value)),
  at('copy', (world, value) => world.copy(value)),
  fc
    .tuple(index, fc.nat({ max: 3 }))
    .map(([value, left]) => step(`break(${value}, ${left})`, (world) => world.break(value, left))),
  fc
    .tuple(index, fc.constantFrom('cancel', 'timeout', 'give-up'))
    .map(([value, how]) => step(`stop(${value}, ${how})`, (world) => world.stop(value, how))),
  fc
    .tuple(fc.constantFrom('provider', 'requester', 'both'), fc.nat({ max: 12 }))
    .map(([side, steps]) => step(`crash(${side}, ${steps})`, (world) => world.crash(side, steps))),
]

test('R26, R27: requester and provider charge every job once and agree to the wei, whatever breaks, comes twice or dies', () => {
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 160, size: 'max' }), (steps) => {
      const world = new PaidWorld()
      fc.modelRun(() => ({ model: { requests: 0 }, real: world }), steps)
      world.settle()
      const { disk: payer } = world.requester
      const { disk: payee } = world.provider
      expect(payer.account?.charged).toBe(payee.account?.charged ?? 0n)
      let total = 0n
      for (const [jobId, job] of payee.settled) {
        const { outcome, fee } = payer.settled.get(jobId) ?? { outcome: 'refunded', fee: 0n }
        expect({ jobId, outcome, fee }).toEqual({ jobId, outcome: job.outcome, fee: job.fee })
        total += job.fee
      }
      for (const [jobId, { fee }] of payer.settled) expect(payee.settled.get(jobId)?.fee ?? 0n).toBe(fee)
      expect(payee.account?.charged ?? 0n).toBe(total)
      expect(authorizedOf(payer.account ?? {}) >= total).toBe(true)
      for (const [jobId, receipt] of payer.receipts)
        expect(payee.answers.get(jobId)?.record.receiptSignature).toBe(receipt.signature)
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 300), seed: Number(process.env.FUZZ_SEED ?? 7) },
  )
})
