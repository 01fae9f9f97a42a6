import { type PendingSettlementStore, x402Facilitator } from '@x402/core/facilitator'
import type { FacilitatorEvmSigner } from '@x402/evm'
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/facilitator'
import { ExactEvmScheme } from '@x402/evm/exact/facilitator'
import { UptoEvmScheme } from '@x402/evm/upto/facilitator'
import { EIP2612_EXTENSION } from './constants.ts'
import type { Served } from './request.ts'

/**
 * The stock facilitator with its three EVM schemes on one network. It is made anew for each settlement, which has its
 * own signer and its own memory of what was sent. It names no receiver authorizer: refunds that it would sign for
 * others it could not authenticate, so servers sign their own.
 */
export function stockFacilitator(
  { network }: Pick<Served, 'network'>,
  signer: FacilitatorEvmSigner,
  pendingSettlementStore?: PendingSettlementStore,
): x402Facilitator {
  const memory = pendingSettlementStore === undefined ? {} : { pendingSettlementStore }
  return new x402Facilitator()
    .register(network, new ExactEvmScheme(signer, memory))
    .register(network, new UptoEvmScheme(signer, memory))
    .register(network, new BatchSettlementEvmScheme(signer, undefined, memory))
    .registerExtension({ key: EIP2612_EXTENSION })
}

/** A memory that knows one transaction, whatever it is asked by: the scheme then waits for it instead of sending. */
export const rememberedTransaction = (hash: string | undefined): PendingSettlementStore => {
  let known = hash
  return {
    get: async () => known,
    set: async (_, sent) => {
      known = sent
    },
    delete: async () => {
      known = undefined
    },
  }
}
