import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { formatNetworkFile, type NetworkFile, parseNetworkFile } from '../chain/index.ts'
import { toError } from '../protocol/index.ts'
import { type ConfigInput, formatConfig, type NodeConfig, parseConfig } from './config.ts'
import { MAX_CONFIG_BYTES, MAX_SOCKET_PATH_BYTES } from './constants.ts'
import { NodeError } from './errors.ts'

/** Where a node keeps everything. */
export interface Home {
  readonly directory: string
  readonly configFile: string
  readonly networkFile: string
  readonly keys: string
  readonly db: string
  /** Books of what its wallet spends; one process at a time. */
  readonly wallet: string
  readonly models: string
  /** Receipt files of a requester, by job id. */
  readonly receipts: string
  readonly controlSocket: string
  /** Who runs here: pid and addresses; absent while nobody does. */
  readonly nodeFile: string
  /** A path of the configuration: relative ones start at the home. */
  path(relative: string): string
}

export function homeAt(directory: string): Home {
  const root = resolve(directory)
  const path = (relative: string): string => (isAbsolute(relative) ? relative : join(root, relative))
  return {
    directory: root,
    configFile: path('config.json'),
    networkFile: path('network.json'),
    keys: path('keys'),
    db: path('db'),
    wallet: path('payments/book'),
    models: path('models'),
    receipts: path('receipts'),
    controlSocket: path('control.sock'),
    nodeFile: path('node.json'),
    path,
  }
}

/** `--home`, else `OPG_HOME`, else `~/.opg/<network>`. */
export function findHome(
  given: string | undefined,
  environment: { readonly [name: string]: string | undefined },
  network = 'devnet',
): Home {
  return homeAt(given ?? environment.OPG_HOME ?? join(homedir(), '.opg', network))
}

export interface NewHome {
  readonly network: NetworkFile
  readonly config: ConfigInput
  /** Replaces what is there; without it `home-taken`. */
  readonly replace?: boolean
}

/** Makes a home with its configuration and network file; keys are written by the caller. Throws NodeError. */
export async function createHome(home: Home, init: NewHome): Promise<void> {
  if (existsSync(home.configFile) && init.replace !== true) {
    throw new NodeError(
      { code: 'home-taken', home: home.directory },
      `expected no node at ${home.directory}, there is a config.json; choose another --home`,
    )
  }
  const text = formatConfig(init.config)
  const checked = parseConfig(text)
  if (!checked.ok) throw checked.error
  for (const directory of [home.directory, home.keys, home.models]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }
  await writeWhole(home.networkFile, formatNetworkFile(init.network))
  await writeWhole(home.configFile, text)
}

export interface OpenedHome {
  readonly config: NodeConfig
  readonly network: NetworkFile
}

/** Reads a home's configuration and network. Throws NodeError `home-missing | network-missing | config-invalid` or ChainError. */
export async function readHome(home: Home): Promise<OpenedHome> {
  const text = await readIfThere(home.configFile)
  if (text === undefined) {
    throw new NodeError(
      { code: 'home-missing', home: home.directory },
      `expected a config.json in ${home.directory}, there is none; run "opg init" or give --home`,
    )
  }
  const config = parseConfig(text, home.configFile)
  if (!config.ok) throw config.error
  return { config: config.value, network: await readNetwork(home.networkFile) }
}

/** Throws NodeError `network-missing` or ChainError `network-file-malformed`. */
export async function readNetwork(path: string): Promise<NetworkFile> {
  const text = await readIfThere(path)
  if (text === undefined) {
    throw new NodeError(
      { code: 'network-missing', path },
      `expected a network file at ${path}, there is none; get it from whoever runs the network`,
    )
  }
  const network = parseNetworkFile(text)
  if (!network.ok) throw network.error
  return network.value
}

const nodeFileSchema = z.object({
  pid: z.int().positive(),
  startedAt: z.number(),
  networkId: z.string(),
  operator: z.string(),
  peerId: z.string(),
  roles: z.array(z.string()),
  addresses: z.array(z.string()),
  metrics: z.string().optional(),
})
/** What a running node says of itself on disk; `startedAt` in ms since 1970. */
export type NodeFile = z.infer<typeof nodeFileSchema>

/** Undefined when nobody has written it, or it is another program's. */
export async function readNodeFile(home: Home): Promise<NodeFile | undefined> {
  const text = await readIfThere(home.nodeFile)
  if (text === undefined) return undefined
  try {
    const parsed = nodeFileSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export const writeNodeFile = (home: Home, file: NodeFile): Promise<void> =>
  writeWhole(home.nodeFile, `${JSON.stringify(file, null, 2)}\n`)

export const removeNodeFile = (home: Home): Promise<void> => rm(home.nodeFile, { force: true })

/** Throws NodeError `socket-path-too-long`: the kernel would cut the path and bind another. */
export function assertSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return
  throw new NodeError(
    { code: 'socket-path-too-long', path, limit: MAX_SOCKET_PATH_BYTES },
    `expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, ${path} has ${bytes}; choose a shorter --home`,
  )
}

/** Writes a file whole or not at all. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size > MAX_CONFIG_BYTES) {
      throw new NodeError(
        { code: 'config-invalid', path, field: '', expected: `at most ${MAX_CONFIG_BYTES} bytes`, got: `${size}` },
        `${path}: expected at most ${MAX_CONFIG_BYTES} bytes, got ${size}`,
      )
    }
    return await readFile(path, 'utf8')
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown)
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  }
}
