import type { FacilitatorEvmSigner } from '@x402/evm'
import { decodeFunctionData, encodeFunctionResult, type Hex } from 'viem'
import { paymentChannelsAbi } from '../../../src/chain/index.ts'
import { CHANNEL_FUNDS } from './signed.ts'

/** One call of the multicall by which the stock scheme reads a channel. */
interface ChannelRead {
  readonly callData: Hex
}

/**
 * Simulated: a chain where every channel holds `CHANNEL_FUNDS`, answered from memory, which costs the stock classes less than
 * any endpoint would. `reads` counts how often they asked.
 */
export function memoryChain(): { readonly signer: FacilitatorEvmSigner; reads(): number } {
  let reads = 0
  const refuse = (method: string): Promise<never> =>
    Promise.reject(new TypeError(`a voucher needs no ${method}, this chain has none`))
  const signer: FacilitatorEvmSigner = {
    getAddresses: () => [],
    readContract: async ({ functionName, args }) => {
      if (functionName !== 'tryAggregate') return await refuse(functionName)
      reads += 1
      const [, calls] = args as readonly [boolean, readonly ChannelRead[]]
      return calls.map(({ callData }) => ({ success: true, returnData: answerTo(callData) }))
    },
    verifyTypedData: () => refuse('verifyTypedData'),
    getCode: () => refuse('getCode'),
    writeContract: () => refuse('writeContract'),
    sendTransaction: () => refuse('sendTransaction'),
    waitForTransactionReceipt: () => refuse('waitForTransactionReceipt'),
  }
  return { signer, reads: () => reads }
}

function answerTo(callData: Hex): Hex {
  const abi = paymentChannelsAbi
  const { functionName } = decodeFunctionData({ abi, data: callData })
  switch (functionName) {
    case 'channels':
      return encodeFunctionResult({ abi, functionName, result: [CHANNEL_FUNDS, 0n] })
    case 'pendingWithdrawals':
      return encodeFunctionResult({ abi, functionName, result: [0n, 0] })
    case 'refundNonce':
      return encodeFunctionResult({ abi, functionName, result: 0n })
    default:
      throw new TypeError(`expected a read of a channel, got ${functionName}`)
  }
}
