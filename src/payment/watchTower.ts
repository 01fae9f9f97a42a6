import {
  asChainError,
  type ChainClient,
  type ChainError,
  claimWithSignatureCall,
  readClaimResult,
} from '../chain/index.ts'
import type { Digest } from '../protocol/index.ts'
import { FundsFollower } from './channelFunds.ts'
import type { ClaimBatch } from './claimFile.ts'
import type { PaymentLogger } from './sendings.ts'

export interface WatchTowerComponents {
  /** Its account pays for gas; it is nobody's operator. */
  readonly chain: ChainClient
  readonly logger: PaymentLogger
  /** A batch was claimed, or cannot be: a chain that does not answer is asked again instead. */
  readonly onClaim: (
    batch: ClaimBatch,
    outcome: { readonly transaction: Digest } | { readonly error: ChainError },
  ) => void
}

export interface WatchTower {
  /** Throws ChainError when the chain cannot be asked. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Claims every batch that has something left, withdrawal or not. Throws ChainError. */
  claimNow(): Promise<void>
}

/**
 * Watches the channels of pre-signed claims and sends the batch of any channel whose payer leaves (R25). It holds no key of
 * the provider, asks the chain what is claimed before it pays for gas, and claims again what a reorganisation took away.
 */
export function createWatchTower(components: WatchTowerComponents, batches: readonly ClaimBatch[]): WatchTower {
  const { chain, logger, onClaim } = components
  const follower = new FundsFollower(components)
  const refused = new Set<ClaimBatch>()
  /** Of channels whose row the contract did not book: sending it again would only burn gas. */
  const failed = new Set<Digest>()
  const channels = [...new Set(batches.flatMap(({ rows }) => rows.map(({ voucher }) => voucher.channel)))]
  let work: Promise<void> = Promise.resolve()
  let isQueued = false
  let stops: (() => void)[] = []

  const isOpen = ({ rows }: ClaimBatch, onlyClosing: boolean): boolean =>
    rows.some(({ voucher, totalClaimed }) => {
      const funds = follower.of(voucher.channel)
      if (funds === undefined || failed.has(voucher.channel) || (onlyClosing && !funds.withdrawing)) return false
      return funds.totalClaimed < totalClaimed && totalClaimed <= funds.balance
    })

  async function claim(onlyClosing: boolean): Promise<void> {
    for (const batch of batches) {
      if (refused.has(batch) || !isOpen(batch, onlyClosing)) continue
      const sent = await chain.send(claimWithSignatureCall(batch.splitter, batch.rows, batch.signature))
      if (sent.ok) {
        const { transaction } = sent.value
        logger.info({ transaction, rows: batch.rows.length }, 'claimed for the provider')
        const result = await readClaimResult(chain, batch.splitter, transaction)
        for (const { row } of result?.failed ?? []) {
          const channel = batch.rows[row]?.voucher.channel
          if (channel !== undefined) failed.add(channel)
        }
        await follower.read(batch.rows.map(({ voucher }) => voucher.channel))
        onClaim(batch, { transaction })
        continue
      }
      if (sent.error.code === 'stopped') return
      logger.warn({ code: sent.error.code, error: sent.error.message }, 'a batch of claims was not booked')
      if (sent.error.code === 'reverted') refused.add(batch)
      if (sent.error.code === 'reverted' || sent.error.code === 'insufficient-funds')
        onClaim(batch, { error: sent.error })
    }
  }

  const inTurn = (onlyClosing: boolean): Promise<void> => {
    const turn = work.then(() => claim(onlyClosing))
    work = turn.catch((thrown) => {
      const { code, message } = asChainError('claim', thrown)
      logger.warn({ code, error: message }, 'the watch failed; the next block tries')
    })
    return turn
  }
  const look = (): void => {
    if (isQueued || !batches.some((batch) => !refused.has(batch) && isOpen(batch, true))) return
    isQueued = true
    inTurn(true)
    work.finally(() => {
      isQueued = false
    })
  }

  return {
    async start() {
      await follower.read(channels)
      follower.start()
      stops = [chain.onBlock(look), follower.onFunds(look)]
      look()
    },
    async stop() {
      for (const stop of stops.splice(0)) stop()
      await follower.stop()
      await work
    },
    claimNow: () => inTurn(false),
  }
}
