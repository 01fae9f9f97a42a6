import { type ChainClient, createSplitterLookup, readTokenDomain } from '../chain/index.ts'
import {
  type ChannelService,
  createPayeeChannels,
  Sendings,
  type X402Context,
  x402ContextOf,
} from '../payment/index.ts'
import type { Parameters, Signer } from '../protocol/index.ts'
import type { ProviderPayments } from '../roles/index.ts'
import type { Store } from '../store/index.ts'
import type { NodeConfig } from './config.ts'
import type { NodeLogger } from './logger.ts'

export interface ProviderPaymentsComponents {
  readonly chain: ChainClient
  readonly store: Store
  /** The provider's operator. */
  readonly signer: Signer
  readonly logger: NodeLogger
}

/** How a provider is paid on this network, and the channels it is paid on (R23, R24). */
export interface ComposedPayments {
  readonly channels: ChannelService
  readonly sendings: Sendings
  readonly context: X402Context
  readonly terms: ProviderPayments
}

/** Reads where fees go and what the token calls itself. Throws ChainError. */
export async function composeProviderPayments(
  { chain, store, signer, logger }: ProviderPaymentsComponents,
  {
    payments,
    parameters,
  }: {
    readonly payments: Pick<NodeConfig['payments'], 'float' | 'minDeposit' | 'withdrawDelay'>
    readonly parameters: Parameters
  },
): Promise<ComposedPayments> {
  const { network } = chain
  const token = network.contracts.opg
  const [splitter, domain] = await Promise.all([
    createSplitterLookup(chain)(signer.address),
    readTokenDomain(chain, token),
  ])
  const { float, minDeposit } = payments
  const minWithdrawDelay = Math.max(parameters.withdrawDelay / 1_000, payments.withdrawDelay)
  const sendings = new Sendings({ chain, store, logger }, { account: signer.address })
  const channels = createPayeeChannels({ chain, sendings, signer, logger }, { minDeposit })
  return {
    channels,
    sendings,
    context: x402ContextOf(network),
    terms: {
      payee: { operator: signer.address, splitter, token, minWithdrawDelay },
      float,
      minDeposit,
      tokenName: domain.name,
      tokenVersion: domain.version,
    },
  }
}
