import type { LocalAccount } from 'viem'
import { readContract } from 'viem/actions'
import {
  allowancePermitDigest,
  type Call,
  type ChainClient,
  depositAuthorizationData,
  depositAuthorizationDigest,
  depositCall,
  depositPermitData,
  depositPermitDigest,
  type NetworkContracts,
  opgAbi,
  readTokenDomain,
} from '../chain/index.ts'
import {
  type Address,
  bytesToHex,
  type ChannelConfig,
  channelIdOf,
  createChannelDomain,
  type Random,
  type Signature,
} from '../protocol/index.ts'
import type { ChannelPayment, DepositAuthorization, DepositWallet } from './ports.ts'

/** A deposit is good this long after it was signed, s: the provider has to bring it into a block. */
const VALID_SECONDS = 900n

interface Components {
  readonly account: LocalAccount
  readonly chain: Pick<ChainClient, 'query' | 'network' | 'chainNow'>
  readonly random: Random
}

/**
 * Signs deposits with a payer's key, as the collectors of `network` check them: EIP-3009, or Permit2 with an EIP-2612 permit
 * beside it where Permit2 has no allowance. The payer needs no gas. Throws ChainError when the token cannot be asked.
 */
export function createDepositWallet(
  { account, chain, random }: Components,
  { method = 'eip3009' }: { readonly method?: DepositAuthorization['method'] } = {},
): DepositWallet {
  const { network } = chain
  const { erc3009DepositCollector, permit2, permit2DepositCollector, paymentChannels } = network.contracts
  const domain = createChannelDomain(network.chainId, paymentChannels)
  const address = account.address.toLowerCase() as Address
  const sign = async (hash: `0x${string}`): Promise<Signature> => {
    if (account.sign === undefined) throw new TypeError('expected an account that signs digests')
    return await account.sign({ hash })
  }
  const deadline = (): bigint => BigInt(Math.floor(chain.chainNow() / 1_000)) + VALID_SECONDS

  async function authorizeTransfer(config: ChannelConfig, amount: bigint): Promise<DepositAuthorization> {
    const salt = bytesToHex(random(32))
    const window = { validAfter: 0n, validBefore: deadline() }
    const digest = depositAuthorizationDigest(await readTokenDomain(chain, config.token), {
      ...{ payer: address, collector: erc3009DepositCollector, amount, channelId: channelIdOf(domain, config) },
      ...{ ...window, salt: BigInt(salt) },
    })
    return { method: 'eip3009', ...window, salt, signature: await sign(digest) }
  }

  async function authorizePermit(config: ChannelConfig, amount: bigint): Promise<DepositAuthorization> {
    const terms = { nonce: BigInt(bytesToHex(random(32))), deadline: deadline() }
    const permit = { token: config.token, amount, collector: permit2DepositCollector, ...terms }
    const digest = depositPermitDigest(network.chainId, permit2, { ...permit, channelId: channelIdOf(domain, config) })
    const signature = await sign(digest)
    const token = { address: config.token, abi: opgAbi } as const
    const [allowed, nonce] = await chain.query((client) =>
      Promise.all([
        readContract(client, { ...token, functionName: 'allowance', args: [address, permit2] }),
        readContract(client, { ...token, functionName: 'nonces', args: [address] }),
      ]),
    )
    if (allowed >= amount) return { method: 'permit2', ...terms, signature }
    const allowance = { owner: address, permit2, amount, nonce, deadline: terms.deadline }
    const allowanceDigest = allowancePermitDigest(await readTokenDomain(chain, config.token), allowance)
    return {
      ...{ method: 'permit2', ...terms, signature },
      allowance: { nonce, deadline: terms.deadline, signature: await sign(allowanceDigest) },
    }
  }

  return {
    address,
    async authorize(config, amount) {
      if (config.payer !== address) throw new RangeError(`expected a channel of ${address}, got one of ${config.payer}`)
      return method === 'eip3009' ? await authorizeTransfer(config, amount) : await authorizePermit(config, amount)
    },
  }
}

/** The transaction that brings a signed deposit; anyone may send it. */
export function depositCallOf(
  contracts: NetworkContracts,
  {
    config,
    amount,
    authorization,
  }: Pick<Extract<ChannelPayment, { kind: 'deposit' }>, 'config' | 'amount' | 'authorization'>,
): Call {
  if (authorization.method === 'eip3009') {
    const { signature, salt, ...window } = authorization
    const data = depositAuthorizationData({ ...window, salt: BigInt(salt) }, signature)
    return depositCall(contracts, config, amount, contracts.erc3009DepositCollector, data)
  }
  const { nonce, deadline, signature, allowance } = authorization
  const permit =
    allowance === undefined
      ? undefined
      : { permit: { amount, deadline: allowance.deadline }, signature: allowance.signature }
  const data = depositPermitData({ nonce, deadline }, signature, permit)
  return depositCall(contracts, config, amount, contracts.permit2DepositCollector, data)
}

/** Last second in which a deposit is good. */
export const expiryOf = (authorization: DepositAuthorization): bigint =>
  authorization.method === 'eip3009' ? authorization.validBefore - 1n : authorization.deadline
