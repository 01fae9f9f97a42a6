import { getGasPrice } from 'viem/actions'
import {
  asChainError,
  type ChainClient,
  type ChainError,
  claimCall,
  createSplitterCall,
  distributeCall,
  readChannels,
  readClaimResult,
  readEarnings,
  readReceiver,
} from '../chain/index.ts'
import { type Address, type ClaimRow, type Digest, H, type Result, toError } from '../protocol/index.ts'
import type { ClaimMetrics } from './claimMetrics.ts'
import { type ClaimPolicy, clampRow, DISTRIBUTE_GAS, isWorth, type PlanInput, planClaims } from './claimPlan.ts'
import { Quarantine } from './claimQuarantine.ts'
import { rehearseClaim } from './claimRehearsal.ts'
import type { ChannelService } from './payeeChannels.ts'
import type { ClaimSource } from './ports.ts'
import type { PaymentLogger, Sendings } from './sendings.ts'

export interface ClaimerComponents {
  readonly chain: ChainClient
  readonly sendings: Sendings
  readonly channels: ChannelService
  readonly source: ClaimSource
  readonly metrics: ClaimMetrics
  readonly logger: PaymentLogger
}

export interface ClaimerInit {
  readonly operator: Address
  readonly splitter: Address
  readonly policy: ClaimPolicy
}

/** What one round of claiming did. */
export interface ClaimRound {
  readonly rows: number
  /** Wei. */
  readonly claimed: bigint
  readonly transaction: Digest | undefined
  /** Of the distribution that followed; undefined where it was not worth it. */
  readonly distribution: Digest | undefined
}

/** Claims for one provider, always on. */
export interface Claimer {
  start(): void
  stop(): Promise<void>
  /** Claims and distributes all there is now, worth its gas or not. Throws ChainError. */
  claimAll(): Promise<ClaimRound>
}

/** Between two looks at what is owed to the splitter, ms. */
const DISTRIBUTE_EVERY_MS = 60_000
/** A claim that takes longer than this to get into a block is followed by the next process, ms. */
const STOP_WAIT_MS = 5_000
const WEI_PER_OPG = 1e18

export const createClaimer = (components: ClaimerComponents, init: ClaimerInit): Claimer =>
  new OperatorClaimer(components, init)

class OperatorClaimer implements Claimer {
  readonly #c: ClaimerComponents
  readonly #init: ClaimerInit
  readonly #quarantine = new Quarantine()
  /** Claimed in a block that is not safe yet; the sender brings it back when a reorganisation takes it (R22). */
  readonly #underWay = new Map<Digest, bigint>()
  readonly #since = new Map<Digest, number>()
  #rounds: Promise<unknown> = Promise.resolve()
  #isLooking = false
  #hasSplitter = false
  #distributedAt = 0
  #stops: (() => void)[] = []

  constructor(components: ClaimerComponents, init: ClaimerInit) {
    this.#c = components
    this.#init = init
  }

  start(): void {
    const { chain, channels } = this.#c
    this.#stops = [
      chain.onBlock(() => this.#look()),
      channels.onFunds((_, { withdrawing }) => {
        if (withdrawing) this.#look()
      }),
    ]
    this.#look()
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    const timer = Promise.withResolvers<void>()
    const handle = setTimeout(timer.resolve, STOP_WAIT_MS)
    await Promise.race([this.#rounds, timer.promise])
    clearTimeout(handle)
  }

  claimAll(): Promise<ClaimRound> {
    return this.#inTurn(() => this.#round(true))
  }

  #look(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    this.#inTurn(() => this.#round(false))
      .catch((thrown) => {
        const { code, message } = asChainError('claim', toError(thrown))
        this.#c.logger.warn({ code, error: message }, 'claims not made; the next block tries')
      })
      .finally(() => {
        this.#isLooking = false
      })
  }

  /** One round at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#rounds.then(work, work)
    this.#rounds = next.then(
      () => undefined,
      () => undefined,
    )
    return next
  }

  async #round(all: boolean): Promise<ClaimRound> {
    const { sendings } = this.#c
    const { splitter } = this.#init
    // What a process before this one sent decides first: the chain is asked after it.
    await sendings.leftover(claimId(splitter))
    let [rows, claimed] = [0, 0n]
    let transaction: Digest | undefined
    for (;;) {
      const sent = await this.#claimOnce(all)
      if (sent === undefined) break
      rows += sent.rows
      claimed += sent.claimed
      transaction = sent.transaction
    }
    const distribution = await this.#distribute(all, rows > 0)
    return { rows, claimed, transaction, distribution }
  }

  /** One claim transaction; undefined where nothing is to be claimed now. */
  async #claimOnce(
    all: boolean,
  ): Promise<{ readonly rows: number; readonly claimed: bigint; readonly transaction: Digest } | undefined> {
    const input = await this.#input(all)
    if (input === undefined) return undefined
    const { rows: planned, why } = planClaims(input)
    if (planned.length === 0) return undefined
    const { logger, metrics } = this.#c
    const rows = await this.#claimable(planned)
    if (rows.length === 0) return undefined
    await this.#ensureSplitter()
    const sent = await this.#send(rows)
    metrics.claims.inc({ why, result: sent.ok ? 'sent' : sent.error.code })
    if (!sent.ok) throw sent.error
    const { transaction, gasUsed, claimed, failed } = sent.value
    for (const { row, reason } of failed) {
      const bad = sent.value.rows[row]
      if (bad !== undefined) this.#hold(bad, reason ?? 'no-gas')
    }
    const gain = claimed.reduce((total, { amount }) => total + amount, 0n)
    metrics.gas.inc({ purpose: 'claim' }, Number(gasUsed))
    metrics.rows.inc({ result: 'claimed' }, claimed.length)
    metrics.rows.inc({ result: 'failed' }, failed.length)
    metrics.claimed.inc(Number(gain) / WEI_PER_OPG)
    for (const { channelId } of claimed) this.#since.delete(channelId)
    logger.info({ transaction, why, rows: claimed.length, failed: failed.length, claimed: `${gain}` }, 'claimed')
    return { rows: claimed.length, claimed: gain, transaction }
  }

  async #input(all: boolean): Promise<PlanInput | undefined> {
    const { chain, channels, source } = this.#c
    const candidates = source.candidates()
    const now = chain.chainNow()
    for (const { row } of candidates) {
      const { channel } = row.voucher
      if (channels.funds(channel) === undefined) await channels.watch(channel)
      const state = channels.funds(channel)
      if (state === undefined || row.totalClaimed <= state.totalClaimed) this.#since.delete(channel)
      else if (!this.#since.has(channel)) this.#since.set(channel, now)
    }
    this.#quarantine.keep(candidates)
    this.#c.metrics.quarantined.set(this.#quarantine.size)
    if (this.#since.size === 0) return undefined
    return {
      candidates,
      stateOf: (channel) => channels.funds(channel),
      isHeld: (row) =>
        (this.#underWay.get(row.voucher.channel) ?? 0n) >= row.totalClaimed ||
        this.#quarantine.holds(row, channels.funds(row.voucher.channel)?.balance ?? 0n, now),
      sinceOf: (channel) => this.#since.get(channel) ?? now,
      now,
      gasPrice: await chain.query((client) => getGasPrice(client)),
      policy: this.#init.policy,
      all,
    }
  }

  /** Asked of the newest block right before they go: rows with something left, and none that the contract refuses. */
  async #claimable(planned: readonly ClaimRow[]): Promise<readonly ClaimRow[]> {
    const { chain, logger } = this.#c
    const { states } = await readChannels(
      chain,
      planned.map(({ voucher }) => voucher.channel),
      'latest',
    )
    const rows = planned.flatMap((row, index) => {
      const state = states[index]
      return (state === undefined ? undefined : clampRow(row, state)) ?? []
    })
    const { good, bad } = await rehearseClaim(chain, this.#init, rows)
    for (const { row, code } of bad) {
      this.#hold(row, code)
      logger.warn(
        { channel: row.voucher.channel, code },
        'a row is not claimable; it is tried again when its cause goes',
      )
    }
    return good
  }

  #hold(row: ClaimRow, code: string): void {
    const balance = this.#c.channels.funds(row.voucher.channel)?.balance ?? 0n
    this.#quarantine.put(row, { code, balance, at: this.#c.chain.chainNow() })
    this.#c.metrics.quarantined.set(this.#quarantine.size)
  }

  /** Halves what does not fit the gas of a transaction. */
  async #send(rows: readonly ClaimRow[]): Promise<Result<SentClaim, ChainError>> {
    const { chain, sendings } = this.#c
    const { splitter } = this.#init
    const sent = await sendings.send(claimId(splitter), claimCall(splitter, rows))
    if (!sent.ok) {
      if (rows.length > 1 && isTooLarge(sent.error)) return await this.#send(rows.slice(0, Math.ceil(rows.length / 2)))
      return sent
    }
    const { transaction, gasUsed, safe } = sent.value
    this.#follow(rows, safe)
    const result = await readClaimResult(chain, splitter, transaction)
    return {
      ok: true,
      value: { rows, transaction, gasUsed, claimed: result?.claimed ?? [], failed: result?.failed ?? [] },
    }
  }

  #follow(rows: readonly ClaimRow[], safe: Promise<Result<unknown, ChainError>>): void {
    for (const { voucher, totalClaimed } of rows) this.#underWay.set(voucher.channel, totalClaimed)
    const done = (): void => {
      for (const { voucher, totalClaimed } of rows) {
        if (this.#underWay.get(voucher.channel) === totalClaimed) this.#underWay.delete(voucher.channel)
      }
    }
    safe.then((result) => {
      done()
      const code = result.ok ? undefined : result.error.code
      if (code !== undefined && code !== 'stopped')
        this.#c.logger.warn({ code }, 'a claim left the chain; it is made anew')
    }, done)
  }

  async #ensureSplitter(): Promise<void> {
    if (this.#hasSplitter) return
    const { chain } = this.#c
    const { operator } = this.#init
    const { isSplitterMade } = await readEarnings(chain, operator)
    if (!isSplitterMade) {
      const made = await chain.send(createSplitterCall(chain.network.contracts, operator))
      if (!made.ok) throw made.error
    }
    this.#hasSplitter = true
  }

  /** Pays out 80 to 20 what was claimed and what the splitter kept. */
  async #distribute(all: boolean, hasClaimed: boolean): Promise<Digest | undefined> {
    const { chain, sendings, metrics, logger } = this.#c
    const { splitter, operator, policy } = this.#init
    const now = chain.chainNow()
    if (!all && !hasClaimed && now - this.#distributedAt < DISTRIBUTE_EVERY_MS) return undefined
    const [receiver, earnings] = await Promise.all([
      readReceiver(chain, splitter, chain.network.contracts.opg),
      readEarnings(chain, operator),
    ])
    const owed = receiver.totalClaimed - receiver.totalSettled + earnings.owed.provider + earnings.owed.network
    this.#distributedAt = now
    if (owed === 0n || !earnings.isSplitterMade) return undefined
    const gasPrice = await chain.query((client) => getGasPrice(client))
    if (!all && !isWorth(DISTRIBUTE_GAS, owed, { gasPrice, policy })) return undefined
    const id = H('sending/distribute', splitter)
    if ((await sendings.leftover(id)) !== undefined && !all) return undefined
    const sent = await sendings.send(id, distributeCall(chain.network.contracts, splitter))
    metrics.distributions.inc({ result: sent.ok ? 'sent' : sent.error.code })
    if (!sent.ok) throw sent.error
    metrics.gas.inc({ purpose: 'distribute' }, Number(sent.value.gasUsed))
    logger.info({ transaction: sent.value.transaction, owed: `${owed}` }, 'distributed')
    return sent.value.transaction
  }
}

interface SentClaim {
  readonly rows: readonly ClaimRow[]
  readonly transaction: Digest
  readonly gasUsed: bigint
  readonly claimed: readonly { readonly channelId: Digest; readonly amount: bigint }[]
  readonly failed: readonly { readonly row: number; readonly reason: string | undefined }[]
}

const claimId = (splitter: Address): Digest => H('sending/claim', splitter)

/** The gas cap, in the words of our own check, the splitter and the endpoints. */
const isTooLarge = (error: ChainError): boolean =>
  error.code === 'gas-over-cap' ||
  (error.detail.code === 'reverted' && error.detail.error === 'TooLittleGas') ||
  /gas required exceeds|intrinsic gas too high|out of gas|exceeds block gas/i.test(error.message)
