import { creationCode as batchAnchor } from './generated/BatchAnchor.ts'
import { creationCode as committee } from './generated/Committee.ts'
import { creationCode as opg } from './generated/OPG.ts'
import { creationCode as stakeManager } from './generated/StakeManager.ts'

/** Creation bytecode of every contract, without constructor arguments: deploying compiles nothing. */
export const creationCode = { opg, stakeManager, committee, batchAnchor } as const
