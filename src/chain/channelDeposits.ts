import { encodeAbiParameters, type Hex, hashTypedData, keccak256, parseAbi, parseSignature } from 'viem'
import { readContract } from 'viem/actions'
import type { Address, Digest, Signature } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { isUnreachable } from './rpc.ts'

/** EIP-712 domain of a token, which its EIP-3009 and EIP-2612 signatures are of. */
export interface TokenDomain {
  readonly name: string
  readonly version: string
  readonly chainId: number
  readonly token: Address
}

/** What a payer signs for the EIP-3009 collector (`ReceiveWithAuthorization`). Times in s, both exclusive. */
export interface DepositAuthorization {
  readonly payer: Address
  readonly collector: Address
  /** In the token's smallest unit. */
  readonly amount: bigint
  readonly validAfter: number | bigint
  readonly validBefore: number | bigint
  readonly channelId: Digest
  /** Any number not used yet for this channel: with it the authorization's nonce is of this channel alone. */
  readonly salt: bigint
}

/** What a payer signs for the Permit2 collector (`PermitWitnessTransferFrom`). */
export interface DepositPermit {
  readonly token: Address
  /** In the token's smallest unit. */
  readonly amount: bigint
  readonly collector: Address
  /** Any number not used yet with Permit2. */
  readonly nonce: bigint
  /** Last second in which it is good; s. */
  readonly deadline: number | bigint
  readonly channelId: Digest
}

/** EIP-2612: lets Permit2 move the deposit without a transaction of the payer. */
export interface AllowancePermit {
  readonly owner: Address
  readonly permit2: Address
  /** The deposit's amount, no other (`Permit2612AmountMismatch`). */
  readonly amount: bigint
  /** `nonces(owner)` of the token. */
  readonly nonce: bigint
  /** Last second in which it is good; s. */
  readonly deadline: number | bigint
}

const AUTHORIZATION_TYPES = {
  ReceiveWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const

const PERMIT2_TYPES = {
  PermitWitnessTransferFrom: [
    { name: 'permitted', type: 'TokenPermissions' },
    { name: 'spender', type: 'address' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'witness', type: 'DepositWitness' },
  ],
  TokenPermissions: [
    { name: 'token', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
  DepositWitness: [{ name: 'channelId', type: 'bytes32' }],
} as const

const ALLOWANCE_TYPES = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
} as const

const DOMAIN_ABI = parseAbi([
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
  'function name() view returns (string)',
  'function version() view returns (string)',
])

const domainOf = ({ name, version, chainId, token }: TokenDomain) =>
  ({ name, version, chainId, verifyingContract: token }) as const

/** The EIP-3009 nonce that binds an authorization to a channel, as `ERC3009DepositCollector` computes it. */
export const depositNonce = (channelId: Digest, salt: bigint): Digest =>
  keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'uint256' }], [channelId, salt]))

/** What the payer signs so that anyone may deposit `amount` into the channel by EIP-3009. */
export const depositAuthorizationDigest = (domain: TokenDomain, authorization: DepositAuthorization): Digest =>
  hashTypedData({
    domain: domainOf(domain),
    types: AUTHORIZATION_TYPES,
    primaryType: 'ReceiveWithAuthorization',
    message: {
      from: authorization.payer,
      to: authorization.collector,
      value: authorization.amount,
      validAfter: BigInt(authorization.validAfter),
      validBefore: BigInt(authorization.validBefore),
      nonce: depositNonce(authorization.channelId, authorization.salt),
    },
  })

/** `collectorData` of the EIP-3009 collector. */
export const depositAuthorizationData = (
  { validAfter, validBefore, salt }: Pick<DepositAuthorization, 'validAfter' | 'validBefore' | 'salt'>,
  signature: Hex,
): Hex =>
  encodeAbiParameters(
    [{ type: 'uint256' }, { type: 'uint256' }, { type: 'uint256' }, { type: 'bytes' }],
    [BigInt(validAfter), BigInt(validBefore), salt, signature],
  )

/** What the payer signs so that anyone may deposit `amount` into the channel by Permit2, whose domain has no version. */
export const depositPermitDigest = (chainId: number, permit2: Address, permit: DepositPermit): Digest =>
  hashTypedData({
    domain: { name: 'Permit2', chainId, verifyingContract: permit2 },
    types: PERMIT2_TYPES,
    primaryType: 'PermitWitnessTransferFrom',
    message: {
      permitted: { token: permit.token, amount: permit.amount },
      spender: permit.collector,
      nonce: permit.nonce,
      deadline: BigInt(permit.deadline),
      witness: { channelId: permit.channelId },
    },
  })

/** What the payer signs beside it where Permit2 has no allowance yet. */
export const allowancePermitDigest = (domain: TokenDomain, permit: AllowancePermit): Digest =>
  hashTypedData({
    domain: domainOf(domain),
    types: ALLOWANCE_TYPES,
    primaryType: 'Permit',
    message: {
      owner: permit.owner,
      spender: permit.permit2,
      value: permit.amount,
      nonce: permit.nonce,
      deadline: BigInt(permit.deadline),
    },
  })

/** `collectorData` of the Permit2 collector, with the allowance where the payer signed one. */
export function depositPermitData(
  { nonce, deadline }: Pick<DepositPermit, 'nonce' | 'deadline'>,
  signature: Hex,
  allowance?: { readonly permit: Pick<AllowancePermit, 'amount' | 'deadline'>; readonly signature: Signature },
): Hex {
  return encodeAbiParameters(
    [{ type: 'uint256' }, { type: 'uint256' }, { type: 'bytes' }, { type: 'bytes' }],
    [nonce, BigInt(deadline), signature, allowance === undefined ? '0x' : allowanceData(allowance)],
  )
}

function allowanceData({
  permit,
  signature,
}: {
  readonly permit: Pick<AllowancePermit, 'amount' | 'deadline'>
  readonly signature: Signature
}): Hex {
  const { r, s, yParity } = parseSignature(signature)
  return encodeAbiParameters(
    [{ type: 'uint256' }, { type: 'uint256' }, { type: 'uint8' }, { type: 'bytes32' }, { type: 'bytes32' }],
    [permit.amount, BigInt(permit.deadline), 27 + yParity, r, s],
  )
}

/** By EIP-5267, or by `name()` and `version()` where a token knows only those, as USDC. Throws ChainError. */
export async function readTokenDomain(
  chain: Pick<ChainClient, 'query' | 'network'>,
  token: Address,
): Promise<TokenDomain> {
  const { chainId } = chain.network
  const contract = { address: token, abi: DOMAIN_ABI } as const
  return await chain.query(async (client) => {
    try {
      const [, name, version] = await readContract(client, { ...contract, functionName: 'eip712Domain' })
      return { name, version, chainId, token }
    } catch (error) {
      // Nodes answer a call of a function that is not there in many ways.
      if (isUnreachable(error)) throw error
      const [name, version] = await Promise.all([
        readContract(client, { ...contract, functionName: 'name' }),
        readContract(client, { ...contract, functionName: 'version' }),
      ])
      return { name, version, chainId, token }
    }
  })
}
