import type { LocalAccount } from 'viem'
import { type ChainClient, createSplitterLookup, readChannel, readTokenDomain } from '../chain/index.ts'
import {
  createDepositWallet,
  formatPayment,
  openSpendingBook,
  type PaymentsConfig,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  type SpendingBook,
  spendingPolicyOf,
  x402ContextOf,
} from '../payment/index.ts'
import {
  type Clock,
  createChannelDomain,
  type Parameters,
  type Random,
  type Secp256k1,
  type Signer,
} from '../protocol/index.ts'
import { openPayer, type Payer, type PayerChain, type PaymentFrames, type RoleLogger } from '../roles/index.ts'
import type { Store } from '../store/index.ts'

/** How long a provider may take over a deposit, s: what x402 clients are told. */
const PAYMENT_SECONDS = 60

export interface PayerParts {
  readonly chain: ChainClient
  readonly store: Store
  /** Pays: the owner's, never an operator's (R1). */
  readonly account: LocalAccount
  /** Signs vouchers and jobs. */
  readonly signer: Signer
  readonly crypto: Secp256k1
  readonly random: Random
  readonly clock: Clock
  readonly logger: RoleLogger
}

export interface OpenedPayer {
  readonly payer: Payer
  readonly budgets: SpendingBook
}

/** What a requester of this home pays with. Throws StoreError or SpendingError. */
export async function openPayerOf(
  parts: PayerParts,
  init: { readonly payments: PaymentsConfig; readonly parameters: Parameters },
): Promise<OpenedPayer> {
  const { chain, store, account, random } = parts
  const { chainId, networkId, contracts } = chain.network
  const policy = spendingPolicyOf(init.payments, contracts.opg)
  const budgets = await openSpendingBook(store, policy)
  const payer = await openPayer(
    {
      ...parts,
      budgets,
      wallet: createDepositWallet({ account, chain, random }),
      chain: payerChain(chain),
      frames: paymentFrames(chain),
    },
    {
      domain: createChannelDomain(chainId, contracts.paymentChannels),
      policy,
      token: contracts.opg,
      salt: networkId,
      withdrawDelay: init.parameters.withdrawDelay / 1_000,
    },
  )
  return { payer, budgets }
}

function payerChain(chain: ChainClient): PayerChain {
  return {
    splitterOf: createSplitterLookup(chain),
    fundsOf: async (channel) => {
      const { balance, totalClaimed, pendingWithdrawal } = await readChannel(chain, channel, 'latest')
      return { balance, safeBalance: balance, totalClaimed, withdrawing: pendingWithdrawal !== undefined }
    },
  }
}

/** x402 objects of this network; the token's own domain is asked for once. */
function paymentFrames(chain: ChainClient): PaymentFrames {
  const context = x402ContextOf(chain.network)
  const domains = new Map<string, ReturnType<typeof readTokenDomain>>()
  return {
    payment: async (payment) => {
      const { config } = payment
      const domain = domains.get(config.token) ?? readTokenDomain(chain, config.token)
      domains.set(config.token, domain)
      const { name, version } = await domain
      const accepted = requirementsJson(
        {
          asset: config.token,
          amount: payment.kind === 'deposit' ? payment.amount : payment.voucher.amount,
          payTo: config.receiver,
          receiverAuthorizer: config.receiverAuthorizer,
          withdrawDelay: config.withdrawDelay,
          maxTimeoutSeconds: PAYMENT_SECONDS,
          name,
          version,
        },
        context,
      )
      return formatPayment(payment, { accepted, context })
    },
    required: (bytes) => parsePaymentRequired(bytes, context),
    settlement: (bytes) => parseSettlement(bytes, context),
  }
}
