import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Counters of the gateway. Labels come from closed sets. */
export interface GatewayMetrics {
  readonly requests: Counter<'code'>
  readonly settlements: Counter<'scheme' | 'code'>
  readonly jobSeconds: Histogram
}

export function createGatewayMetrics(registry: Registry, running: () => number): GatewayMetrics {
  const registers = [registry]
  new Gauge({
    name: 'opg_gateway_running',
    help: 'Requests under way',
    registers,
    collect() {
      this.set(running())
    },
  })
  return {
    requests: new Counter({
      name: 'opg_gateway_requests_total',
      help: 'Requests by outcome',
      labelNames: ['code'],
      registers,
    }),
    settlements: new Counter({
      name: 'opg_gateway_settlements_total',
      help: 'Settlements by scheme and outcome',
      labelNames: ['scheme', 'code'],
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'opg_gateway_job_seconds',
      help: 'Time from a verified payment to its answer',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
  }
}
