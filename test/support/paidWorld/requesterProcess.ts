import {
  ASSURANCE,
  authorizedOf,
  type ChannelConfig,
  type Digest,
  inputHashOf,
  type LedgerEntry,
  MODE,
  PayerLedger,
  PRIVACY,
  type ProviderReply,
  parametersHashOf,
  type RankedOffer,
  type RequesterEffect,
  type RequesterEvent,
  RequesterMachine,
  type SignedHead,
  type SignedJob,
  type SignedReceipt,
  TIER,
  type Voucher,
} from '../../../src/protocol/index.ts'
import { CHANNEL_DOMAIN, funded } from '../paidProvider.ts'
import { INPUT, JOB_PARAMETERS, MODEL, REQUESTER, rankedOf, SALT, seededRandom } from '../protocolWorld.ts'
import { crypto, DOMAIN } from '../votes.ts'
import { BooksOnDisk, Commits, Fuse } from './disk.ts'
import type { ProviderProcess } from './providerProcess.ts'
import type { Wire, Wires } from './wires.ts'

export interface Plan {
  readonly units: number
  readonly mode: keyof typeof MODE
}

class RequesterDisk extends BooksOnDisk {
  readonly kept = new Map<Digest, { readonly signed: SignedJob; readonly offer: RankedOffer }>()
  readonly receipts = new Map<Digest, SignedReceipt>()

  commit(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) this.take(entry)
  }
}

interface Running {
  readonly machine: RequesterMachine
  readonly waiting: RequesterEffect[]
  isCarrying: boolean
  isOver: boolean
  wire: Wire | undefined
  /** Its terminal frame came. */
  ended: boolean
  readonly jobs: Set<Digest>
  readonly later: (() => void)[]
}

interface Recall {
  readonly jobId: Digest
  head: SignedHead | undefined
  receipt: SignedReceipt | undefined
  accepted: boolean | undefined
}

type Reader = (reply: ProviderReply | undefined) => void

/**
 * A requester's process: real machines over one real ledger, each request carried out in order as the role does it, with
 * a disk whose commits take time and a death at any step.
 */
export class RequesterProcess {
  readonly disk = new RequesterDisk()
  readonly fuse = new Fuse()
  readonly commits = new Commits()
  readonly #wires: Wires
  readonly #provider: ProviderProcess
  readonly #config: ChannelConfig
  #ledger = new PayerLedger({ domain: CHANNEL_DOMAIN, crypto, signer: REQUESTER })
  #requests: Running[] = []
  #readers = new Map<number, Reader>()
  #busy = new Set<Digest>()
  /** On their way to the disk. */
  #storing = new Set<RequesterEffect>()
  #met = false
  #drawn = 0

  constructor(wires: Wires, provider: ProviderProcess) {
    this.#wires = wires
    this.#provider = provider
    this.#config = provider.node.config
    this.disk.commit(this.#ledger.open(this.#config))
    this.#ledger.seen(this.channel, funded())
  }

  get channel(): Digest {
    return this.#provider.node.channel
  }

  get running(): number {
    return this.#requests.length
  }

  /** Signed above what is charged and verified. */
  get ahead(): bigint {
    const account = this.disk.account
    if (account === undefined) return 0n
    return [...this.disk.jobs.values()].reduce((sum, { fee }) => sum - fee, authorizedOf(account) - account.charged)
  }

  /** Of every job that was ever begun. */
  get everySlice(): bigint {
    return [...this.disk.jobs.values(), ...this.disk.settled.values()].reduce((sum, { slice }) => sum + slice, 0n)
  }

  restart(): void {
    this.#wires.breakAll('requester')
    this.commits.lose()
    this.#requests = []
    this.#readers = new Map()
    this.#busy = new Set()
    this.#storing = new Set()
    this.#met = false
    this.#ledger = new PayerLedger({ domain: CHANNEL_DOMAIN, crypto, signer: REQUESTER })
    if (this.disk.account !== undefined) this.#ledger.load(this.disk.account, [...this.disk.jobs.values()], funded())
  }

  request({ units, mode }: Plan): void {
    const { offer } = this.#provider.node
    const shape = { tier: TIER.replay, privacy: PRIVACY.open, maxOutputUnits: units }
    this.#begin(rankedOf([offer], shape), MODE[mode], units)
  }

  /** A job of any time that may have cost something, asked for again. */
  retry(index: number): void {
    const all = [...this.disk.kept.entries()].filter(([id]) => this.disk.settled.get(id)?.outcome !== 'refunded')
    const [jobId] = all[index % Math.max(1, all.length)] ?? []
    if (jobId !== undefined) this.#again(jobId)
  }

  #again(jobId: Digest): void {
    const kept = this.disk.kept.get(jobId)
    if (kept === undefined || this.#busy.has(jobId)) return
    this.#busy.add(jobId)
    const { job } = kept.signed
    this.#begin([kept.offer], job.mode, job.maxOutputUnits, { jobId, signed: kept.signed })
  }

  #begin(
    offers: RankedOffer[],
    mode: number,
    maxOutputUnits: number,
    again?: { readonly jobId: Digest; readonly signed: SignedJob },
  ): void {
    this.#drawn += 1
    const machine = new RequesterMachine({
      ...{ domain: DOMAIN, crypto, requester: REQUESTER, offers, books: this.#ledger },
      random: seededRandom(`request ${this.#provider.disk.settled.size} ${this.#drawn} ${this.disk.kept.size}`),
      order: {
        model: MODEL,
        inputHash: inputHashOf(SALT, INPUT),
        parametersHash: parametersHashOf(JOB_PARAMETERS),
        ...{ tier: TIER.replay, privacy: PRIVACY.open, mode, maxFee: undefined, maxOutputUnits },
        deadline: this.#provider.now + 60_000,
      },
      ...(again === undefined ? {} : { again: again.signed }),
    })
    const running: Running = {
      ...{ machine, waiting: [], isCarrying: false, isOver: false, wire: undefined, ended: false },
      ...{ jobs: new Set(again === undefined ? [] : [again.jobId]), later: [] },
    }
    this.#requests.push(running)
    this.#dispatch(running, { type: 'start' })
  }

  /** The user goes away, or the time is over; a provider that was told so may stay silent. */
  stop(index: number, how: 'cancel' | 'timeout' | 'give-up'): void {
    const running = this.#requests[index % Math.max(1, this.#requests.length)]
    if (running !== undefined) this.#dispatch(running, { type: how })
  }

  askLater(): void {
    for (const running of [...this.#requests]) running.later.shift()?.()
  }

  #dispatch(running: Running, event: RequesterEvent): void {
    if (running.isOver) return
    const effects = running.machine.handle(event)
    for (const effect of effects) this.#store(running, effect)
    running.waiting.push(...effects)
    this.#carryOut(running)
  }

  #carryOut(running: Running): void {
    if (running.isCarrying) return
    running.isCarrying = true
    for (let effect = running.waiting[0]; effect !== undefined; effect = running.waiting[0]) {
      if (this.#storing.has(effect)) break
      running.waiting.shift()
      this.fuse.burn()
      this.#carry(running, effect)
    }
    running.isCarrying = false
  }

  /** Books change at once; what they say goes to the disk as it was said, whichever request waits for it. */
  #store(running: Running, effect: RequesterEffect): void {
    const write = this.#writeOf(running, effect)
    if (write === undefined) return
    this.#storing.add(effect)
    this.commits.add(write, () => {
      this.#storing.delete(effect)
      this.#carryOut(running)
    })
  }

  #writeOf(running: Running, effect: RequesterEffect): (() => void) | undefined {
    switch (effect.type) {
      case 'persist-job': {
        const { jobId, signed, offer, entries } = effect
        this.#busy.add(jobId)
        running.jobs.add(jobId)
        return () => {
          this.disk.kept.set(jobId, { signed, offer })
          this.disk.commit(entries)
        }
      }
      case 'persist':
      case 'settle':
        return () => this.disk.commit(effect.entries)
      case 'succeed': {
        const { jobId, receipt } = effect.result
        return () => this.#keepReceipt(jobId, receipt)
      }
      default:
        return undefined
    }
  }

  #keepReceipt(jobId: Digest, receipt: SignedReceipt): void {
    const known = this.disk.receipts.get(jobId)
    if (known !== undefined && known.signature !== receipt.signature) throw new Error(`job ${jobId} has two receipts`)
    this.disk.receipts.set(jobId, receipt)
  }

  #over(running: Running): void {
    running.isOver = true
    this.#requests = this.#requests.filter((each) => each !== running)
    for (const jobId of running.jobs) this.#busy.delete(jobId)
  }

  #carry(running: Running, effect: RequesterEffect): void {
    const { now } = this.#provider
    switch (effect.type) {
      case 'check-evidence':
        this.#dispatch(running, {
          ...{ type: 'evidence-accepted', now, assurance: ASSURANCE.simulated, notChecked: 0 },
        })
        return
      case 'open-channel':
        if (this.#met) this.#dispatch(running, { type: 'channel-ready', now, channel: this.channel })
        else this.#show(running)
        return
      case 'mend-channel':
        this.#show(running)
        return
      case 'reserve-budget':
        this.#dispatch(running, { type: 'budget-reserved', now })
        return
      case 'send-job':
        if (effect.voucher === undefined) this.#converse(running, effect)
        else this.#whenStored(effect.voucher, () => this.#converse(running, effect))
        return
      case 'send-voucher':
        if (running.wire !== undefined) this.#pay(running.wire, effect.voucher)
        return
      case 'ask-later':
        running.later.push(() => this.#dispatch(running, effect.event))
        return
      case 'cancel-job':
        if (running.wire !== undefined) this.#wires.send(running.wire, { kind: 'cancel', jobId: effect.jobId })
        return
      case 'close-stream':
        if (running.wire !== undefined) this.#leave(running.wire)
        running.wire = undefined
        return
      case 'succeed':
      case 'fail':
        this.#over(running)
        return
      case 'report':
        if (effect.code !== 'rejected') throw new Error(`an honest provider is reported: ${effect.code}`)
        return
      case 'compare-books':
        throw new Error('the books of an honest provider are doubted')
      default:
        return
    }
  }

  #leave(wire: Wire): void {
    this.#wires.leave(wire)
    this.#readers.delete(wire.id)
  }

  #pay(wire: Wire, voucher: Voucher): void {
    this.#whenStored(voucher, () => {
      this.fuse.burn()
      this.#wires.send(wire, { kind: 'voucher', voucher })
    })
  }

  /** A voucher that another job was signed for may not be on disk yet. */
  #whenStored({ amount }: Voucher, then: () => void): void {
    if (amount <= authorizedOf(this.disk.account ?? {})) then()
    else this.commits.afterLast(then)
  }

  #converse(running: Running, { jobId, signed, voucher }: Extract<RequesterEffect, { type: 'send-job' }>): void {
    const request = {
      ...{ ...signed, inputSalt: SALT, input: INPUT, sealed: false, parameters: JOB_PARAMETERS },
      ...(voucher === undefined ? {} : { voucher }),
    }
    const wire = this.#wires.dial({ kind: 'request', request })
    running.wire = wire
    running.ended = false
    this.#readers.set(wire.id, (reply) => {
      if (running.wire !== wire) return
      const { now } = this.#provider
      if (reply === undefined) {
        const broken = { type: 'stream-failed', now, code: 'stream-reset', message: 'lost', sent: true } as const
        if (!running.ended) this.#dispatch(running, broken)
        return
      }
      running.ended = reply.type === 'end' || reply.type === 'refusal'
      const event = this.#eventOf(reply, jobId)
      if (event !== undefined) this.#dispatch(running, event)
    })
  }

  #eventOf(reply: ProviderReply, jobId: Digest): RequesterEvent | undefined {
    const { now } = this.#provider
    switch (reply.type) {
      case 'chunk':
        return { type: 'chunk', now, chunk: reply.chunk }
      case 'head':
        return { type: 'head', now, signed: reply.signed }
      case 'receipt':
        return { ...reply, now }
      case 'certificate': {
        const status = this.#acceptedBy(jobId) ? 'accepted' : 'rejected'
        const verdict = { status, votes: 0, committee: 0, replayed: 0 } as const
        return { type: 'certified', now, checkpoint: reply.signed, verdict }
      }
      case 'end':
        return { ...reply, now }
      case 'refusal':
        return { type: 'refused', now, code: reply.code, message: reply.message }
      case 'ledger':
        return reply
      default:
        return undefined
    }
  }

  /** The verdict is the committee's: the same wherever it is read. */
  #acceptedBy(jobId: Digest): boolean {
    return this.#provider.accepts(jobId)
  }

  /** The first words to the provider in this process: what it holds is compared, what it lost is sent again. */
  #show(running: Running | undefined): void {
    const voucher = this.#ledger.shown(this.channel)
    this.#whenStored(voucher, () => this.#showNow(running, voucher))
  }

  #showNow(running: Running | undefined, voucher: Voucher): void {
    const wire = this.#wires.dial({ kind: 'show', voucher })
    this.#readers.set(wire.id, (reply) => {
      const { now } = this.#provider
      this.#leave(wire)
      if (reply?.type !== 'ledger') {
        const refused = { type: 'money-refused', now, code: 'unreachable', message: 'lost' } as const
        if (running !== undefined) this.#dispatch(running, refused)
        return
      }
      const held = authorizedOf(this.disk.account ?? {})
      if (reply.authorized > held)
        throw new Error(`a voucher of ${reply.authorized} left before it was stored: ${held}`)
      this.#ledger.agree(this.channel)
      this.#met = true
      if (running !== undefined) this.#dispatch(running, { type: 'channel-ready', now, channel: this.channel })
    })
  }

  /** Meets the provider again: shows the channel, and asks what became of the jobs that nothing here is busy with. */
  recall(): void {
    this.#show(undefined)
    for (const { jobId } of this.#ledger.unsettled(this.channel)) if (!this.#busy.has(jobId)) this.#recallOne(jobId)
  }

  #recallOne(jobId: Digest): void {
    if (!this.disk.kept.has(jobId)) throw new Error(`job ${jobId} is in the books and was not kept`)
    this.#busy.add(jobId)
    const shown: Recall = { jobId, head: undefined, receipt: undefined, accepted: undefined }
    const wire = this.#wires.dial({ kind: 'recall', jobId })
    this.#readers.set(wire.id, (reply) => {
      if (reply?.type === 'head') shown.head = reply.signed
      else if (reply?.type === 'receipt') shown.receipt = reply.signed
      else if (reply?.type === 'certificate') shown.accepted = this.#acceptedBy(jobId)
      else if (reply === undefined || reply.type === 'end' || reply.type === 'refusal') {
        this.#readers.delete(wire.id)
        this.#busy.delete(jobId)
        if (reply !== undefined) this.#judge(wire, shown, reply.type === 'end' ? reply.outcome : reply.code)
      }
    })
  }

  /** As the role does: by what the provider signed. */
  #judge(wire: Wire, shown: Recall, end: string): void {
    const { jobId } = shown
    if (this.#ledger.job(jobId) === undefined) return
    const fee = this.#costOf(shown, end)
    if (fee === undefined) return
    if (fee > 0n) {
      const within = this.#ledger.recalled(jobId, fee)
      // More than a recall alone can show: the job is asked for again, and what is verified is owed.
      if (!within.ok) {
        this.#again(jobId)
        return
      }
    }
    const { entries, voucher } = this.#ledger.settle(jobId, fee === 0n ? 'refunded' : 'paid', this.#provider.now)
    this.commits.add(
      () => this.disk.commit(entries),
      () => {
        if (voucher !== undefined) this.#pay(wire, voucher)
        this.#leave(wire)
      },
    )
  }

  #costOf({ jobId, head, receipt, accepted }: Recall, end: string): bigint | undefined {
    const mode = this.disk.kept.get(jobId)?.signed.job.mode
    if (receipt !== undefined) {
      const { fee } = receipt.receipt
      if (mode !== MODE.quorum) return fee
      if (accepted !== undefined) return accepted ? fee : 0n
      return end === 'uncertified' ? 0n : undefined
    }
    if (end === 'not-found') return 0n
    return end === 'job-closed' ? (head?.head.fee ?? 0n) : undefined
  }

  read(wire: Wire, reply: ProviderReply | undefined): void {
    this.#readers.get(wire.id)?.(reply)
  }
}
