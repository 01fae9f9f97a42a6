import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CLONED_CONTRACTS, CONTRACTS as DEPLOYED } from '../src/chain/contractNames.ts'

export const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)))
export const contractsRoot = join(repositoryRoot, 'contracts')

/** What stands in on devnets for contracts of others: none of a network, so `network.json` does not name them. */
export const DEVNET_CONTRACTS: readonly string[] = ['UptoPermit2Proxy', 'ExactPermit2Proxy', 'Multicall3', 'DevnetUSDC']

/** Contracts whose ABI, creation code and size are kept in the repository. */
export const CONTRACTS: readonly string[] = [...Object.values(DEPLOYED), ...Object.values(CLONED_CONTRACTS)]

/** forge's own binary: its Node wrapper would outlive a signal. */
function forgeBinary(): string {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const platform = process.platform === 'win32' ? 'win32' : process.platform
  const binary = platform === 'win32' ? 'forge.exe' : 'forge'
  const packageName = `@foundry-rs/forge-${platform}-${architecture}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`)), 'bin', binary)
  } catch (cause) {
    throw new Error(`expected the npm package ${packageName}, found none: run npm install`, { cause })
  }
}

export interface ForgeResult {
  readonly ok: boolean
  readonly output: string
}

/** Runs forge in contracts/ on the Node that runs this, offline. */
export function forge(args: readonly string[], environment: Record<string, string> = {}): ForgeResult {
  const path = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`
  const result = spawnSync(forgeBinary(), args, {
    cwd: contractsRoot,
    encoding: 'utf8',
    env: { ...process.env, PATH: path, NO_COLOR: '1', ...environment },
    maxBuffer: 64 * 1024 * 1024,
  })
  if (result.error !== undefined) throw result.error
  return { ok: result.status === 0, output: `${result.stdout}${result.stderr}` }
}
