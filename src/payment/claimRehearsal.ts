import { decodeFunctionResult } from 'viem'
import { call } from 'viem/actions'
import { asChainError, type ChainClient, claimCall, claimDirectlyCall, feeSplitterAbi } from '../chain/index.ts'
import type { Address, ClaimRow } from '../protocol/index.ts'

export interface BadRow {
  readonly row: ClaimRow
  /** The contract's error by name, or `no-gas`. */
  readonly code: string
}

/**
 * Which rows a claim by the operator would book now, without sending it. Throws ChainError when the claim as a whole is
 * refused.
 */
export async function rehearseClaim(
  chain: Pick<ChainClient, 'query' | 'network'>,
  { splitter, operator }: { readonly splitter: Address; readonly operator: Address },
  rows: readonly ClaimRow[],
): Promise<{ readonly good: readonly ClaimRow[]; readonly bad: readonly BadRow[] }> {
  if (rows.length === 0) return { good: [], bad: [] }
  const { data } = await chain.query((client) => call(client, { account: operator, ...claimCall(splitter, rows) }))
  // A splitter that is not made yet answers nothing; it is made before the claim goes.
  if (data === undefined || data === '0x') return { good: rows, bad: [] }
  const bitmap = decodeFunctionResult({ abi: feeSplitterAbi, functionName: 'claim', data })
  const isGood = rows.map((_, index) => ((bitmap >> BigInt(index)) & 1n) === 1n)
  const good = rows.filter((_, index) => isGood[index])
  const bad: BadRow[] = []
  for (const row of rows.filter((_, index) => !isGood[index]))
    bad.push({ row, code: await reasonOf(chain, operator, row) })
  return { good, bad }
}

/** Asked of the channels contract alone, where the error stands. */
async function reasonOf(
  chain: Pick<ChainClient, 'query' | 'network'>,
  operator: Address,
  row: ClaimRow,
): Promise<string> {
  const direct = claimDirectlyCall(chain.network.contracts, [row])
  try {
    await chain.query((client) => call(client, { account: operator, ...direct }))
    return 'no-gas'
  } catch (thrown) {
    const { detail } = asChainError('eth_call', thrown)
    if (detail.code !== 'reverted') throw thrown
    return detail.error
  }
}
