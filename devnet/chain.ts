import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { createTestClient, type Hex, http, publicActions, walletActions } from 'viem'
import { anvil as anvilChain } from 'viem/chains'
import { toError } from '../src/protocol/index.ts'
import { DevnetChainError } from './chainErrors.ts'

const gunzipBytes = promisify(gunzip)

/** anvil answers in about 1 s; a loaded two-core machine needs many times that. */
const READY_TIMEOUT_MS = 90_000
const READY_POLL_MS = 20
/** anvil writes its state on a clean stop; after this it is killed. */
const STOP_TIMEOUT_MS = 15_000
/** Whole copies of the state, for the restart that finds anvil's own file half written. */
const SNAPSHOT_INTERVAL_MS = 5_000
const STATE_FILE = 'state.json'
const LOG_FILE = 'anvil.log'
const LOG_TAIL_BYTES = 2_000
const RPC_TIMEOUT_MS = 30_000

/**
 * Runs the chain, prints its pid, and kills it when this process closes standard input, which the kernel does even
 * when the devnet itself is killed with SIGKILL: no orphans.
 */
const GUARD = `
exec 3<&0
"$@" </dev/null >>"$ANVIL_LOG" 2>&1 3<&- &
child=$!
echo "$child"
( read -r _ <&3; kill -9 "$child" ) >/dev/null 2>&1 &
guard=$!
wait "$child"
status=$?
kill "$guard" 2>/dev/null
exit "$status"
`

export interface AnvilOptions {
  /** Holds the state, its copies and the log; made when absent, and loaded from when it holds a state. */
  readonly directory: string
  /** 0, the default, lets the system choose. */
  readonly port?: number
  /** 31337 unless given; never a public chain's id but 84532 (R2). */
  readonly chainId?: number
  /** Seconds between blocks. */
  readonly blockTime?: number
  /** Seconds since 1970 of the genesis block, for stakes that must be old; ignored when a state is loaded. */
  readonly timestamp?: number
}

/** Moves chains about in tests and devnets: viem's test, public and wallet actions of anvil. */
export type AnvilClient = ReturnType<typeof createAnvilClient>

/** One anvil with its state on disk. Start it by `startAnvil`. */
export interface Anvil {
  readonly url: string
  readonly port: number
  readonly chainId: number
  readonly logFile: string
  readonly client: AnvilClient
  /** Undefined while it is down. */
  pid(): number | undefined
  /** Stops it as power loss would; the port and the state stay its own. */
  kill(): Promise<void>
  /** Starts it again with the state and the port it had. Throws `anvil-running` when it is up. */
  restart(): Promise<void>
  /** Saves the state and stops. Safe to call twice. */
  stop(): Promise<void>
  /** Writes a whole copy of the state now. */
  snapshot(): Promise<void>
  /** Puts the chain's clock at `seconds` since 1970; later blocks follow the wall clock from there. */
  setTime(seconds: number): Promise<void>
  /**
   * Takes the last `depth` blocks away; blocks go on from there, in step with the wall clock. anvil keeps no older
   * states over a restart, so only blocks mined since then can go.
   */
  rollback(depth: number): Promise<void>
  /** Replaces the last `depth` blocks by empty ones, in step with the wall clock. */
  reorg(depth: number): Promise<void>
}

const wallSeconds = (): number => Math.floor(Date.now() / 1_000)

function createAnvilClient(url: string, chainId: number) {
  return createTestClient({
    mode: 'anvil',
    chain: { ...anvilChain, id: chainId },
    transport: http(url, { retryCount: 0, timeout: RPC_TIMEOUT_MS }),
    cacheTime: 0,
    pollingInterval: READY_POLL_MS,
  })
    .extend(publicActions)
    .extend(walletActions)
}

/** The platform package's own binary: the `anvil` in `.bin` is a wrapper that leaves the chain running when killed. */
export function anvilBinary(): string {
  const require = createRequire(import.meta.url)
  const name = `@foundry-rs/anvil-${platform()}-${arch() === 'x64' ? 'amd64' : arch()}`
  const wrapper = createRequire(require.resolve('@foundry-rs/anvil/package.json'))
  try {
    const root = dirname(wrapper.resolve(`${name}/package.json`))
    return join(root, 'bin', platform() === 'win32' ? 'anvil.exe' : 'anvil')
  } catch (cause) {
    throw new DevnetChainError(
      { code: 'anvil-missing', package: name },
      `expected the package ${name}; install the development dependencies`,
      { cause },
    )
  }
}

class AnvilProcess implements Anvil {
  readonly logFile: string
  readonly chainId: number
  url = ''
  port: number
  client!: AnvilClient
  private readonly options: AnvilOptions
  private readonly stateFile: string
  private readonly spareFile: string
  private anvilPid: number | undefined
  private exited: Promise<number | null> = Promise.resolve(null)
  private exitStatus: number | null | undefined
  private snapshots: ReturnType<typeof setInterval> | undefined
  private snapshotting: Promise<void> = Promise.resolve()

  constructor(options: AnvilOptions) {
    this.options = options
    this.port = options.port ?? 0
    this.chainId = options.chainId ?? anvilChain.id
    this.logFile = join(options.directory, LOG_FILE)
    this.stateFile = join(options.directory, STATE_FILE)
    this.spareFile = join(options.directory, 'state.copy.json')
  }

  pid(): number | undefined {
    return this.anvilPid
  }

  async start(): Promise<void> {
    await mkdir(this.options.directory, { recursive: true })
    const loaded = await this.restoreState()
    const logFrom = existsSync(this.logFile) ? (await stat(this.logFile)).size : 0
    this.exitStatus = undefined
    const guard = spawn('/bin/sh', ['-c', GUARD, 'anvil', anvilBinary(), ...this.flags(loaded)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      env: { ...process.env, ANVIL_LOG: this.logFile },
    })
    this.exited = new Promise((resolve) => {
      guard.once('error', () => resolve(null))
      guard.once('close', (status) => {
        this.exitStatus = status
        this.anvilPid = undefined
        resolve(status)
      })
    })
    guard.stdin?.on('error', () => undefined)
    this.anvilPid = Number(await firstLine(guard))
    try {
      await this.ready(logFrom)
    } catch (error) {
      await this.kill()
      throw error
    }
    this.snapshots = setInterval(() => {
      if (this.anvilPid !== undefined) this.snapshot().catch((error) => this.note(error))
    }, SNAPSHOT_INTERVAL_MS)
    this.snapshots.unref()
  }

  async kill(): Promise<void> {
    clearInterval(this.snapshots)
    if (this.anvilPid !== undefined) signal(this.anvilPid, 'SIGKILL')
    await this.exited
    await this.snapshotting.catch(() => undefined)
  }

  async restart(): Promise<void> {
    if (this.anvilPid !== undefined) {
      throw new DevnetChainError(
        { code: 'anvil-running', pid: this.anvilPid },
        'expected a stopped chain; kill it first',
      )
    }
    clearInterval(this.snapshots)
    await this.start()
  }

  async stop(): Promise<void> {
    clearInterval(this.snapshots)
    const pid = this.anvilPid
    if (pid !== undefined) {
      signal(pid, 'SIGINT')
      const timer = setTimeout(() => signal(pid, 'SIGKILL'), STOP_TIMEOUT_MS)
      await this.exited
      clearTimeout(timer)
    }
    await this.snapshotting.catch(() => undefined)
  }

  snapshot(): Promise<void> {
    this.snapshotting = this.snapshotting.catch(() => undefined).then(() => this.writeSnapshot())
    return this.snapshotting
  }

  async setTime(seconds: number): Promise<void> {
    await this.request('evm_setTime', [seconds])
  }

  async rollback(depth: number): Promise<void> {
    await this.request('anvil_rollback', [depth])
    await this.setTime(wallSeconds())
  }

  async reorg(depth: number): Promise<void> {
    await this.request('anvil_reorg', [depth, []])
    await this.setTime(wallSeconds())
  }

  private request(method: string, params: readonly unknown[]): Promise<unknown> {
    const request = this.client.request as unknown as (call: {
      method: string
      params: readonly unknown[]
    }) => Promise<unknown>
    return request({ method, params })
  }

  private flags(loaded: boolean): string[] {
    const { blockTime = 1, timestamp } = this.options
    const flags = ['--host', '127.0.0.1', '--port', String(this.port), '--chain-id', String(this.chainId)]
    flags.push('--hardfork', 'osaka', '--enable-tx-gas-limit')
    flags.push('--block-time', String(blockTime), '--slots-in-an-epoch', '1')
    flags.push('--state', this.stateFile, '--state-interval', '1')
    flags.push('--cache-path', join(this.options.directory, 'cache'))
    if (timestamp !== undefined && !loaded) flags.push('--timestamp', String(timestamp))
    return flags
  }

  /**
   * Whether there is a state to load: the newer of anvil's file and our copy that is whole. anvil rewrites its file in
   * place every second, so a kill can leave half of it, or one from before the last copy.
   */
  private async restoreState(): Promise<boolean> {
    const files = await Promise.all(
      [this.stateFile, this.spareFile]
        .filter(existsSync)
        .map(async (file) => ({ file, at: (await stat(file)).mtimeMs })),
    )
    for (const { file } of files.sort((left, right) => right.at - left.at)) {
      if (!(await isWholeJson(file))) continue
      if (file !== this.stateFile) await copyFile(file, this.stateFile)
      return true
    }
    if (existsSync(this.stateFile)) {
      throw new DevnetChainError(
        { code: 'chain-state-torn', file: this.stateFile },
        'expected a whole chain state, got half of one and no copy; start from an empty directory',
      )
    }
    return false
  }

  private async writeSnapshot(): Promise<void> {
    const compressed = (await this.request('anvil_dumpState', [])) as Hex
    const state = await gunzipBytes(Buffer.from(compressed.slice(2), 'hex'))
    const draft = `${this.spareFile}.draft`
    await writeFile(draft, state)
    await rename(draft, this.spareFile)
  }

  private async note(error: unknown): Promise<void> {
    if (this.anvilPid === undefined) return
    await writeFile(this.logFile, `snapshot failed: ${toError(error).message}\n`, { flag: 'a' })
  }

  private async ready(logFrom: number): Promise<void> {
    const from = Date.now()
    while (Date.now() - from < READY_TIMEOUT_MS) {
      const log = await readTail(this.logFile, logFrom)
      const port = /Listening on [^\s]+:(\d+)/.exec(log)?.[1]
      if (port !== undefined) {
        this.port = Number(port)
        this.url = `http://127.0.0.1:${port}`
        this.client = createAnvilClient(this.url, this.chainId)
        await this.request('anvil_setLoggingEnabled', [false])
        return
      }
      if (this.exitStatus !== undefined) {
        throw new DevnetChainError(
          { code: 'anvil-exited', status: this.exitStatus, logTail: log.slice(-LOG_TAIL_BYTES) },
          `expected anvil to listen, it exited with ${this.exitStatus}; see ${this.logFile}`,
        )
      }
      await sleep(READY_POLL_MS)
    }
    throw new DevnetChainError(
      {
        code: 'anvil-not-ready',
        waitedMs: READY_TIMEOUT_MS,
        logTail: (await readTail(this.logFile, logFrom)).slice(-LOG_TAIL_BYTES),
      },
      `expected anvil to listen within ${READY_TIMEOUT_MS} ms; see ${this.logFile}`,
    )
  }
}

/** Starts an anvil and waits until it answers. Throws `DevnetChainError`. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const anvil = new AnvilProcess(options)
  await anvil.start()
  return anvil
}

/** Whether a chain was started in a directory: it has a state or, before the first was written, a log. */
export const hasChain = (directory: string): boolean =>
  [STATE_FILE, LOG_FILE].some((name) => existsSync(join(directory, name)))

/** Removes a stopped chain's files. */
export async function removeChain(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      const end = text.indexOf('\n')
      if (end >= 0) resolve(text.slice(0, end))
    })
    child.once('error', reject)
    child.once('close', (status) =>
      reject(
        new DevnetChainError({ code: 'anvil-exited', status, logTail: text }, 'expected the pid of anvil, got no line'),
      ),
    )
  })
}

async function readTail(file: string, from: number): Promise<string> {
  if (!existsSync(file)) return ''
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const bytes = Buffer.alloc(Math.max(0, size - from))
    await handle.read(bytes, 0, bytes.length, from)
    return bytes.toString('utf8')
  } finally {
    await handle.close()
  }
}

async function isWholeJson(file: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(file, 'utf8'))
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
