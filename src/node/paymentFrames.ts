import { type ChainClient, readTokenDomain } from '../chain/index.ts'
import {
  formatPayment,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  x402ContextOf,
} from '../payment/index.ts'
import type { PaymentFrames } from '../roles/index.ts'

/** Seconds for which a payment that nobody asked for says it may be settled. */
const TIMEOUT_SECONDS = 60

/** x402 objects of the network a client follows, as a requester writes and reads them. Throws ChainError. */
export async function createPaymentFrames(chain: Pick<ChainClient, 'query' | 'network'>): Promise<PaymentFrames> {
  const context = x402ContextOf(chain.network)
  const { name, version } = await readTokenDomain(chain, chain.network.contracts.opg)
  return {
    async payment(payment) {
      const { config, voucher } = payment
      const accepted = requirementsJson(
        {
          ...{ asset: config.token, payTo: config.receiver, receiverAuthorizer: config.receiverAuthorizer },
          ...{ amount: voucher.amount, withdrawDelay: config.withdrawDelay, maxTimeoutSeconds: TIMEOUT_SECONDS },
          ...{ name, version },
        },
        context,
      )
      return formatPayment(payment, { accepted, context })
    },
    required: (bytes) => parsePaymentRequired(bytes, context),
    settlement: (bytes) => parseSettlement(bytes, context),
  }
}
