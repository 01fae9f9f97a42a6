import type { AbiEvent, GetLogsReturnType } from 'viem'
import { getLogs } from 'viem/actions'
import type { Address } from '../protocol/index.ts'
import { LOG_RANGE } from './constants.ts'
import type { Rpc } from './rpc.ts'

/** Every log of `events` of one contract in a range of blocks, both ends included, in ranges endpoints accept. */
export async function logsBetween<const events extends readonly AbiEvent[]>(
  rpc: Pick<Rpc, 'run'>,
  address: Address,
  events: events,
  from: number,
  to: number,
): Promise<GetLogsReturnType<undefined, events, true>> {
  const logs: GetLogsReturnType<undefined, events, true> = []
  for (let start = from; start <= to; start += LOG_RANGE) {
    const end = Math.min(to, start + LOG_RANGE - 1)
    const page = await rpc.run((client) =>
      getLogs(client, { address, events, strict: true, fromBlock: BigInt(start), toBlock: BigInt(end) }),
    )
    for (const log of page) logs.push(log as (typeof logs)[number])
  }
  return logs
}
