import type { LocalAccount } from 'viem'
import { type ChainClient, createSplitterLookup, readChannel } from '../chain/index.ts'
import {
  createDepositWallet,
  openSpendingBook,
  type PaymentsConfig,
  type SpendingBook,
  spendingPolicyOf,
} from '../payment/index.ts'
import {
  type Address,
  type Clock,
  createChannelDomain,
  type Parameters,
  type Random,
  type Secp256k1,
  type Signer,
} from '../protocol/index.ts'
import { openPayer, type Payer, type PayerChain, type RoleLogger } from '../roles/index.ts'
import type { Store } from '../store/index.ts'
import { createPaymentFrames } from './paymentFrames.ts'

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
  /** The wallet's. */
  readonly address: Address
  readonly budgets: SpendingBook
}

/** What a requester of this home pays with. Throws ChainError, StoreError or SpendingError. */
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
      frames: await createPaymentFrames(chain),
    },
    {
      domain: createChannelDomain(chainId, contracts.paymentChannels),
      policy,
      token: contracts.opg,
      salt: networkId,
      withdrawDelay: init.parameters.withdrawDelay / 1_000,
    },
  )
  return { payer, address: account.address.toLowerCase() as Address, budgets }
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
