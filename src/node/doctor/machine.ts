import { existsSync } from 'node:fs'
import { access, constants, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import type { NodeConfig } from '../config.ts'
import { type Home, readNodeFile } from '../home.ts'
import { type Finding, type FindingStatus, found } from './findings.ts'

const WANTED_NODE = [24, 0] as const
const LEAST_NODE = [22, 12] as const
const MEBIBYTE = 1_048_576
/** Below this a store may fail to write within hours of work. */
const LEAST_DISK_BYTES = 512 * MEBIBYTE
/** Room for months of receipts, and for a model or two. */
const WANTED_DISK_BYTES = 5 * 1_024 * MEBIBYTE

/** The version of Node that runs this. */
export function examineNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const atLeast = ([wantedMajor, wantedMinor]: readonly [number, number]): boolean =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
  if (!atLeast(LEAST_NODE)) return found('node', 'fail', version, `install Node ${WANTED_NODE[0]}`)
  if (!atLeast(WANTED_NODE)) return found('node', 'warn', version, `Node ${WANTED_NODE[0]} is what this is tested with`)
  return found('node', 'ok', version)
}

/** Free space where the home is or will be, and whether it may be written. */
export async function examineDisk(home: Home): Promise<Finding> {
  let directory = home.directory
  while (!existsSync(directory) && dirname(directory) !== directory) directory = dirname(directory)
  try {
    await access(directory, constants.W_OK)
  } catch {
    return found('disk', 'fail', `${directory} may not be written`, 'give another --home, or its owner the right')
  }
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  const status: FindingStatus = free < LEAST_DISK_BYTES ? 'fail' : free < WANTED_DISK_BYTES ? 'warn' : 'ok'
  const text = `${Math.floor(free / MEBIBYTE)} MiB free at ${directory}`
  return found('disk', status, text, status === 'ok' ? undefined : `have ${WANTED_DISK_BYTES / MEBIBYTE} MiB free`)
}

interface Port {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Whether what a node would listen on is free, or held by the node of this home. */
export async function examinePorts(home: Home, config: NodeConfig): Promise<Finding[]> {
  const running = await isRunning(home)
  const ports = wantedPorts(config).filter(({ port }) => port !== 0)
  return await Promise.all(ports.map((wanted) => examinePort(wanted, running)))
}

async function examinePort({ name, host, port }: Port, running: boolean): Promise<Finding> {
  const subject = `port ${port}`
  const fault = await tryListen(host, port)
  if (fault === undefined) return found(subject, 'ok', `free for ${name}`)
  if (fault === 'EADDRINUSE' && running) return found(subject, 'ok', 'held by the node that runs here')
  const todo = `end what holds it, or change ${name === 'metrics' ? 'metrics.port' : 'listen'} in config.json`
  return found(subject, 'fail', `${fault} at ${host}, for ${name}`, todo)
}

function wantedPorts({ listen, metrics }: NodeConfig): Port[] {
  const peers = listen.flatMap((multiaddr) => {
    const [, host, port] = /^\/ip[46]\/([^/]+)\/tcp\/([0-9]+)$/.exec(multiaddr) ?? []
    return host === undefined ? [] : [{ name: 'peers', host, port: Number(port) }]
  })
  return metrics.enabled ? [...peers, { name: 'metrics', host: metrics.host, port: metrics.port }] : peers
}

/** The system's name of what went wrong; undefined where nothing did. */
function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

async function isRunning(home: Home): Promise<boolean> {
  const file = await readNodeFile(home)
  if (file === undefined) return false
  try {
    return process.kill(file.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
