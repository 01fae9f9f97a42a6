import { type Address as ChecksumAddress, type Hex, keccak256, type TransactionSerializableEIP1559 } from 'viem'
import { call, estimateGas, getTransactionCount, sendRawTransaction } from 'viem/actions'
import { type Address, type Clock, type Digest, fail, ok, type Result } from '../protocol/index.ts'
import type { BlockFollower, Reorg } from './blocks.ts'
import { INCLUSION_TIMEOUT_MS, MAX_NONCE_RETRIES, MAX_REPLACEMENTS, STUCK_BLOCKS } from './constants.ts'
import { asChainError } from './contracts.ts'
import { ChainError, isChainError } from './errors.ts'
import {
  type Fees,
  gasWithMargin,
  isKnownTransaction,
  isNonceTaken,
  isUnderpriced,
  isUnfunded,
  raisedFees,
  suggestedFees,
  unfunded,
} from './fees.ts'
import { fetchReceipt, type Rpc } from './rpc.ts'

/** One account that signs transactions; its key never leaves it. viem's LocalAccount is one. */
export interface TransactionSigner {
  readonly address: ChecksumAddress
  signTransaction(transaction: TransactionSerializableEIP1559): Promise<Hex>
}

export interface Call {
  readonly to: Address
  readonly data: Hex
}

/** A transaction in a block. */
export interface Inclusion {
  readonly transaction: Digest
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly gasUsed: bigint
}

export interface Sent extends Inclusion {
  /**
   * Settles when the transaction is in a `safe` block (R22). When its block is reorganised away before it is final, it
   * is sent again, with a fresh nonce where the old one is gone; fails when the contract no longer takes it.
   */
  readonly safe: Promise<Result<Inclusion, ChainError>>
}

/** A transaction that is about to be broadcast. */
export interface SignedTransaction {
  readonly hash: Digest
  readonly raw: Hex
  readonly nonce: number
}

export interface SendOptions {
  /** For inclusion, ms. */
  readonly timeoutMs?: number
  /**
   * Called with each transaction that carries the call, replacements with a higher fee included, before it leaves: it
   * is broadcast once this resolves (R27), and not at all when it rejects.
   */
  readonly onSigned?: (transaction: SignedTransaction) => Promise<void>
}

interface Tracked {
  readonly call: Call
  gas: bigint
  nonce: number
  fees: Fees
  raw: Hex
  /** Every hash under which this call was sent, newest last. */
  hashes: Digest[]
  replacements: number
  /** Head when the newest of them was sent. */
  sentAtBlock: number
  inclusion: Inclusion | undefined
  /** It was in a block that is gone. */
  dropped: boolean
  readonly onSigned: SendOptions['onSigned']
  readonly onIncluded: (result: Result<Inclusion, ChainError>) => void
  readonly onSafe: (result: Result<Inclusion, ChainError>) => void
}

interface Receipt extends Inclusion {
  readonly succeeded: boolean
}

/**
 * Sends the transactions of one account, each nonce once, and follows every one until it is final: raises the fee of
 * what is stuck, sends again what a reorganisation dropped. A call may therefore run twice; contracts called through it
 * refuse the second.
 */
export class TransactionSender {
  readonly #rpc: Rpc
  readonly #blocks: BlockFollower
  readonly #clock: Clock
  readonly #chainId: number
  readonly #signer: TransactionSigner
  #tracked: Tracked[] = []
  #submitting: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(
    { rpc, blocks, clock }: { readonly rpc: Rpc; readonly blocks: BlockFollower; readonly clock: Clock },
    init: { readonly chainId: number; readonly signer: TransactionSigner },
  ) {
    this.#rpc = rpc
    this.#blocks = blocks
    this.#clock = clock
    this.#chainId = init.chainId
    this.#signer = init.signer
  }

  /** Sends a call and waits for its block. */
  async send(
    request: Call,
    { timeoutMs = INCLUSION_TIMEOUT_MS, onSigned }: SendOptions = {},
  ): Promise<Result<Sent, ChainError>> {
    const startedAt = this.#clock()
    const included = Promise.withResolvers<Result<Inclusion, ChainError>>()
    const safe = Promise.withResolvers<Result<Inclusion, ChainError>>()
    const submitted = await this.#exclusively(() =>
      this.#submit(request, { onSigned, onIncluded: included.resolve, onSafe: safe.resolve }),
    )
    if (!submitted.ok) return submitted
    const tracked = submitted.value
    const timer = setTimeout(
      () => {
        included.resolve(
          fail(
            new ChainError(
              { code: 'not-included', nonce: tracked.nonce, transactions: tracked.hashes, afterMs: timeoutMs },
              `expected transaction ${tracked.hashes.at(-1)} in a block within ${timeoutMs} ms, got none; it is still being sent`,
            ),
          ),
        )
      },
      Math.max(0, timeoutMs - (this.#clock() - startedAt)),
    )
    try {
      const result = await included.promise
      return result.ok ? ok({ ...result.value, safe: safe.promise }) : result
    } finally {
      clearTimeout(timer)
    }
  }

  /** One look at everything sent; to be called after every new head. */
  follow(): Promise<void> {
    return this.#exclusively(async () => {
      for (const tracked of [...this.#tracked]) this.#settle(tracked)
      if (this.#tracked.every((each) => each.inclusion !== undefined)) return
      // Nonces first: a nonce used up before its receipt was looked for, and no receipt, is a foreign transaction.
      const latest = await this.#accountNonce('latest')
      const pending = await this.#accountNonce('pending')
      for (const tracked of [...this.#tracked]) if (tracked.inclusion === undefined) await this.#check(tracked)
      await this.#resend(latest, pending)
    })
  }

  /** What a reorganisation took out of its block goes out again with the next look. */
  drop({ fork }: Reorg): void {
    for (const tracked of this.#tracked) {
      if (tracked.inclusion === undefined || tracked.inclusion.blockNumber <= fork) continue
      tracked.inclusion = undefined
      tracked.dropped = true
    }
  }

  stop(): void {
    this.#stopped = true
    const stopped = fail(new ChainError({ code: 'stopped' }, 'expected the chain client to run on, it was stopped'))
    for (const tracked of this.#tracked) {
      tracked.onIncluded(stopped)
      tracked.onSafe(stopped)
    }
    this.#tracked = []
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#submitting.then(work, work)
    this.#submitting = next.catch(() => undefined)
    return next
  }

  async #submit(
    request: Call,
    listeners: Pick<Tracked, 'onSigned' | 'onIncluded' | 'onSafe'>,
  ): Promise<Result<Tracked, ChainError>> {
    try {
      const gas = await this.#gasOf(request)
      const tracked: Tracked = {
        call: request,
        gas,
        nonce: await this.#nextNonce(),
        fees: await this.#fees(),
        raw: '0x',
        hashes: [],
        replacements: 0,
        sentAtBlock: this.#blocks.head.number,
        inclusion: undefined,
        dropped: false,
        ...listeners,
      }
      for (let attempt = 1; ; attempt += 1) {
        await this.#sign(tracked)
        const problem = await this.#broadcast(tracked)
        if (problem === undefined) break
        if (!isNonceTaken(problem)) return fail(problem)
        if (attempt === MAX_NONCE_RETRIES) {
          return fail(
            new ChainError(
              { code: 'nonce-taken', account: this.#signer.address, nonce: tracked.nonce },
              `expected a free nonce, ${tracked.nonce} was taken too; another process sends from ${this.#signer.address}`,
            ),
          )
        }
        tracked.hashes = []
        tracked.nonce = Math.max(tracked.nonce + 1, await this.#accountNonce('pending'))
      }
      if (this.#stopped) return fail(new ChainError({ code: 'stopped' }, 'the chain client was stopped'))
      this.#tracked.push(tracked)
      return ok(tracked)
    } catch (error) {
      return fail(asChainError('eth_sendRawTransaction', error))
    }
  }

  async #gasOf(request: Call): Promise<bigint> {
    let estimate: bigint
    try {
      estimate = await this.#rpc.run((client) => estimateGas(client, { account: this.#signer.address, ...request }))
    } catch (error) {
      throw asChainError('eth_estimateGas', error)
    }
    return gasWithMargin(estimate)
  }

  #fees(): Promise<Fees> {
    return this.#rpc.run(suggestedFees)
  }

  #accountNonce(blockTag: 'latest' | 'pending'): Promise<number> {
    return this.#rpc.run((client) => getTransactionCount(client, { address: this.#signer.address, blockTag }))
  }

  async #nextNonce(): Promise<number> {
    const waiting = this.#tracked.filter((each) => each.inclusion === undefined).map((each) => each.nonce + 1)
    return Math.max(await this.#accountNonce('pending'), ...waiting)
  }

  async #sign(tracked: Tracked): Promise<void> {
    const { call: request, gas, nonce, fees } = tracked
    tracked.raw = await this.#signer.signTransaction({
      type: 'eip1559',
      chainId: this.#chainId,
      nonce,
      gas,
      to: request.to,
      data: request.data,
      value: 0n,
      ...fees,
    })
    const hash = keccak256(tracked.raw)
    await tracked.onSigned?.({ hash, raw: tracked.raw, nonce })
    tracked.hashes.push(hash)
    tracked.sentAtBlock = this.#blocks.head.number
  }

  /** What stands in the way, or undefined when the endpoint has the transaction or may have it. */
  async #broadcast(tracked: Tracked): Promise<ChainError | undefined> {
    try {
      await this.#rpc.run((client) => sendRawTransaction(client, { serializedTransaction: tracked.raw }))
      return undefined
    } catch (thrown) {
      const error = asChainError('eth_sendRawTransaction', thrown)
      if (isKnownTransaction(error) || isUnderpriced(error) || isChainError(error, 'rpc-unreachable')) return undefined
      return isUnfunded(error) ? unfunded(this.#signer.address) : error
    }
  }

  async #receipt(tracked: Tracked): Promise<Receipt | undefined> {
    for (const hash of tracked.hashes.toReversed()) {
      const receipt = await this.#rpc.run((client) => fetchReceipt(client, hash))
      if (receipt !== undefined) {
        return {
          transaction: hash,
          blockNumber: Number(receipt.blockNumber),
          blockHash: receipt.blockHash,
          gasUsed: receipt.gasUsed,
          succeeded: receipt.status === 'success',
        }
      }
    }
    return undefined
  }

  /** What the blocks that are known say of a transaction that was in one of them. */
  #settle(tracked: Tracked): void {
    const { inclusion } = tracked
    if (inclusion === undefined) return
    const { head, safe, finalized } = this.#blocks
    if (inclusion.blockNumber > head.number) return
    const block = this.#blocks.known(inclusion.blockNumber)
    if (block?.hash !== inclusion.blockHash) {
      tracked.inclusion = undefined
      tracked.dropped = block !== undefined
    } else if (inclusion.blockNumber <= finalized.number) this.#close(tracked, ok(inclusion))
    else if (inclusion.blockNumber <= safe.number) tracked.onSafe(ok(inclusion))
  }

  async #check(tracked: Tracked): Promise<void> {
    const receipt = await this.#receipt(tracked)
    if (receipt === undefined) return
    const { succeeded, ...inclusion } = receipt
    if (!succeeded) {
      this.#close(tracked, fail(await this.#reasonOf(tracked, inclusion)))
      return
    }
    tracked.inclusion = inclusion
    tracked.dropped = false
    tracked.onIncluded(ok(inclusion))
    this.#settle(tracked)
  }

  #close(tracked: Tracked, result: Result<Inclusion, ChainError>): void {
    this.#tracked = this.#tracked.filter((each) => each !== tracked)
    tracked.onIncluded(result)
    tracked.onSafe(result)
  }

  /** Why an included transaction failed: the call again, on the state its block left. */
  async #reasonOf(tracked: Tracked, inclusion: Inclusion): Promise<ChainError> {
    try {
      await this.#rpc.run((client) =>
        call(client, {
          account: this.#signer.address,
          ...tracked.call,
          gas: tracked.gas,
          blockNumber: BigInt(inclusion.blockNumber),
        }),
      )
    } catch (error) {
      return asChainError('eth_call', error)
    }
    return new ChainError(
      { code: 'reverted', error: '(unknown)', args: [] },
      `expected transaction ${inclusion.transaction} to succeed, it failed, and succeeds on the state after it`,
    )
  }

  /** Sends again what is in no block: with a fresh nonce where the old one is used up or out of reach. */
  async #resend(latest: number, pending: number): Promise<void> {
    let free = pending
    const waiting = this.#tracked.filter((each) => each.inclusion === undefined)
    for (const tracked of waiting.toSorted((left, right) => left.nonce - right.nonce)) {
      const isUsed = tracked.nonce < latest
      const isPooled = !isUsed && tracked.nonce < pending
      const isStuck = this.#blocks.head.number - tracked.sentAtBlock >= STUCK_BLOCKS
      const nonce = isPooled ? tracked.nonce : free
      if (!isPooled) free += 1
      if (tracked.nonce !== nonce) await this.#again(tracked, () => this.#renumber(tracked, nonce))
      else if (isStuck) await this.#again(tracked, () => this.#replace(tracked))
      else if (!isPooled || tracked.dropped) await this.#again(tracked, () => this.#repeat(tracked))
    }
  }

  async #repeat(tracked: Tracked): Promise<void> {
    if (tracked.dropped) tracked.sentAtBlock = this.#blocks.head.number
    tracked.dropped = false
  }

  async #renumber(tracked: Tracked, nonce: number): Promise<void> {
    tracked.dropped = false
    tracked.gas = await this.#gasOf(tracked.call)
    tracked.fees = await this.#fees()
    tracked.nonce = nonce
    tracked.replacements = 0
    await this.#sign(tracked)
  }

  async #replace(tracked: Tracked): Promise<void> {
    tracked.sentAtBlock = this.#blocks.head.number
    if (tracked.replacements === MAX_REPLACEMENTS) return
    tracked.replacements += 1
    tracked.fees = raisedFees(tracked.fees, await this.#fees())
    await this.#sign(tracked)
  }

  async #again(tracked: Tracked, prepare: () => Promise<void>): Promise<void> {
    try {
      await prepare()
      const problem = await this.#broadcast(tracked)
      if (isChainError(problem, 'insufficient-funds')) this.#close(tracked, fail(problem))
    } catch (thrown) {
      const error = asChainError('eth_sendRawTransaction', thrown)
      if (isChainError(error, 'rpc-unreachable') || isChainError(error, 'rpc-disagreement')) throw error
      // One of its older hashes may have made it in the meantime: then that is why the contract refuses.
      if ((await this.#receipt(tracked)) === undefined) this.#close(tracked, fail(error))
    }
  }
}
