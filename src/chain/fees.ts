import type { Hex } from 'viem'
import { getBlock } from 'viem/actions'
import {
  GAS_MARGIN_PERCENT,
  LEAST_GAS_MARGIN,
  LEAST_TIP,
  REPLACEMENT_PERCENT,
  TRANSACTION_GAS_CAP,
} from './constants.ts'
import { ChainError } from './errors.ts'
import type { RpcClient } from './rpc.ts'

/** What a transaction offers for a unit of gas; wei. */
export interface Fees {
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

/** Fees with which a transaction stays includable while the base fee doubles. */
export async function suggestedFees(client: RpcClient): Promise<Fees> {
  const [block, suggested] = await Promise.all([
    getBlock(client, { blockTag: 'latest' }),
    client.request<{ Method: 'eth_maxPriorityFeePerGas'; Parameters: undefined; ReturnType: Hex }>({
      method: 'eth_maxPriorityFeePerGas',
    }),
  ])
  const tip = BigInt(suggested) > LEAST_TIP ? BigInt(suggested) : LEAST_TIP
  return { maxFeePerGas: (block.baseFeePerGas ?? 0n) * 2n + tip, maxPriorityFeePerGas: tip }
}

/** A replacement's price: well above the one before, and not below today's. */
export function raisedFees(before: Fees, now: Fees): Fees {
  const lift = (price: bigint, floor: bigint): bigint => {
    const lifted = (price * REPLACEMENT_PERCENT) / 100n + 1n
    return lifted > floor ? lifted : floor
  }
  return {
    maxFeePerGas: lift(before.maxFeePerGas, now.maxFeePerGas),
    maxPriorityFeePerGas: lift(before.maxPriorityFeePerGas, now.maxPriorityFeePerGas),
  }
}

/** The gas to offer for an estimate. Throws `gas-over-cap`. */
export function gasWithMargin(estimate: bigint): bigint {
  if (estimate > TRANSACTION_GAS_CAP) {
    throw new ChainError(
      { code: 'gas-over-cap', estimate, cap: TRANSACTION_GAS_CAP },
      `expected at most ${TRANSACTION_GAS_CAP} gas, the call needs ${estimate}; send it in parts`,
    )
  }
  const share = (estimate * GAS_MARGIN_PERCENT) / 100n
  const generous = estimate + (share > LEAST_GAS_MARGIN ? share : LEAST_GAS_MARGIN)
  return generous < TRANSACTION_GAS_CAP ? generous : TRANSACTION_GAS_CAP
}

/** What an endpoint answers to a transaction it has, in the words of geth, reth and anvil. */
export const isKnownTransaction = (error: ChainError): boolean => says(error, ['already known', 'already imported'])
export const isUnderpriced = (error: ChainError): boolean => says(error, ['underpriced'])
export const isNonceTaken = (error: ChainError): boolean => says(error, ['nonce too low'])
export const isUnfunded = (error: ChainError): boolean => says(error, ['insufficient funds'])

const says = (error: ChainError, phrases: readonly string[]): boolean =>
  phrases.some((phrase) => error.message.toLowerCase().includes(phrase))

export const unfunded = (account: string): ChainError =>
  new ChainError(
    { code: 'insufficient-funds', account },
    `expected ${account} to hold its gas, it does not; send it some`,
  )
