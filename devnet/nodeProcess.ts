import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { askControl, type Home, type NodeStatus } from '../src/node/index.ts'
import { type Address, CodedError } from '../src/protocol/index.ts'
import { sendSignal } from './processes.ts'

export class DevnetError extends CodedError<
  | { readonly code: 'node-not-ready'; readonly name: string; readonly afterMs: number; readonly logTail: string }
  | { readonly code: 'node-exited'; readonly name: string; readonly status: string; readonly logTail: string }
  | { readonly code: 'node-unknown'; readonly name: string; readonly known: readonly string[] }
  | { readonly code: 'not-healthy'; readonly waitedMs: number; readonly missing: string }
  | { readonly code: 'devnet-running'; readonly directory: string; readonly pid: number }
  | { readonly code: 'directory-taken'; readonly directory: string }
> {}

/** A node loads libp2p, a wasm and its models in 2 s; ten at once on two cores take several times that. */
const READY_TIMEOUT_MS = 60_000
/** A node drains for at most 20 s; after this it is killed. */
const STOP_TIMEOUT_MS = 25_000
const LOG_TAIL_BYTES = 4_000

export const OPG_PROGRAM = fileURLToPath(new URL('../bin/opg.js', import.meta.url))

export interface NodeSpec {
  /** `<role>-<index>`; also the folder of its home. */
  readonly name: string
  readonly home: Home
  readonly operator: Address
  /** Program to run instead of `opg`: it takes the same arguments. */
  readonly program?: string
}

/** What a node said when it was ready. */
export interface ReadyNode {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly metrics?: string
}

/** One node in a process of its own. */
export interface DevnetNode extends NodeSpec {
  readonly logFile: string
  pid(): number | undefined
  /** What it said when it was last ready. */
  ready(): ReadyNode | undefined
  /** Starts it and waits until it is ready. Throws DevnetError `node-not-ready | node-exited`. */
  start(): Promise<ReadyNode>
  /** Lets running jobs end. Safe to call on a node that is down. */
  stop(): Promise<void>
  /** As power loss would. */
  kill(): Promise<void>
  restart(): Promise<ReadyNode>
  status(): Promise<NodeStatus>
  /** The end of what it wrote to stderr. */
  logTail(): Promise<string>
  /** Called when it ends without having been told to. */
  onCrash(listener: (problem: string) => void): void
}

export const createDevnetNode = (spec: NodeSpec): DevnetNode => new ChildNode(spec)

class ChildNode implements DevnetNode {
  readonly name: string
  readonly home: Home
  readonly operator: Address
  readonly program?: string
  readonly logFile: string
  readonly #crashListeners: ((problem: string) => void)[] = []
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #ready: ReadyNode | undefined
  #expected = false

  constructor(spec: NodeSpec) {
    this.name = spec.name
    this.home = spec.home
    this.operator = spec.operator
    if (spec.program !== undefined) this.program = spec.program
    this.logFile = join(spec.home.directory, 'node.log')
  }

  pid(): number | undefined {
    return this.#child?.pid
  }

  ready(): ReadyNode | undefined {
    return this.#ready
  }

  onCrash(listener: (problem: string) => void): void {
    this.#crashListeners.push(listener)
  }

  async start(): Promise<ReadyNode> {
    if (this.#child !== undefined && this.#ready !== undefined) return this.#ready
    const log = await open(this.logFile, 'a', 0o600)
    const child = this.#spawn(log)
    await log.close()
    const { promise, resolve, reject } = Promise.withResolvers<ReadyNode>()
    if (child.stdout === null) throw new RangeError('the child was started without a pipe')
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as ReadyNode & { readonly event?: string }
      if (message.event === 'ready') resolve(message)
    })
    void this.#exited.then(async () => {
      const status = `${child.exitCode ?? child.signalCode}`
      const logTail = await this.logTail()
      const message = `expected ${this.name} to become ready, it ended with ${status}; see ${this.logFile}\n${logTail}`
      reject(new DevnetError({ code: 'node-exited', name: this.name, status, logTail }, message))
    })
    const timer = setTimeout(() => void this.#tooSlow(reject), READY_TIMEOUT_MS)
    try {
      this.#ready = await promise
      return this.#ready
    } finally {
      clearTimeout(timer)
    }
  }

  async stop(): Promise<void> {
    const pid = this.#child?.pid
    if (pid === undefined) return
    this.#expected = true
    sendSignal(pid, 'SIGTERM')
    const timer = setTimeout(() => sendSignal(pid, 'SIGKILL'), STOP_TIMEOUT_MS)
    await this.#exited
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    const pid = this.#child?.pid
    if (pid === undefined) return
    this.#expected = true
    sendSignal(pid, 'SIGKILL')
    await this.#exited
  }

  async restart(): Promise<ReadyNode> {
    await this.stop()
    return await this.start()
  }

  async status(): Promise<NodeStatus> {
    return (await askControl(this.home, 'GET', '/status')) as NodeStatus
  }

  async logTail(): Promise<string> {
    if (!existsSync(this.logFile)) return ''
    return (await readFile(this.logFile, 'utf8')).slice(-LOG_TAIL_BYTES)
  }

  /** Standard input stays open as long as this process lives: the node ends with it, however that ends. */
  #spawn(log: FileHandle): ChildProcess {
    const { directory } = this.home
    const program = this.program ?? OPG_PROGRAM
    const child = spawn(process.execPath, [program, 'node', 'start', '--json', '--until-eof', '--home', directory], {
      stdio: ['pipe', 'pipe', log.fd],
      detached: true,
    })
    child.stdin?.on('error', () => undefined)
    this.#child = child
    this.#expected = false
    this.#exited = new Promise((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    })
    void this.#exited.then(() => this.#onExit(child))
    return child
  }

  #onExit(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined
    const wasReady = this.#ready !== undefined
    this.#ready = undefined
    if (this.#expected || !wasReady) return
    const problem = `${this.name} ended with ${child.exitCode ?? child.signalCode}; see ${this.logFile}`
    for (const listener of this.#crashListeners) listener(problem)
  }

  async #tooSlow(reject: (error: Error) => void): Promise<void> {
    const logTail = await this.logTail()
    const message = `expected ${this.name} to be ready within ${READY_TIMEOUT_MS} ms; see ${this.logFile}\n${logTail}`
    reject(new DevnetError({ code: 'node-not-ready', name: this.name, afterMs: READY_TIMEOUT_MS, logTail }, message))
    await this.kill()
  }
}
