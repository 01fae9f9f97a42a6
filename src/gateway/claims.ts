import type { FacilitatorClient } from '@x402/core/server'
import type { Network } from '@x402/core/types'
import type { Channel } from '@x402/evm/batch-settlement/server'
import { type Address, toChecksumAddress, toError } from '../protocol/index.ts'
import type { Merchant } from './payments/merchant.ts'

type Manager = ReturnType<Merchant['batch']['createChannelManager']>
type ClaimResult = Awaited<ReturnType<Manager['claim']>>[number]
type SettleResult = Awaited<ReturnType<Manager['settle']>>

const ofToken =
  (token: Address) =>
  (channels: Channel[]): Channel[] =>
    channels.filter(({ channelConfig }) => channelConfig.token.toLowerCase() === token)

export interface Claims {
  start(): void
  /** Claims what is left, then ends. */
  stop(): Promise<void>
}

export interface ClaimsInit {
  readonly network: Network
  /** Tokens that channels are taken in. */
  readonly tokens: readonly Address[]
  readonly everySeconds: number
}

/** A claim is made this often at least in the time a payer waits to withdraw. */
const CLAIMS_PER_DELAY = 3

/**
 * Brings vouchers on chain through the facilitator: claims every channel with something to claim, then sweeps to `payTo`.
 * Before a payer can withdraw, its channel is claimed several times over.
 */
export function createClaims(
  components: {
    readonly merchant: Merchant
    readonly facilitator: FacilitatorClient
    readonly logger: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  },
  { network, tokens, everySeconds }: ClaimsInit,
): Claims {
  const { merchant, facilitator, logger } = components
  const managers = tokens.map((token) => ({
    token,
    manager: merchant.batch.createChannelManager(facilitator, network, toChecksumAddress(token) as Address),
  }))
  const seconds = Math.min(everySeconds, Math.floor(merchant.batch.getWithdrawDelay() / CLAIMS_PER_DELAY))
  const report = (thrown: unknown): void =>
    logger.warn({ code: 'claim-failed', error: toError(thrown).message }, 'vouchers not claimed; tried again')
  const claimed = ({ vouchers, transaction }: ClaimResult): void =>
    logger.info({ vouchers, transaction }, 'vouchers claimed')
  const swept = ({ transaction }: SettleResult): void => logger.info({ transaction }, 'claims swept')
  return {
    start: () => {
      for (const { token, manager } of managers) {
        manager.start({
          claimIntervalSecs: seconds,
          settleIntervalSecs: seconds,
          selectClaimChannels: ofToken(token),
          onClaim: claimed,
          onSettle: swept,
          onError: report,
        })
      }
    },
    stop: async () => {
      for (const { token, manager } of managers) {
        try {
          await manager.stop()
          const { claims, settle } = await manager.claimAndSettle({ selectClaimChannels: ofToken(token) })
          claims.forEach(claimed)
          if (settle !== undefined) swept(settle)
        } catch (thrown) {
          report(thrown)
        }
      }
    },
  }
}
