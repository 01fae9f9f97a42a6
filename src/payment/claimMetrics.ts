import { Counter, Gauge, type Registry } from 'prom-client'

/** Counters of claims. Labels come from closed sets. */
export interface ClaimMetrics {
  readonly claims: Counter<'why' | 'result'>
  readonly rows: Counter<'result'>
  /** In whole OPG: a float holds no wei. */
  readonly claimed: Counter
  readonly gas: Counter<'purpose'>
  readonly quarantined: Gauge
  readonly distributions: Counter<'result'>
}

export function createClaimMetrics(registry: Registry): ClaimMetrics {
  const registers = [registry]
  return {
    claims: new Counter({
      name: 'opg_payment_claims_total',
      help: 'Claims sent through the splitter',
      labelNames: ['why', 'result'],
      registers,
    }),
    rows: new Counter({
      name: 'opg_payment_claim_rows_total',
      help: 'Rows of claims',
      labelNames: ['result'],
      registers,
    }),
    claimed: new Counter({ name: 'opg_payment_claimed_opg_total', help: 'OPG booked by own claims', registers }),
    gas: new Counter({
      name: 'opg_payment_gas_total',
      help: 'Gas of claims and distributions',
      labelNames: ['purpose'],
      registers,
    }),
    quarantined: new Gauge({
      name: 'opg_payment_quarantined_rows',
      help: 'Rows the contract refuses, until their cause goes',
      registers,
    }),
    distributions: new Counter({
      name: 'opg_payment_distributions_total',
      help: 'Distributions of the splitter',
      labelNames: ['result'],
      registers,
    }),
  }
}
