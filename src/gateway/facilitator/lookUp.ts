import { setTimeout as sleep } from 'node:timers/promises'
import { BaseError, TransactionReceiptNotFoundError } from 'viem'
import { getTransactionCount, getTransactionReceipt, sendRawTransaction } from 'viem/actions'
import type { ChainSender } from '../../node/index.ts'
import type { SettlementRecord } from '../../payment/index.ts'
import type { Clock, Digest } from '../../protocol/index.ts'
import { LOOK_UP_POLL_MS } from './constants.ts'

type Chain = ChainSender['chain']

export interface FoundInclusion {
  readonly hash: Digest
  readonly succeeded: boolean
}

/**
 * Gives the newest transaction of a settlement to the chain again. What an endpoint says to one that it knows, that is
 * mined, or whose nonce is gone is no news: the look-up that follows tells.
 */
export async function rebroadcast(chain: Chain, { transactions }: SettlementRecord): Promise<void> {
  const newest = transactions.at(-1)
  if (newest === undefined) return
  await chain.query(async (client) => {
    try {
      await sendRawTransaction(client, { serializedTransaction: newest.raw })
    } catch (error) {
      if (!isAnswer(error)) throw error
    }
  })
}

/** Whether an endpoint answered, with an error, as opposed to nobody answering. */
const isAnswer = (error: unknown): boolean =>
  error instanceof BaseError && error.walk((each) => typeof (each as { code?: unknown }).code === 'number') !== null

/** The transaction of a settlement that is in a block; undefined when none is by `until`, ms. */
export async function findInclusion(
  chain: Chain,
  { transactions }: SettlementRecord,
  { clock, until }: { readonly clock: Clock; readonly until: number },
): Promise<FoundInclusion | undefined> {
  for (;;) {
    for (const { hash } of transactions.toReversed()) {
      const status = await chain.query(async (client) => {
        try {
          return (await getTransactionReceipt(client, { hash })).status
        } catch (error) {
          if (error instanceof TransactionReceiptNotFoundError) return undefined
          throw error
        }
      })
      if (status !== undefined) return { hash, succeeded: status === 'success' }
    }
    if (clock() >= until) return undefined
    await sleep(LOOK_UP_POLL_MS)
  }
}

/** Whether none of a settlement's transactions can ever be included: their nonces are used, and not by them. */
export async function isLost({ chain, account }: ChainSender, record: SettlementRecord): Promise<boolean> {
  const used = await chain.query((client) =>
    getTransactionCount(client, { address: account.address, blockTag: 'safe' }),
  )
  if (record.transactions.some(({ nonce }) => nonce >= used)) return false
  return (await findInclusion(chain, record, { clock: () => 0, until: 0 })) === undefined
}
