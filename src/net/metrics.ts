import { Counter, Gauge, type Registry } from 'prom-client'

/** Counters of the network room. Labels come from closed sets: codes, kinds, directions. */
export interface NetMetrics {
  readonly conduct: Counter<'code'>
  readonly peers: Gauge
  readonly refused: Counter<'code'>
  readonly streams: Gauge<'direction'>
  readonly streamErrors: Counter<'code'>
  readonly gossip: Counter<'kind' | 'action' | 'code'>
  readonly gossipQueue: Gauge<'kind'>
  readonly gossipStuck: Counter
}

export function createNetMetrics(registry: Registry): NetMetrics {
  const registers = [registry]
  return {
    conduct: new Counter({
      name: 'opg_net_conduct_total',
      help: 'Reported misbehaviour',
      labelNames: ['code'],
      registers,
    }),
    peers: new Gauge({ name: 'opg_net_peers', help: 'Admitted peers', registers }),
    refused: new Counter({
      name: 'opg_net_refused_total',
      help: 'Refused connections',
      labelNames: ['code'],
      registers,
    }),
    streams: new Gauge({ name: 'opg_net_streams', help: 'Open streams', labelNames: ['direction'], registers }),
    streamErrors: new Counter({
      name: 'opg_net_stream_errors_total',
      help: 'Failed streams',
      labelNames: ['code'],
      registers,
    }),
    gossip: new Counter({
      name: 'opg_net_gossip_messages_total',
      help: 'Judged gossip messages',
      labelNames: ['kind', 'action', 'code'],
      registers,
    }),
    gossipQueue: new Gauge({
      name: 'opg_net_gossip_queue',
      help: 'Messages waiting for a validator',
      labelNames: ['kind'],
      registers,
    }),
    gossipStuck: new Counter({
      name: 'opg_net_gossip_stuck_total',
      help: 'Peers hung up for not reading gossip',
      registers,
    }),
  }
}
