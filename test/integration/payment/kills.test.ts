import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MANIFEST_PATH, manifestBytes } from '../../../src/protocol/index.ts'
import { tinyGraph, writeModel } from '../../unit/inference/fixtures.ts'
import type { BookedJob, Books, Ended, PayingCommand, PayingNote, PayingProcessInit } from './payingProcess.ts'

const SCRIPT = join(import.meta.dirname, 'payingProcess.ts')
/** Rows: units, in sixteen slices, each with its voucher. */
const ROWS = 256
/** Kills; `KILLS=50` for all of them. */
const POINTS = Number(process.env.KILLS ?? 12)
/** Of some 65 steps that a requester tells of a job: sent, chunks, heads and vouchers. */
const LAST_STEP = 56

type Role = PayingProcessInit['role']

/** A process of either role; its disk outlives it. */
class Paying {
  readonly role: Role
  readonly #init: PayingProcessInit
  #child: ChildProcess | undefined
  #asked: ((note: PayingNote) => void) | undefined
  #queue: Promise<unknown> = Promise.resolve()
  address = ''
  /** Called with every step a requester tells. */
  onStep: (jobId: string) => void = () => {}
  readonly errors: string[] = []

  constructor(init: PayingProcessInit) {
    this.role = init.role
    this.#init = init
  }

  async start(): Promise<void> {
    const child = fork(SCRIPT, [JSON.stringify(this.#init)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.errors.push(text))
    const ready = new Promise<string>((resolve, reject) => {
      child.on('message', (note: PayingNote) => {
        if (note.type === 'ready') resolve(note.address)
        else if (note.type === 'progress') this.onStep(note.jobId)
        else this.#asked?.(note)
      })
      child.once('exit', () => {
        reject(new Error(`a ${this.role} died: ${this.errors.join('')}`))
        this.#asked?.({ type: 'failed', message: 'killed' })
      })
    })
    this.address = await ready
  }

  /** One command after the other; undefined where the process died over it. */
  ask(command: PayingCommand): Promise<unknown> {
    const asked = this.#queue.then(() => this.#askNow(command))
    this.#queue = Promise.allSettled([asked])
    return asked
  }

  async #askNow(command: PayingCommand): Promise<unknown> {
    const child = this.#child
    if (child?.connected !== true) return undefined
    const note = await new Promise<PayingNote>((resolve) => {
      this.#asked = resolve
      child.send(command)
    })
    this.#asked = undefined
    if (note.type === 'done') return note.value
    if (note.type === 'failed' && note.message === 'killed') return undefined
    throw new Error(`${command.type}: ${JSON.stringify(note)}`)
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async books(): Promise<Books> {
    return (await this.ask({ type: 'books' })) as Books
  }
}

/** Steps that are the same in every run. */
function* seeded(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

const sum = (jobs: readonly BookedJob[]): bigint => jobs.reduce((total, { fee }) => total + BigInt(fee), 0n)
const byId = (a: BookedJob, b: BookedJob): number => (a.jobId < b.jobId ? -1 : 1)
/** What both sides must say alike: jobs that never began, or cost nothing, may be known to one of them alone. */
const paidIn = ({ settled }: Books): object[] =>
  settled
    .filter(({ fee }) => fee !== '0')
    .toSorted(byId)
    .map(({ jobId, outcome, fee }) => ({ jobId, outcome, fee }))

describe('a paid stream whose processes are killed (R24, R26, R27)', () => {
  let directory: string
  let provider: Paying
  let requester: Paying
  const random = seeded(5)
  const cutShort: string[] = []

  const draw = (below: number): number => Math.floor(random.next().value * below)

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-kills-'))
    const model = await writeModel(tinyGraph, { maxBatch: ROWS })
    await writeFile(join(model.directory, MANIFEST_PATH), manifestBytes(model.manifest))
    const initOf = (role: Role) => ({ role, directory: join(directory, role), model: model.directory })
    provider = new Paying(initOf('provider'))
    requester = new Paying(initOf('requester'))
    await Promise.all([provider.start(), requester.start()])
    await requester.ask({ type: 'connect', address: provider.address })
    const first = (await requester.ask({ type: 'request', rows: 16 })) as Ended
    expect(first).toMatchObject({ ok: true, chunks: 1 })
  })

  afterAll(async () => {
    await Promise.all([provider?.kill(), requester?.kill()])
    await rm(directory, { recursive: true, force: true })
  })

  /** Asks for a long job and kills the victims at a step of it, a little later or at once. */
  async function killWithin(victims: readonly Paying[]): Promise<string> {
    const step = 1 + draw(LAST_STEP)
    const delay = draw(4)
    let seen = 0
    let job = ''
    const killed = new Promise<void>((resolve) => {
      requester.onStep = (jobId) => {
        if (jobId === '') return
        job = jobId
        seen += 1
        if (seen !== step) return
        setTimeout(() => void Promise.all(victims.map((each) => each.kill())).then(() => resolve()), delay)
      }
    })
    const asked = requester.ask({ type: 'request', rows: ROWS })
    await killed
    requester.onStep = () => {}
    await Promise.all(victims.map((each) => each.start()))
    await asked
    return job
  }

  /** R24: neither side's disk is ahead of the other by more than a slice of the one job that was open. */
  async function checkExposure(): Promise<void> {
    const [payee, payer] = await Promise.all([provider.books(), requester.books()])
    const slice = [...payee.open, ...payer.open, ...payee.settled].reduce((most, job) => {
      const each = BigInt(job.slice)
      return each > most ? each : most
    }, 0n)
    const pending = payee.open.filter(({ state }) => state === 'pending')
    const released = BigInt(payee.charged) + sum(pending)
    expect(released - BigInt(payee.authorized) <= slice).toBe(true)
    expect(BigInt(payer.authorized) - released <= slice).toBe(true)
    expect(BigInt(payee.authorized) <= BigInt(payer.authorized)).toBe(true)
  }

  async function checkBooks(job: string): Promise<void> {
    const retried = (await requester.ask({ type: 'retry', jobId: job })) as Ended
    const receipt = await provider.ask({ type: 'receipt', jobId: job })
    if (typeof receipt === 'string') expect(retried).toMatchObject({ ok: true, receipt })
    else cutShort.push(retried.code)
    // A voucher that was lost comes with the next job.
    expect(await requester.ask({ type: 'request', rows: 16 })).toMatchObject({ ok: true })
    let [payee, payer] = await Promise.all([provider.books(), requester.books()])
    while (payee.open.length + payer.open.length > 0) {
      await pause(50)
      ;[payee, payer] = await Promise.all([provider.books(), requester.books()])
    }
    expect(payer.charged).toBe(payee.charged)
    expect(paidIn(payer)).toEqual(paidIn(payee))
    expect(BigInt(payee.charged)).toBe(sum(payee.settled))
    expect(new Set(paidIn(payee).map((each) => (each as BookedJob).jobId)).size).toBe(paidIn(payee).length)
  }

  const points = Array.from({ length: POINTS }, (_, index) => ({
    point: index + 1,
    victims: index % 6 === 5 ? ['provider', 'requester'] : index % 2 === 0 ? ['provider'] : ['requester'],
  }))

  it.each(points)(
    'kill $point of $victims: one job, one charge, both books agree to the wei',
    async ({ victims }) => {
      const job = await killWithin([provider, requester].filter(({ role }) => victims.includes(role)))
      await requester.ask({ type: 'connect', address: provider.address })
      await checkExposure()
      if (draw(2) === 0) await requester.ask({ type: 'recall' })
      await checkBooks(job)
      expect(requester.errors.join('') + provider.errors.join('')).toBe('')
    },
    180_000,
  )

  it('hit streams that were cut short as well as jobs that ended', () => {
    expect(cutShort.length).toBeGreaterThan(0)
  })
})
