import type { AbiEvent } from 'viem'
import { readContract } from 'viem/actions'
import type { Address, Digest, SeatStake } from '../protocol/index.ts'
import type { BlockRef } from './blocks.ts'
import { MAX_OPERATORS, STAKE_PAGE } from './constants.ts'
import { asChainError, minimumStakeOf, ROLE, type RoleName, stakeManagerAbi } from './contracts.ts'
import { isChainError } from './errors.ts'
import { logsBetween } from './logs.ts'
import type { NetworkFile } from './networkFile.ts'
import type { Rpc } from './rpc.ts'
import { byOperator, type StakeEvent, StakeLedger } from './stakeLedger.ts'
import { toSafeNumber } from './structs.ts'

type Named<name extends string> = Extract<(typeof stakeManagerAbi)[number], { type: 'event'; name: name }>
const eventOf = <name extends string>(name: name): Named<name> =>
  stakeManagerAbi.find((item) => item.type === 'event' && item.name === name) as Named<name>

const STAKE_EVENTS = [
  eventOf('Registered'),
  eventOf('Staked'),
  eventOf('UnstakeRequested'),
  eventOf('Frozen'),
  eventOf('Rotated'),
  eventOf('Seized'),
  eventOf('SeizureReturned'),
] as const satisfies readonly AbiEvent[]

const lower = (address: string): Address => address.toLowerCase() as Address

/** Stakes as StakeManager counted them in one block. */
export class StakeReader {
  readonly #rpc: Rpc
  readonly #network: NetworkFile

  constructor(rpc: Rpc, network: NetworkFile) {
    this.#rpc = rpc
    this.#network = network
  }

  /**
   * Everyone with stake that counts for `role` in `epoch`, as of `block`, which is in that epoch; by address. Asks the
   * contract, or recomputes it from the logs where no endpoint keeps the state of that block.
   */
  async at(role: RoleName, epoch: number, block: BlockRef): Promise<SeatStake[]> {
    try {
      return await this.fromView(role, block)
    } catch (thrown) {
      const error = asChainError('eth_call', thrown)
      if (!isChainError(error, 'rpc-failed')) throw error
      return await this.fromLogs(role, epoch, block)
    }
  }

  async fromView(role: RoleName, block: BlockRef): Promise<SeatStake[]> {
    const stakes: SeatStake[] = []
    for (let from = 0; from < MAX_OPERATORS; from += STAKE_PAGE) {
      const page = await this.#rpc.run((client) =>
        readContract(client, {
          address: this.#network.contracts.stakeManager,
          abi: stakeManagerAbi,
          functionName: 'operators',
          args: [ROLE[role], BigInt(from), BigInt(STAKE_PAGE)],
          blockNumber: BigInt(block.number),
        }),
      )
      for (const { operator, owner, stake } of page) {
        if (stake > 0n) stakes.push({ operator: lower(operator), owner: lower(owner), weight: stake })
      }
      if (page.length < STAKE_PAGE) break
    }
    return stakes.sort(byOperator)
  }

  async fromLogs(role: RoleName, epoch: number, block: BlockRef): Promise<SeatStake[]> {
    const { contracts, deploymentBlock } = this.#network
    const logs = await logsBetween(this.#rpc, contracts.stakeManager, STAKE_EVENTS, deploymentBlock, block.number)
    const ledger = new StakeLedger(minimumStakeOf)
    for (const { eventName, args } of logs) ledger.apply(toEvent(eventName, args))
    return ledger.matured(ROLE[role], epoch)
  }

  /** Wei that count for one operator in `epoch`, the current or a later one, as things stand now. */
  matured(operator: Address, role: RoleName, epoch: number): Promise<bigint> {
    return this.#rpc.run((client) =>
      readContract(client, {
        address: this.#network.contracts.stakeManager,
        abi: stakeManagerAbi,
        functionName: 'maturedStake',
        args: [operator, ROLE[role], BigInt(epoch)],
      }),
    )
  }
}

interface StakeArgs {
  readonly operator?: string
  readonly owner?: string
  readonly from?: string
  readonly to?: string
  readonly key?: Digest
  readonly role?: number
  readonly amount?: bigint
  readonly countsFrom?: bigint
}

function toEvent(name: (typeof STAKE_EVENTS)[number]['name'], args: StakeArgs): StakeEvent {
  const operator = lower(args.operator ?? '')
  const { owner = '', from = '', to = '', key = '0x', role = 0, amount = 0n, countsFrom = 0n } = args
  switch (name) {
    case 'Registered':
      return { type: 'registered', operator, owner: lower(owner) }
    case 'Staked':
      return { type: 'staked', operator, role, amount, countsFrom: toSafeNumber(countsFrom) }
    case 'UnstakeRequested':
      return { type: 'unstaked', operator, role, amount }
    case 'Frozen':
      return { type: 'frozen', operator }
    case 'Rotated':
      return { type: 'rotated', from: lower(from), to: lower(to) }
    case 'Seized':
      return { type: 'seized', key, operator, role, amount }
    case 'SeizureReturned':
      return { type: 'returned', key, amount }
  }
}
