import { x402Client, x402HTTPClient } from '@x402/core/client'
import type { Network, PaymentPayload } from '@x402/core/types'
import type { ClientEvmSigner } from '@x402/evm'
import { BatchSettlementEvmScheme, type ClientChannelStorage } from '@x402/evm/batch-settlement/client'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { UptoEvmScheme } from '@x402/evm/upto/client'
import type { LocalAccount } from 'viem'
import { readContract } from 'viem/actions'
import { type Budget, checkDeposit } from '../../payment/index.ts'
import type { ChainSession } from '../chainSession.ts'
import type { Terms } from './terms.ts'

export interface PayerComponents {
  readonly chain: ChainSession['chain']
  /** The wallet: holds the tokens, signs transfers and deposits. */
  readonly wallet: LocalAccount
  /** Signs vouchers; asked for only when one is needed. */
  readonly voucherKey: LocalAccount | undefined
  readonly channels: ClientChannelStorage
}

/** The stock client of x402 for one payment; what it may spend was decided before. */
export function createPayer(
  { chain, wallet, voucherKey, channels }: PayerComponents,
  { network, budget }: { readonly network: Network; readonly budget: Budget },
): x402HTTPClient {
  const signer = clientSigner(wallet, chain)
  const client = new x402Client()
    // Its own controls know dollars alone; the policy of the wallet stands in their place.
    .setSpendControls(false)
    .register(network, new ExactEvmScheme(signer))
    .register(network, new UptoEvmScheme(signer))
  if (voucherKey !== undefined) {
    const scheme = new BatchSettlementEvmScheme(signer, {
      storage: channels,
      voucherSigner: clientSigner(voucherKey, chain),
      depositStrategy: ({ currentBalance, clientContext, minimumDepositAmount }) => {
        const unspent = BigInt(currentBalance) - BigInt(clientContext.chargedCumulativeAmount ?? '0')
        return depositOf(budget, unspent > 0n ? unspent : 0n, BigInt(minimumDepositAmount))
      },
    })
    client.register(network, scheme)
  }
  return new x402HTTPClient(client)
}

/** What is deposited in a channel that still holds `unspent` and needs `least` more. Throws SpendingError `over-deposit-budget`. */
function depositOf(budget: Budget, unspent: bigint, least: bigint): bigint {
  const allowed = checkDeposit(budget, unspent, least)
  if (!allowed.ok) throw allowed.error
  const room = budget.maxDeposit - unspent
  if (budget.firstDeposit <= least) return least
  return checkDeposit(budget, unspent, budget.firstDeposit).ok ? budget.firstDeposit : room
}

const clientSigner = (account: LocalAccount, chain: ChainSession['chain']): ClientEvmSigner => ({
  address: account.address,
  signTypedData: (message) => account.signTypedData(message as unknown as Parameters<LocalAccount['signTypedData']>[0]),
  readContract: (args) => chain.query((client) => readContract(client, args as Parameters<typeof readContract>[1])),
})

/** A payment by the chosen terms and no others. */
export const payBy = (client: x402HTTPClient, { required, requirements }: Terms): Promise<PaymentPayload> =>
  client.createPaymentPayload({ ...required, accepts: [requirements] })
