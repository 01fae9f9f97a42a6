import { readContract } from 'viem/actions'
import { type Address, fail, ok, type Result } from '../protocol/index.ts'
import type { BlockFollower, Reorg } from './blocks.ts'
import { MAX_CACHED_EPOCHS } from './constants.ts'
import { asChainError, committeeAbi } from './contracts.ts'
import { type ChainError, isChainError } from './errors.ts'
import type { NetworkContracts } from './networkFile.ts'
import type { Rpc } from './rpc.ts'
import { joinCall, openCall } from './staking.ts'
import { toSafeNumber } from './structs.ts'
import type { Sent, TransactionSender } from './transactions.ts'

/** One place of a signing set: bit `seat` of a bitmap; `weight` in wei, after the cap. */
export interface SigningSeat {
  readonly seat: number
  readonly operator: Address
  readonly weight: bigint
}

export interface SigningSet {
  /** The epoch it was opened in: at most three before the one asked for. */
  readonly openedIn: number
  /** The heaviest 21, who sign batches. */
  readonly signers: readonly SigningSeat[]
  /** All of it, heaviest first (R13). */
  readonly jury: readonly SigningSeat[]
}

/** What `ensure` calls did: nothing when it was done already. */
export type Ensured = { readonly done: 'already' } | { readonly done: 'now'; readonly sent: Sent }

const isRevert = (error: unknown, name: string): boolean =>
  isChainError(error, 'reverted') && error.detail.code === 'reverted' && error.detail.error === name

/** The signing set and the jury of the `Committee` contract. */
export class CommitteeReader {
  readonly #rpc: Rpc
  readonly #blocks: BlockFollower
  readonly #contracts: NetworkContracts
  readonly #sets = new Map<number, { readonly set: SigningSet; readonly readAt: number }>()

  constructor({ rpc, blocks }: { readonly rpc: Rpc; readonly blocks: BlockFollower }, contracts: NetworkContracts) {
    this.#rpc = rpc
    this.#blocks = blocks
    this.#contracts = contracts
  }

  drop({ fork }: Reorg): void {
    for (const [epoch, { readAt }] of this.#sets) if (readAt > fork) this.#sets.delete(epoch)
  }

  /** The set whose signatures count for `epoch`; undefined when none of the last epochs was opened. */
  async signingSet(epoch: number): Promise<SigningSet | undefined> {
    const cached = this.#sets.get(epoch)
    if (cached !== undefined) return cached.set
    const readAt = this.#blocks.head.number
    const set = await this.#read(epoch)
    if (set?.openedIn === epoch) {
      this.#sets.set(epoch, { set, readAt })
      for (const old of this.#sets.keys()) if (old <= epoch - MAX_CACHED_EPOCHS) this.#sets.delete(old)
    }
    return set
  }

  async isOpen(epoch: number): Promise<boolean> {
    return await this.#rpc.run((client) =>
      readContract(client, { ...this.#contract(), functionName: 'isOpen', args: [BigInt(epoch)] }),
    )
  }

  /** Opens the current epoch unless somebody did. Anyone may, and can choose nothing (R13). */
  async ensureOpened(epoch: number, sender: TransactionSender): Promise<Result<Ensured, ChainError>> {
    try {
      if (await this.isOpen(epoch)) return ok({ done: 'already' })
      const order = await this.#rpc.run((client) =>
        readContract(client, { ...this.#contract(), functionName: 'currentOrder' }),
      )
      return ensured(await sender.send(openCall(this.#contracts, BigInt(epoch), order)), 'AlreadyOpen')
    } catch (error) {
      return fail(asChainError('eth_call', error))
    }
  }

  /** Seats a matured verifier: on a free place, else on the lightest when that is lighter. */
  async ensureSeated(operator: Address, sender: TransactionSender): Promise<Result<Ensured, ChainError>> {
    try {
      const contract = this.#contract()
      const places = await this.#rpc.run((client) => readContract(client, { ...contract, functionName: 'places' }))
      if (places.some((place) => place.toLowerCase() === operator)) return ok({ done: 'already' })
      const maximum = await this.#rpc.run((client) => readContract(client, { ...contract, functionName: 'MAX_SEATS' }))
      const [evict] =
        BigInt(places.length) < maximum
          ? [places.length]
          : await this.#rpc.run((client) => readContract(client, { ...contract, functionName: 'lightest' }))
      return ensured(await sender.send(joinCall(this.#contracts, operator, evict)), 'AlreadySeated')
    } catch (error) {
      return fail(asChainError('eth_call', error))
    }
  }

  async #read(epoch: number): Promise<SigningSet | undefined> {
    const args = [BigInt(epoch)] as const
    try {
      const [[seats, openedIn], signers] = await this.#rpc.run((client) =>
        Promise.all([
          readContract(client, { ...this.#contract(), functionName: 'signingSet', args }),
          readContract(client, { ...this.#contract(), functionName: 'signers', args }),
        ]),
      )
      const jury = seats.map(({ verifier, weight }, seat) => ({
        seat,
        operator: verifier.toLowerCase() as Address,
        weight,
      }))
      return { openedIn: toSafeNumber(openedIn), signers: jury.slice(0, Number(signers)), jury }
    } catch (thrown) {
      const error = asChainError('eth_call', thrown)
      if (isRevert(error, 'NoSigningSet')) return undefined
      throw error
    }
  }

  #contract() {
    return { address: this.#contracts.committee, abi: committeeAbi } as const
  }
}

function ensured(result: Result<Sent, ChainError>, doneBefore: string): Result<Ensured, ChainError> {
  if (result.ok) return ok({ done: 'now', sent: result.value })
  return isRevert(result.error, doneBefore) ? ok({ done: 'already' }) : result
}
