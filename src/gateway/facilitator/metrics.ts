import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Buckets up to what a caller waits for a block; seconds. */
const BUCKETS = [0.005, 0.02, 0.1, 0.5, 1, 2, 4, 8, 16, 32]

export interface FacilitatorMetrics {
  /** `result` is `ok`, or the reason as it was answered; reasons of the stock classes are a closed set too. */
  answered(path: 'verify' | 'settle', result: string, seconds: number): void
  replayed(): void
}

export function createFacilitatorMetrics(
  registry: Registry,
  init: { readonly open: () => number },
): FacilitatorMetrics {
  const answers = new Counter({
    name: 'opg_facilitator_answers_total',
    help: 'Answers by path and result',
    labelNames: ['path', 'result'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'opg_facilitator_answer_seconds',
    help: 'Time to an answer',
    labelNames: ['path'],
    buckets: BUCKETS,
    registers: [registry],
  })
  const replays = new Counter({
    name: 'opg_facilitator_replayed_total',
    help: 'Settlements that were asked for again and not done again',
    registers: [registry],
  })
  new Gauge({
    name: 'opg_facilitator_requests_under_way',
    help: 'Verifications and settlements under way',
    registers: [registry],
    collect() {
      this.set(init.open())
    },
  })
  return {
    answered: (path, result, took) => {
      answers.inc({ path, result })
      seconds.observe({ path }, took)
    },
    replayed: () => replays.inc(),
  }
}
