import type { Hex } from '../protocol/index.ts'
import type { ContractName } from './contractNames.ts'
import { creationCode as batchAnchor } from './generated/bytecode/BatchAnchor.ts'
import { creationCode as combinedVotes } from './generated/bytecode/CombinedVotes.ts'
import { creationCode as committee } from './generated/bytecode/Committee.ts'
import { creationCode as demands } from './generated/bytecode/Demands.ts'
import { creationCode as emissionReserve } from './generated/bytecode/EmissionReserve.ts'
import { creationCode as erc3009DepositCollector } from './generated/bytecode/ERC3009DepositCollector.ts'
import { creationCode as evidence } from './generated/bytecode/Evidence.ts'
import { creationCode as feeSplitterFactory } from './generated/bytecode/FeeSplitterFactory.ts'
import { creationCode as measurementRegistry } from './generated/bytecode/MeasurementRegistry.ts'
import { creationCode as modelRegistry } from './generated/bytecode/ModelRegistry.ts'
import { creationCode as opg } from './generated/bytecode/OPG.ts'
import { creationCode as opgGovernor } from './generated/bytecode/OPGGovernor.ts'
import { creationCode as paymentChannels } from './generated/bytecode/PaymentChannels.ts'
import { creationCode as permit2 } from './generated/bytecode/Permit2.ts'
import { creationCode as permit2DepositCollector } from './generated/bytecode/Permit2DepositCollector.ts'
import { creationCode as protocolParams } from './generated/bytecode/ProtocolParams.ts'
import { creationCode as receiptVerifier } from './generated/bytecode/ReceiptVerifier.ts'
import { creationCode as rewardDistributor } from './generated/bytecode/RewardDistributor.ts'
import { creationCode as stakeManager } from './generated/bytecode/StakeManager.ts'
import { creationCode as timelock } from './generated/bytecode/Timelock.ts'
import { creationCode as treasury } from './generated/bytecode/Treasury.ts'
import { creationCode as vesting } from './generated/bytecode/Vesting.ts'

/** Creation code of every contract, without constructor arguments: deploying compiles nothing. */
export const creationCode: { readonly [N in ContractName | 'vesting']: Hex } = {
  opg,
  timelock,
  protocolParams,
  treasury,
  stakeManager,
  combinedVotes,
  opgGovernor,
  committee,
  batchAnchor,
  permit2,
  paymentChannels,
  erc3009DepositCollector,
  permit2DepositCollector,
  feeSplitterFactory,
  evidence,
  demands,
  emissionReserve,
  rewardDistributor,
  modelRegistry,
  measurementRegistry,
  receiptVerifier,
  vesting,
}
