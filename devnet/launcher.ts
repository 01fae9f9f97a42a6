import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CliError,
  type DevnetLauncher,
  type DevnetProcessView,
  type DevnetUpOptions,
  type DevnetView,
} from '../src/cli/index.ts'
import { homeAt, readNetwork, readNodeFile } from '../src/node/index.ts'
import { OPG_PROGRAM } from './nodeProcess.ts'
import { endProcess, isOurs } from './processes.ts'
import { CHAIN_DIRECTORY, DEVNET_FILE_NAME, readDevnetFile, startDevnet } from './supervisor.ts'

/** A detached devnet is healthy within this, ms, or is taken down again. */
const DETACH_TIMEOUT_MS = 180_000
const POLL_MS = 100
/** Nodes drain for 20 s at most. */
const DOWN_GRACE_MS = 40_000
const NODE_GRACE_MS = 5_000

export const devnetLauncher: DevnetLauncher = {
  async up({ directory, seed, providers, verifiers, settlers, evidence }, note) {
    const counts = { providers, verifiers, settlers }
    const devnet = await startDevnet({ directory, seed, ...counts, formats: evidence, onProgress: note })
    const { promise, resolve } = Promise.withResolvers<string>()
    for (const node of devnet.nodes) node.onCrash(resolve)
    const view = await viewOf(directory)
    if (view === undefined) throw new RangeError(`${DEVNET_FILE_NAME} is gone from ${directory}`)
    return { view, failed: promise, stop: () => devnet.stop() }
  },

  async detach(options, note) {
    const { directory } = options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const logFile = join(directory, 'devnet.log')
    const log = await open(logFile, 'w', 0o600)
    const child = spawn(process.execPath, [OPG_PROGRAM, ...argumentsOf(options)], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    await log.close()
    let status: string | undefined
    child.once('exit', (code, signal) => {
      status = `${code ?? signal}`
    })
    note(`starting a devnet in ${directory}`)
    const until = Date.now() + DETACH_TIMEOUT_MS
    while (Date.now() < until && status === undefined) {
      const text = existsSync(logFile) ? await readFile(logFile, 'utf8') : ''
      if (text.includes('"event":"ready"')) {
        child.unref()
        const view = await viewOf(directory)
        if (view !== undefined) return view
      }
      await sleep(POLL_MS)
    }
    if (status === undefined) await devnetLauncher.down(directory)
    const tail = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-5).join('\n')
    throw new CliError({
      code: status === undefined ? 'timed-out' : 'failed',
      message: `the devnet did not become healthy: ${tail}`,
      hint: `see ${logFile}`,
    })
  },

  async down(directory) {
    const file = await readDevnetFile(directory)
    if (file === undefined) return []
    const stopped: string[] = []
    const before = await viewOf(directory)
    if (await endProcess(file.pid, 'devnet', DOWN_GRACE_MS)) stopped.push('devnet')
    for (const name of file.nodes) {
      const home = homeAt(join(directory, name))
      const node = await readNodeFile(home)
      if (node !== undefined) await endProcess(node.pid, home.directory, NODE_GRACE_MS)
    }
    if (file.chainPid !== undefined) await endProcess(file.chainPid, join(directory, CHAIN_DIRECTORY), NODE_GRACE_MS)
    const after = await viewOf(directory)
    const running = (view: DevnetView | undefined): string[] =>
      (view?.processes ?? []).filter(({ state }) => state === 'running').map(({ name }) => name)
    const left = running(after)
    stopped.push(...running(before).filter((name) => !left.includes(name)))
    if (left.length > 0) throw new CliError({ code: 'failed', message: `still running: ${left.join(', ')}` })
    return stopped
  },

  status: (directory) => viewOf(directory),
}

const argumentsOf = ({ directory, seed, providers, verifiers, settlers, evidence }: DevnetUpOptions): string[] => [
  ...['devnet', 'up', '--json', '--dir', directory, '--seed', seed],
  ...['--providers', `${providers}`, '--verifiers', `${verifiers}`, '--settlers', `${settlers}`],
  ...['--evidence', evidence.join(',')],
]

async function viewOf(directory: string): Promise<DevnetView | undefined> {
  const file = await readDevnetFile(directory)
  const networkFile = join(directory, 'network.json')
  if (file === undefined) return undefined
  const network = existsSync(networkFile) ? await readNetwork(networkFile) : undefined
  const chainHome = join(directory, CHAIN_DIRECTORY)
  const chainUp = file.chainPid !== undefined && (await isOurs(file.chainPid, chainHome))
  const chain: DevnetProcessView = {
    name: 'chain',
    state: chainUp ? 'running' : 'stopped',
    ...(file.chainPid === undefined ? {} : { pid: file.chainPid }),
    addresses: [file.rpc],
  }
  const nodes = await Promise.all(file.nodes.map((name) => viewNode(directory, name)))
  return {
    directory,
    rpc: file.rpc,
    network: network?.name ?? 'unknown',
    networkId: network?.networkId ?? 'unknown',
    processes: [chain, ...nodes],
  }
}

async function viewNode(directory: string, name: string): Promise<DevnetProcessView> {
  const home = homeAt(join(directory, name))
  const node = await readNodeFile(home)
  const running = node !== undefined && (await isOurs(node.pid, home.directory))
  return {
    name,
    state: running ? 'running' : 'stopped',
    home: home.directory,
    ...(node === undefined
      ? {}
      : {
          pid: node.pid,
          operator: node.operator,
          addresses: node.addresses,
          ...(node.metrics === undefined ? {} : { metrics: node.metrics }),
        }),
  }
}
