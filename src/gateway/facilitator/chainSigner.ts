import type { FacilitatorEvmSigner } from '@x402/evm'
import { type Abi, concatHex, encodeFunctionData, type ReadContractParameters, type TypedDataDefinition } from 'viem'
import { getCode, getTransactionReceipt, readContract, verifyTypedData } from 'viem/actions'
import type { ChainSender } from '../../node/index.ts'
import type { Address } from '../../protocol/index.ts'

/** The reading half of what the stock schemes ask of a signer. */
export type ChainReads = Pick<FacilitatorEvmSigner, 'getAddresses' | 'readContract' | 'verifyTypedData' | 'getCode'>

/** What one settlement does with the transaction that a scheme asks for. */
export interface SettlementHands {
  /** Signs, keeps, sends; resolves to the hash as soon as it is kept. */
  send(call: { readonly to: Address; readonly data: `0x${string}` }): Promise<`0x${string}`>
  /** Waits until a transaction of the settlement is in a block; throws when it is not known to be. */
  included(hash: `0x${string}`): Promise<`0x${string}`>
}

export const chainReads = ({ chain, account }: ChainSender): ChainReads => ({
  getAddresses: () => [account.address],
  // From the account that would send: the proxy of `upto` lets the facilitator that the payer named settle alone.
  readContract: (args) =>
    chain.query((client) =>
      readContract(client, { ...args, abi: args.abi as Abi, account: account.address } as ReadContractParameters),
    ),
  verifyTypedData: (args) =>
    chain.query((client) => verifyTypedData(client, args as unknown as TypedDataDefinition & typeof args)),
  getCode: (args) => chain.query((client) => getCode(client, args)),
})

/** A signer that can only look: what verification gets. */
export const readingSigner = (reads: ChainReads): FacilitatorEvmSigner => ({
  ...reads,
  writeContract: () => refuse('writeContract'),
  sendTransaction: () => refuse('sendTransaction'),
  waitForTransactionReceipt: () => refuse('waitForTransactionReceipt'),
})

/** A signer for one settlement. It never deploys accounts: a scheme sends through contracts alone. */
export const settlingSigner = (
  reads: ChainReads,
  { chain }: Pick<ChainSender, 'chain'>,
  hands: SettlementHands,
): FacilitatorEvmSigner => ({
  ...reads,
  writeContract: async ({ address, abi, functionName, args, dataSuffix }) => {
    const data = encodeFunctionData({ abi: abi as Abi, functionName, args })
    const to = address.toLowerCase() as Address
    return await hands.send({ to, data: dataSuffix === undefined ? data : concatHex([data, dataSuffix]) })
  },
  sendTransaction: () => refuse('sendTransaction'),
  waitForTransactionReceipt: async ({ hash }) => {
    const included = await hands.included(hash)
    return await chain.query((client) => getTransactionReceipt(client, { hash: included }))
  },
})

const refuse = (method: string): Promise<never> =>
  Promise.reject(new TypeError(`expected no call of ${method} from here`))
