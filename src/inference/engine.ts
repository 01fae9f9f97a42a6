import { type Digest, fail, MANIFEST_PATH, manifestId, ok, type Result, toError } from '../protocol/index.ts'
import {
  ABANDON_GRACE_MS,
  EXPECTED_TIME_WEIGHT,
  LOAD_TIMEOUT_MS,
  MAX_ATTEMPTS,
  MAX_INPUT_BYTES,
  MAX_PIPELINED_JOBS,
  MAX_QUEUED_BYTES,
  MAX_QUEUED_JOBS,
  MAX_RESTART_DELAY_MS,
  MAX_TIMER_MS,
  PIPELINE_BUDGET_MS,
  RESTART_DELAY_MS,
  START_TIMEOUT_MS,
} from './constants.ts'
import { type InferenceErrorDetail, type InferenceFailure, inferenceError } from './errors.ts'
import type { FromWorker } from './messages.ts'
import { runtimeClassOf } from './probe.ts'
import type {
  Capacity,
  InferenceComponents,
  InferenceCounters,
  InferenceEngine,
  InferenceEvent,
  InferenceInit,
  LocalModel,
  RunOutput,
  RunRequest,
  RuntimeDescription,
} from './types.ts'
import { type WorkerExit, WorkerProcess } from './workerProcess.ts'

interface Job {
  readonly number: number
  readonly request: RunRequest
  /** Answered: whatever its worker still says of it is dropped. */
  settled: boolean
  /** Workers that died with it in their pipe. */
  attempts: number
  readonly settle: (result: Result<RunOutput, InferenceFailure>) => void
}

interface Slot {
  readonly index: number
  worker: WorkerProcess | undefined
  ready: boolean
  /** Deliberately killed: its exit is no crash. */
  killed: boolean
  /** In the worker's pipe, oldest first: the first is the one that runs. */
  pipe: Job[]
  readonly loaded: Set<Digest>
  /** Models this worker could not load again after a restart. */
  readonly lost: Map<Digest, InferenceErrorDetail>
  readonly loads: Map<Digest, (error: InferenceErrorDetail | undefined) => void>
  /** Crashes in a row. */
  crashes: number
  timer: NodeJS.Timeout | undefined
  grace: NodeJS.Timeout | undefined
}

type State = 'stopped' | 'starting' | 'running'

/** Tensor models in onnxruntime, in child processes: its `run()` blocks its thread and cannot be interrupted. */
class OnnxEngine implements InferenceEngine {
  private readonly components: InferenceComponents
  private readonly workers: number
  private readonly provider: NonNullable<InferenceInit['provider']>
  private readonly maxInputBytes: number
  private readonly maxQueuedJobs: number
  private readonly maxQueuedBytes: number
  private readonly loadedModels = new Map<Digest, LocalModel>()
  /** ms per byte of input, by model. */
  private readonly pace = new Map<Digest, number>()
  private readonly totals = { completed: 0, failed: 0, crashed: 0, killed: 0, restarted: 0 }
  private slots: Slot[] = []
  private queue: Job[] = []
  private queuedBytes = 0
  private nextJob = 1
  private state: State = 'stopped'
  private described: RuntimeDescription | undefined
  private describedClass: Digest | undefined
  private startFailed: ((error: InferenceErrorDetail) => void) | undefined
  private readyWaiters: (() => void)[] = []
  private loading: Promise<void> = Promise.resolve()

  constructor(components: InferenceComponents, init: InferenceInit) {
    this.components = components
    this.workers = init.workers ?? 1
    this.provider = init.provider ?? 'cpu'
    this.maxInputBytes = init.maxInputBytes ?? MAX_INPUT_BYTES
    this.maxQueuedJobs = init.maxQueuedJobs ?? MAX_QUEUED_JOBS
    this.maxQueuedBytes = init.maxQueuedBytes ?? MAX_QUEUED_BYTES
    if (!Number.isSafeInteger(this.workers) || this.workers < 1) {
      throw new RangeError(`expected at least 1 worker, got ${this.workers}`)
    }
  }

  async start(): Promise<void> {
    if (this.state !== 'stopped') return
    this.state = 'starting'
    this.slots = Array.from({ length: this.workers }, (_, index) => ({
      index,
      worker: undefined,
      ready: false,
      killed: false,
      pipe: [],
      loaded: new Set(),
      lost: new Map(),
      loads: new Map(),
      crashes: 0,
      timer: undefined,
      grace: undefined,
    }))
    try {
      await new Promise<void>((resolve, reject) => {
        this.startFailed = (error) => reject(inferenceError(error))
        for (const slot of this.slots) this.spawn(slot)
        void this.whenAllReady().then(resolve)
      })
    } catch (error) {
      await this.stop()
      throw error
    } finally {
      this.startFailed = undefined
    }
    // A stop() while starting has the last word.
    if ((this.state as State) !== 'starting') throw inferenceError({ code: 'not-running' })
    this.state = 'running'
    this.dispatch()
  }

  async stop(): Promise<void> {
    if (this.state === 'stopped') return
    this.state = 'stopped'
    const slots = this.slots
    this.slots = []
    const jobs = [...this.queue, ...slots.flatMap((slot) => slot.pipe)]
    this.queue = []
    this.queuedBytes = 0
    for (const slot of slots) {
      clearTimeout(slot.timer)
      clearTimeout(slot.grace)
      for (const loaded of slot.loads.values()) loaded({ code: 'not-running' })
      slot.killed = true
      slot.worker?.kill()
    }
    for (const waiter of this.readyWaiters.splice(0)) waiter()
    for (const job of jobs) job.settle(fail(inferenceError({ code: 'not-running' })))
    await Promise.all(slots.map((slot) => slot.worker?.exited))
    this.loadedModels.clear()
  }

  /** One at a time: two loads of one model in one pipe could not tell their answers apart. */
  load(model: LocalModel): Promise<void> {
    const load = this.loading.then(() => this.loadEverywhere(model))
    this.loading = load.catch(() => {})
    return load
  }

  async unload(model: Digest): Promise<void> {
    this.loadedModels.delete(model)
    this.pace.delete(model)
    for (const slot of this.slots) {
      slot.lost.delete(model)
      if (slot.loaded.delete(model)) slot.worker?.send({ type: 'unload', model })
    }
    this.dispatch()
  }

  get models(): readonly Digest[] {
    return [...this.loadedModels.keys()]
  }

  get runtime(): RuntimeDescription {
    if (this.described === undefined) throw inferenceError({ code: 'not-running' })
    return this.described
  }

  get runtimeClass(): Digest {
    this.describedClass ??= runtimeClassOf(this.runtime)
    return this.describedClass
  }

  get pids(): readonly number[] {
    return this.slots.flatMap((slot) => slot.worker?.pid ?? [])
  }

  capacity(): Capacity {
    const busy = this.slots.filter((slot) => slot.pipe.length > 0).length
    return { workers: this.workers, busy, queued: this.queue.length }
  }

  counters(): InferenceCounters {
    return { ...this.totals }
  }

  async run(request: RunRequest): Promise<Result<RunOutput, InferenceFailure>> {
    const refusal = this.refusal(request)
    if (refusal !== undefined) {
      this.totals.failed += 1
      return fail(inferenceError(refusal))
    }
    return new Promise((resolve) => {
      const { signal, deadline } = request
      let timer: NodeJS.Timeout | undefined
      const job: Job = {
        number: this.nextJob,
        request,
        settled: false,
        attempts: 0,
        settle: (result) => {
          if (job.settled) return
          job.settled = true
          clearTimeout(timer)
          signal?.removeEventListener('abort', cancel)
          this.totals[result.ok ? 'completed' : 'failed'] += 1
          resolve(result)
        },
      }
      const cancel = (): void => this.abandon(job, { code: 'cancelled' })
      const watch = (): void => {
        const left = deadline - this.components.clock()
        // An answer that came while this process was busy is read before the deadline is judged.
        if (left > 0) timer = setTimeout(watch, Math.min(left, MAX_TIMER_MS))
        else setImmediate(() => this.expire(job))
      }
      this.nextJob += 1
      signal?.addEventListener('abort', cancel, { once: true })
      watch()
      this.queue.push(job)
      this.queuedBytes += request.input.length
      this.dispatch()
    })
  }

  private refusal({ model, input, parameters, deadline, signal }: RunRequest): InferenceErrorDetail | undefined {
    if (this.state !== 'running') return { code: 'not-running' }
    if (!this.loadedModels.has(model)) return { code: 'model-unknown', model }
    const plain = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters)
    if (!plain || Object.keys(parameters).length > 0) {
      const got = JSON.stringify(parameters).slice(0, 200)
      return { code: 'parameters-invalid', expected: '{}: a tensor model takes no parameters', got }
    }
    if (input.length > this.maxInputBytes) {
      return { code: 'input-too-large', expected: `at most ${this.maxInputBytes} bytes`, got: `${input.length}` }
    }
    if (signal?.aborted === true) return { code: 'cancelled' }
    if (!(deadline > this.components.clock())) return { code: 'deadline-exceeded', phase: 'queued', deadline }
    if (this.queue.length >= this.maxQueuedJobs) {
      return { code: 'busy', queued: this.queue.length, limit: this.maxQueuedJobs }
    }
    if (this.queuedBytes + input.length > this.maxQueuedBytes) {
      return { code: 'busy', queued: this.queuedBytes, limit: this.maxQueuedBytes }
    }
    return undefined
  }

  /** Moves waiting jobs into workers, oldest first. */
  private dispatch(): void {
    if (this.state !== 'running') return
    while (true) {
      const job = this.queue[0]
      if (job === undefined) return
      const { model } = job.request
      const lost = this.slots.every((slot) => slot.lost.has(model)) ? this.slots[0]?.lost.get(model) : undefined
      const refused = this.loadedModels.has(model) ? lost : ({ code: 'model-unknown', model } as const)
      const slot = refused === undefined ? this.place(job) : undefined
      if (refused === undefined && slot === undefined) return
      this.queue.shift()
      this.queuedBytes -= job.request.input.length
      if (refused !== undefined) job.settle(fail(inferenceError(refused)))
      else if (slot !== undefined) this.pass(slot, job)
    }
  }

  private place(job: Job): Slot | undefined {
    let best: Slot | undefined
    for (const slot of this.slots) {
      if (!slot.ready || !slot.loaded.has(job.request.model) || !this.fits(slot, job)) continue
      if (best === undefined || slot.pipe.length < best.pipe.length) best = slot
    }
    return best
  }

  /** Short jobs share a pipe, to hide its latency; long or suspect ones run alone. */
  private fits(slot: Slot, job: Job): boolean {
    if (slot.pipe.length === 0) return true
    if (slot.pipe.length >= MAX_PIPELINED_JOBS || job.attempts > 0) return false
    let expected = this.expectedMs(job)
    for (const other of slot.pipe) expected += other.attempts > 0 ? Number.POSITIVE_INFINITY : this.expectedMs(other)
    return expected <= PIPELINE_BUDGET_MS
  }

  private expectedMs({ request }: Job): number {
    const pace = this.pace.get(request.model)
    return pace === undefined ? Number.POSITIVE_INFINITY : pace * request.input.length
  }

  private pass(slot: Slot, job: Job): void {
    const { model, input, trace } = job.request
    slot.pipe.push(job)
    slot.worker?.send({ type: 'run', job: job.number, model, input, trace })
  }

  private expire(job: Job): void {
    if (job.settled) return
    const slot = this.slots.find(({ pipe }) => pipe.includes(job))
    const running = slot?.pipe[0] === job
    const { deadline } = job.request
    this.abandon(job, { code: 'deadline-exceeded', phase: running ? 'running' : 'queued', deadline })
    if (slot !== undefined && running) this.kill(slot, 'deadline')
  }

  /** Answers a job at once, wherever it is, and sees that no worker stays busy with it. */
  private abandon(job: Job, error: InferenceErrorDetail): void {
    if (job.settled) return
    job.settle(fail(inferenceError(error)))
    const at = this.queue.indexOf(job)
    if (at >= 0) {
      this.queue.splice(at, 1)
      this.queuedBytes -= job.request.input.length
      return
    }
    const slot = this.slots.find(({ pipe }) => pipe.includes(job))
    if (slot === undefined) return
    if (slot.pipe[0] === job) this.limitAbandoned(slot)
    else slot.worker?.send({ type: 'skip', job: job.number })
  }

  private limitAbandoned(slot: Slot): void {
    clearTimeout(slot.grace)
    slot.grace =
      slot.pipe[0]?.settled === true ? setTimeout(() => this.kill(slot, 'abandoned'), ABANDON_GRACE_MS) : undefined
  }

  private spawn(slot: Slot): void {
    slot.ready = false
    slot.killed = false
    slot.loaded.clear()
    slot.lost.clear()
    const worker = new WorkerProcess({
      message: (message) => {
        if (slot.worker === worker) this.onMessage(slot, message)
      },
      exit: (exit) => {
        if (slot.worker === worker) this.onExit(slot, exit)
      },
    })
    slot.worker = worker
    slot.timer = setTimeout(() => this.kill(slot, 'timeout'), START_TIMEOUT_MS)
    this.report({ event: 'worker-started', worker: slot.index, pid: worker.pid })
    worker.send({ type: 'start', provider: this.provider })
  }

  private kill(slot: Slot, reason: 'deadline' | 'abandoned' | 'timeout'): void {
    if (slot.killed || slot.worker === undefined) return
    slot.killed = true
    slot.ready = false
    this.totals.killed += 1
    this.report({ event: 'worker-killed', worker: slot.index, reason })
    slot.worker.kill()
  }

  private onMessage(slot: Slot, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.onReady(slot, message.runtime)
        return
      case 'refused':
        this.report({ event: 'worker-refused', worker: slot.index, error: message.error })
        this.startFailed?.(message.error)
        return
      case 'loaded': {
        const settle = slot.loads.get(message.model)
        slot.loads.delete(message.model)
        settle?.(message.error)
        return
      }
      case 'done':
      case 'failed':
        this.onResult(slot, message)
        return
    }
  }

  private onReady(slot: Slot, runtime: RuntimeDescription): void {
    clearTimeout(slot.timer)
    this.described ??= runtime
    const expected = this.runtimeClass
    const got = runtimeClassOf(runtime)
    if (got !== expected) {
      const error = { code: 'runtime-changed', expected, got } as const
      this.report({ event: 'worker-refused', worker: slot.index, error })
      this.startFailed?.(error)
      slot.worker?.kill()
      return
    }
    void this.reload(slot)
  }

  /** A worker serves only when it holds every model again. */
  private async reload(slot: Slot): Promise<void> {
    const { worker } = slot
    for (const model of this.loadedModels.values()) {
      const error = await this.loadInto(slot, model)
      if (slot.worker !== worker || slot.killed || error?.code === 'worker-crashed') return
      if (error !== undefined) {
        slot.lost.set(model.id, error)
        this.report({ event: 'model-lost', worker: slot.index, model: model.id, error })
      }
    }
    slot.ready = true
    if (this.slots.every((other) => other.ready)) for (const waiter of this.readyWaiters.splice(0)) waiter()
    this.dispatch()
  }

  private whenAllReady(): Promise<void> {
    if (this.slots.length > 0 && this.slots.every((slot) => slot.ready)) return Promise.resolve()
    return new Promise((resolve) => {
      this.readyWaiters.push(resolve)
    })
  }

  private async loadEverywhere(model: LocalModel): Promise<void> {
    const id = manifestId(model.manifest)
    if (id !== model.id) {
      throw inferenceError({ code: 'model-corrupt', model: model.id, path: MANIFEST_PATH, expected: model.id, got: id })
    }
    const pending = () => this.slots.filter((slot) => !slot.loaded.has(id))
    for (let attempt = 1; attempt === 1 || pending().length > 0; attempt += 1) {
      if (this.state === 'running') await this.whenAllReady()
      if (this.state !== 'running') throw inferenceError({ code: 'not-running' })
      const errors = await Promise.all(pending().map((slot) => this.loadInto(slot, model)))
      const error = errors.find((detail) => detail !== undefined && detail.code !== 'worker-crashed')
      const final = error ?? (attempt < MAX_ATTEMPTS ? undefined : errors.find((detail) => detail !== undefined))
      if (final === undefined) continue
      await this.unload(id)
      throw inferenceError(final)
    }
    this.loadedModels.set(id, model)
  }

  private loadInto(slot: Slot, model: LocalModel): Promise<InferenceErrorDetail | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        slot.loads.delete(model.id)
        resolve({ code: 'deadline-exceeded', phase: 'loading', deadline: this.components.clock() })
        this.kill(slot, 'timeout')
      }, LOAD_TIMEOUT_MS)
      slot.loads.set(model.id, (error) => {
        clearTimeout(timer)
        if (error === undefined) slot.loaded.add(model.id)
        resolve(error)
      })
      slot.worker?.send({ type: 'load', model })
    })
  }

  private onResult(slot: Slot, message: Extract<FromWorker, { type: 'done' | 'failed' }>): void {
    const job = slot.pipe[0]
    if (job?.number !== message.job) {
      slot.worker?.kill()
      return
    }
    slot.pipe.shift()
    slot.crashes = 0
    if (message.type === 'done') {
      const { model, input } = job.request
      const pace = message.duration / Math.max(1, input.length)
      const before = this.pace.get(model) ?? pace
      if (this.loadedModels.has(model)) this.pace.set(model, before + (pace - before) * EXPECTED_TIME_WEIGHT)
      const finishedAt = this.components.clock()
      const { output, trace, units } = message
      const startedAt = finishedAt - Math.round(message.duration)
      job.settle(ok({ output, trace, units, startedAt, finishedAt }))
    } else job.settle(fail(inferenceError(message.error)))
    this.limitAbandoned(slot)
    this.dispatch()
  }

  private onExit(slot: Slot, exit: WorkerExit): void {
    clearTimeout(slot.timer)
    clearTimeout(slot.grace)
    const { killed } = slot
    const jobs = slot.pipe
    slot.pipe = []
    slot.ready = false
    slot.worker = undefined
    const attempts = MAX_ATTEMPTS
    for (const loaded of slot.loads.values()) {
      loaded({ code: 'worker-crashed', exitCode: exit.exitCode, signal: exit.signal, attempts })
    }
    slot.loads.clear()
    if (this.state === 'stopped') return
    let delay = 0
    if (!killed) {
      delay = Math.min(RESTART_DELAY_MS * 2 ** slot.crashes, MAX_RESTART_DELAY_MS)
      slot.crashes += 1
      this.totals.crashed += 1
      const { exitCode, signal, stderr } = exit
      this.report({ event: 'worker-crashed', worker: slot.index, exitCode, signal, stderr, restartInMs: delay })
      this.startFailed?.({ code: 'worker-crashed', exitCode, signal, attempts: 1 })
    }
    this.requeue(jobs, killed, exit)
    slot.timer = setTimeout(() => {
      this.totals.restarted += 1
      this.spawn(slot)
    }, delay)
    this.dispatch()
  }

  /** A kill was meant for a job that is answered; a crash may be any job's doing, so each is tried once more, alone. */
  private requeue(jobs: readonly Job[], killed: boolean, exit: WorkerExit): void {
    const again: Job[] = []
    for (const job of jobs) {
      if (job.settled) continue
      if (!killed) job.attempts += 1
      if (job.attempts < MAX_ATTEMPTS) again.push(job)
      else {
        const { exitCode, signal } = exit
        job.settle(fail(inferenceError({ code: 'worker-crashed', exitCode, signal, attempts: job.attempts })))
      }
    }
    this.queue.unshift(...again)
    for (const job of again) this.queuedBytes += job.request.input.length
  }

  private report(event: InferenceEvent): void {
    try {
      this.components.report?.(event)
    } catch (error) {
      process.emitWarning(toError(error))
    }
  }
}

/** `(init) => (components) => engine`: nothing runs before `start()`. */
export const onnxEngine =
  (init: InferenceInit = {}) =>
  (components: InferenceComponents): InferenceEngine =>
    new OnnxEngine(components, init)
