import { BaseError, createClient, http } from 'viem'
import { getBlock, getChainId } from 'viem/actions'
import { MAX_AHEAD_MS } from '../../attestation/index.ts'
import { type Clock, toError } from '../../protocol/index.ts'
import { PROBE_TIMEOUT_MS } from '../constants.ts'
import { type Finding, found } from './findings.ts'

/** Blocks come every second or two; one this old means a stopped chain, or a clock that runs ahead, ms. */
const OLD_BLOCK_MS = 60_000

/** Each endpoint: whether it answers, for the right chain, and how our clock stands to its latest block. */
export async function examineEndpoint(url: string, chainId: number, clock: Clock): Promise<Finding[]> {
  const name = new URL(url).host
  const client = createClient({ transport: http(url, { retryCount: 0, timeout: PROBE_TIMEOUT_MS }) })
  try {
    const [own, block] = await Promise.all([getChainId(client), getBlock(client)])
    if (own !== chainId)
      return [
        found('rpc', 'fail', `${name} has chain ${own}, the network is on ${chainId}`, 'change rpc in config.json'),
      ]
    return [
      found('rpc', 'ok', `${name}, block ${block.number}`),
      examineClock(Number(block.timestamp) * 1_000, clock()),
    ]
  } catch (thrown) {
    const said = thrown instanceof BaseError ? thrown.shortMessage.replace(/\.$/, '') : toError(thrown).message
    return [found('rpc', 'fail', `${name}: ${said}`, 'check rpc in config.json; on a devnet run: opg devnet status')]
  }
}

/** `blockTime` and `now` in ms since 1970. Signed times more than 2 s ahead of a peer's clock are refused. */
export function examineClock(blockTime: number, now: number): Finding {
  const age = now - blockTime
  const todo = 'set the clock by NTP'
  if (age < -MAX_AHEAD_MS) return found('clock', 'fail', `${-age} ms behind the latest block`, todo)
  if (age > OLD_BLOCK_MS)
    return found(
      'clock',
      'warn',
      `the latest block is ${Math.round(age / 1_000)} s old`,
      `the chain stands still, or ${todo}`,
    )
  return found('clock', 'ok', `${age} ms after the latest block`)
}
