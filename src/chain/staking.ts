import { encodeFunctionData } from 'viem'
import type { Address, Signature } from '../protocol/index.ts'
import { committeeAbi, opgAbi, ROLE, type RoleName, stakeManagerAbi } from './contracts.ts'
import type { NetworkContracts } from './networkFile.ts'
import type { Registration, Rotation } from './registration.ts'
import type { Call } from './transactions.ts'

const abi = stakeManagerAbi

/** Lets StakeManager take `amount` wei of OPG from the sender. */
export const approveStakeCall = ({ opg, stakeManager }: NetworkContracts, amount: bigint): Call => ({
  to: opg,
  data: encodeFunctionData({ abi: opgAbi, functionName: 'approve', args: [stakeManager, amount] }),
})

/** Sent by the owner, with the operator's signature of `registrationDigest`. */
export const registerCall = (
  { stakeManager }: NetworkContracts,
  { operator, payout, deadline }: Omit<Registration, 'owner'>,
  consent: Signature,
): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'register', args: [operator, payout, deadline, consent] }),
})

/** Sent by the owner; counts from the epoch after next. */
export const stakeCall = (
  { stakeManager }: NetworkContracts,
  operator: Address,
  role: RoleName,
  amount: bigint,
): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'stake', args: [operator, ROLE[role], amount] }),
})

/** Sent by the owner; leaves weight and votes at once. */
export const requestUnstakeCall = (
  { stakeManager }: NetworkContracts,
  operator: Address,
  role: RoleName,
  amount: bigint,
): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'requestUnstake', args: [operator, ROLE[role], amount] }),
})

/** Sent by anyone once the unbonding is over; pays the owner. */
export const withdrawCall = ({ stakeManager }: NetworkContracts, operator: Address, role: RoleName): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'withdraw', args: [operator, ROLE[role]] }),
})

/** Sent by the owner of an operator whose key it no longer trusts. */
export const freezeCall = ({ stakeManager }: NetworkContracts, operator: Address): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'freeze', args: [operator] }),
})

/** Sent by the owner: who receives the operator's earnings from now on. */
export const setPayoutCall = ({ stakeManager }: NetworkContracts, operator: Address, payout: Address): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'setPayout', args: [operator, payout] }),
})

/** Sent by the owner, with the new key's signature of `rotationDigest`. */
export const rotateCall = (
  { stakeManager }: NetworkContracts,
  { from, to, deadline }: Omit<Rotation, 'owner'>,
  consent: Signature,
): Call => ({
  to: stakeManager,
  data: encodeFunctionData({ abi, functionName: 'rotate', args: [from, to, deadline, consent] }),
})

/** Sent by anyone: seats a matured verifier on the next free place, or instead of a lighter one. */
export const joinCall = ({ committee }: NetworkContracts, operator: Address, place: number): Call => ({
  to: committee,
  data: encodeFunctionData({ abi: committeeAbi, functionName: 'join', args: [operator, place] }),
})

/** Sent by anyone; `order` is what `Committee.currentOrder` says. */
export const openCall = ({ committee }: NetworkContracts, epoch: bigint, order: readonly number[]): Call => ({
  to: committee,
  data: encodeFunctionData({ abi: committeeAbi, functionName: 'open', args: [epoch, order] }),
})
