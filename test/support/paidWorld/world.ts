import { authorizedOf, type Digest, hexToBytes } from '../../../src/protocol/index.ts'
import { Crash } from './disk.ts'
import { ProviderProcess } from './providerProcess.ts'
import { type Plan, RequesterProcess } from './requesterProcess.ts'
import { type Wire, Wires } from './wires.ts'

/** A part of all jobs, the same in every run. */
const accepts = (jobId: Digest): boolean => (hexToBytes(jobId)[1] ?? 0) % 3 > 0

const most = (a: bigint, b: bigint): bigint => (a < b ? b : a)

/**
 * One requester and one provider as their machines make them, on streams that break at any frame, with copies of jobs and
 * vouchers that come late, and processes that die between any two effects. Simulated: streams, disks, work, committee, chain.
 */
export class PaidWorld {
  readonly wires = new Wires()
  readonly provider = new ProviderProcess(this.wires, accepts)
  readonly requester = new RequesterProcess(this.wires, this.provider)

  request(plan: Plan): void {
    this.#asRequester(() => this.requester.request(plan))
  }

  retry(index: number): void {
    this.#asRequester(() => this.requester.retry(index))
  }

  recall(): void {
    this.#asRequester(() => this.requester.recall())
  }

  stop(index: number, how: 'cancel' | 'timeout' | 'give-up'): void {
    this.#asRequester(() => this.requester.stop(index, how))
  }

  askLater(): void {
    this.#asRequester(() => this.requester.askLater())
  }

  syncRequester(): void {
    this.#asRequester(() => this.requester.commits.sync())
  }

  syncProvider(): void {
    this.#asProvider(() => this.provider.commits.sync())
  }

  lookUp(index: number): void {
    this.#asProvider(() => this.provider.lookUp(index))
  }

  finishWork(index: number): void {
    this.#asProvider(() => this.provider.finishWork(index))
  }

  voucherDue(): void {
    this.#asProvider(() => this.provider.voucherDue())
  }

  checkpoint(): void {
    this.#asProvider(() => this.provider.checkpoint())
  }

  certify(abandoned: boolean): void {
    this.#asProvider(() => this.provider.certify(abandoned))
  }

  /** The next frame of a stream, towards either side. */
  deliver(index: number): void {
    const wire = this.#wire(index)
    if (wire === undefined) return
    const isUp = wire.up.length > 0 || (wire.clientGone && !wire.upDone)
    const isDown = wire.down.length > 0 || (wire.serverGone && !wire.downDone)
    if (isUp && (index % 2 === 0 || !isDown)) this.#up(wire)
    else this.#down(wire)
  }

  break(index: number, left: number): void {
    const wire = this.#wire(index)
    if (wire !== undefined) this.wires.break(wire, left)
  }

  /** A copy of a job or a voucher that was on its way all the time; nobody reads what it is answered. */
  copy(index: number): void {
    const frame = this.wires.sent[index % Math.max(1, this.wires.sent.length)]
    if (frame === undefined) return
    const wire = this.wires.dial(frame)
    this.wires.sent.pop()
    if (index % 2 === 0) this.wires.leave(wire)
  }

  crash(side: 'provider' | 'requester' | 'both', steps: number): void {
    if (side !== 'requester') this.provider.fuse.light(steps)
    if (side !== 'provider') this.requester.fuse.light(steps)
  }

  #wire(index: number): Wire | undefined {
    return [...this.wires.open.values()][(index >> 1) % Math.max(1, this.wires.open.size)]
  }

  #up(wire: Wire): void {
    const frame = wire.up.shift()
    if (frame !== undefined) this.#asProvider(() => this.provider.take(wire, frame))
    else if (wire.clientGone && !wire.upDone) {
      wire.upDone = true
      this.#asProvider(() => this.provider.closed(wire.id))
    }
    this.#forget(wire)
  }

  #down(wire: Wire): void {
    const reply = wire.down.shift()
    if (reply !== undefined) this.#asRequester(() => this.requester.read(wire, reply))
    else if (wire.serverGone && !wire.downDone) {
      wire.downDone = true
      this.#asRequester(() => this.requester.read(wire, undefined))
    }
    this.#forget(wire)
  }

  #forget(wire: Wire): void {
    if (wire.upDone && wire.downDone) this.wires.open.delete(wire.id)
  }

  #asProvider(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown
      this.provider.fuse.out()
      this.provider.restart()
    }
  }

  #asRequester(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown
      this.requester.restart()
    }
  }

  /** R24: what each side is owed or ahead by, and what it may be. */
  exposures(): {
    readonly unpaid: bigint
    readonly unpaidBound: bigint
    readonly ahead: bigint
    readonly aheadBound: bigint
  } {
    const { books, channel } = this.provider.node
    const open = books.unsettled(channel)
    const account = books.account(channel)
    const charged = open.reduce(
      (sum, { state, fee }) => (state === 'pending' ? sum + fee : sum),
      account?.charged ?? 0n,
    )
    const slices = open.reduce((sum, { slice }) => sum + slice, 0n)
    return {
      unpaid: charged - authorizedOf(account ?? {}),
      unpaidBound: most(slices, this.provider.lent),
      ahead: this.requester.ahead,
      aheadBound: this.requester.everySlice,
    }
  }

  /** Everything is delivered, decided and asked for until nothing is open. */
  settle(): void {
    this.provider.fuse.out()
    this.requester.fuse.out()
    for (let round = 0; round < 60; round += 1) {
      this.#drain()
      if (this.#isSettled()) return
      if (round > 5)
        for (let at = this.requester.running; at > 0; at -= 1) this.stop(0, round % 2 === 0 ? 'timeout' : 'give-up')
      this.recall()
    }
    throw new Error(`never settled: ${this.requester.disk.jobs.size} open here, ${this.provider.disk.jobs.size} there`)
  }

  #isSettled(): boolean {
    const { provider, requester } = this
    return requester.running + requester.disk.jobs.size + provider.disk.jobs.size === 0
  }

  #drain(): void {
    for (let turn = 0; turn < 400; turn += 1) {
      for (const wire of [...this.wires.open.values()]) {
        while (wire.up.length > 0) this.#up(wire)
        while (wire.down.length > 0) this.#down(wire)
        this.#up(wire)
        this.#down(wire)
      }
      this.syncProvider()
      this.syncRequester()
      this.lookUp(0)
      this.finishWork(0)
      this.askLater()
      this.checkpoint()
      this.certify(false)
      if (turn % 20 === 19) this.voucherDue()
      const isQuiet = this.provider.isIdle && this.provider.commits.underWay + this.requester.commits.underWay === 0
      const isEmpty = [...this.wires.open.values()].every(({ up, down }) => up.length + down.length === 0)
      if (isQuiet && isEmpty) return
    }
  }
}
