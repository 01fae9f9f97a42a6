import { BaseError, decodeErrorResult, type Hex, isHex } from 'viem'
import { toError } from '../protocol/index.ts'
import { ChainError } from './errors.ts'
import { abi as batchAnchorAbi } from './generated/BatchAnchor.ts'
import { abi as committeeAbi } from './generated/Committee.ts'
import { abi as emissionReserveAbi } from './generated/EmissionReserve.ts'
import { abi as evidenceAbi } from './generated/Evidence.ts'
import { abi as errorAbi } from './generated/errors.ts'
import { abi as feeSplitterAbi } from './generated/FeeSplitter.ts'
import { abi as feeSplitterFactoryAbi } from './generated/FeeSplitterFactory.ts'
import { abi as measurementRegistryAbi } from './generated/MeasurementRegistry.ts'
import { abi as modelRegistryAbi } from './generated/ModelRegistry.ts'
import { abi as opgAbi } from './generated/OPG.ts'
import { abi as opgGovernorAbi } from './generated/OPGGovernor.ts'
import { abi as paymentChannelsAbi } from './generated/PaymentChannels.ts'
import { abi as protocolParamsAbi } from './generated/ProtocolParams.ts'
import { abi as rewardDistributorAbi } from './generated/RewardDistributor.ts'
import { abi as stakeManagerAbi } from './generated/StakeManager.ts'
import { abi as treasuryAbi } from './generated/Treasury.ts'

export {
  batchAnchorAbi,
  committeeAbi,
  emissionReserveAbi,
  errorAbi,
  evidenceAbi,
  feeSplitterAbi,
  feeSplitterFactoryAbi,
  measurementRegistryAbi,
  modelRegistryAbi,
  opgAbi,
  opgGovernorAbi,
  paymentChannelsAbi,
  protocolParamsAbi,
  rewardDistributorAbi,
  stakeManagerAbi,
  treasuryAbi,
}

/** `StakeManager.Role`: what an operator stakes for (R7). */
export const ROLE = { provider: 1, verifier: 2, settler: 3, host: 4 } as const
export type RoleName = keyof typeof ROLE

/** Least stake of a role, wei (`StakeManager.minimumStake`). */
export const MINIMUM_STAKE: { readonly [R in RoleName]: bigint } = {
  provider: 10_000n * 10n ** 18n,
  verifier: 2_000n * 10n ** 18n,
  settler: 5_000n * 10n ** 18n,
  host: 0n,
}

/** The same by the role's code. */
export const minimumStakeOf = (code: number): bigint =>
  MINIMUM_STAKE[(Object.keys(ROLE) as RoleName[]).find((role) => ROLE[role] === code) ?? 'host']

/** Turns revert bytes into the error and the arguments the contract gave. */
export function decodeRevert(data: Hex): ChainError {
  if (data === '0x') return reverted('(no reason)', [])
  try {
    const { errorName, args } = decodeErrorResult({ abi: errorAbi, data })
    return reverted(errorName, args ?? [])
  } catch (error) {
    if (!(error instanceof BaseError)) throw error
    return reverted(data.slice(0, 10), [data])
  }
}

function reverted(error: string, args: readonly unknown[]): ChainError {
  return new ChainError(
    { code: 'reverted', error, args },
    `expected the contract to accept, got ${error}(${args.map(String).join(', ')})`,
  )
}

/** The ChainError that an RPC failure is: a decoded revert, else `rpc-failed`. ChainErrors pass unchanged. */
export function asChainError(method: string, error: unknown): ChainError {
  if (error instanceof ChainError) return error
  if (!(error instanceof BaseError)) throw toError(error)
  const revert = revertData(error)
  if (revert !== undefined) return decodeRevert(revert)
  const rpcCode = numberMember(
    error.walk((each) => numberMember(each, 'code') !== undefined),
    'code',
  )
  return new ChainError(
    { code: 'rpc-failed', method, rpcCode },
    `expected an answer to ${method}, got ${error.shortMessage} ${error.details}`,
  )
}

function revertData(error: BaseError): Hex | undefined {
  const carrier = error.walk((each) => dataOf(each) !== undefined)
  return dataOf(carrier)
}

function dataOf(error: unknown): Hex | undefined {
  if (typeof error !== 'object' || error === null || !('data' in error)) return undefined
  const { data } = error
  if (isHex(data)) return data
  return typeof data === 'object' && data !== null && 'data' in data && isHex(data.data) ? data.data : undefined
}

function numberMember(value: unknown, name: string): number | undefined {
  if (typeof value !== 'object' || value === null || !(name in value)) return undefined
  const member = (value as { readonly [name: string]: unknown })[name]
  return typeof member === 'number' ? member : undefined
}
