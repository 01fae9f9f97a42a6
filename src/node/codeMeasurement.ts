import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's own description and, in a checkout, the exact versions and hashes of what it depends on. */
const BESIDES = ['package.json', 'package-lock.json'] as const

const HERE = fileURLToPath(new URL('.', import.meta.url))

let ours: Promise<Uint8Array> | undefined

/**
 * What runs here, as the simulated attester measures it (PCR0): SHA-384, 48 bytes, over the package's files. Read once a
 * process. It covers neither Node itself nor the installed dependencies beyond their entries in the lock file.
 */
export function codeMeasurement(): Promise<Uint8Array> {
  const built = HERE.endsWith(join(sep, 'dist', 'src', 'node', sep))
  ours ??= built ? measureTree(join(HERE, '../../..'), 'dist') : measureTree(join(HERE, '../..'), 'src')
  return ours
}

/**
 * SHA-384 over a line `SHA384  path` for each file below `tree` and for the package's description, in order of their paths
 * by UTF-16 unit. Throws RangeError for anything but files and folders: a link would be measured as what it is not.
 */
export async function measureTree(root: string, tree: string): Promise<Uint8Array> {
  const paths = [...(await filesBelow(root, tree)), ...(await present(root, BESIDES))].sort()
  const lines: string[] = []
  for (const path of paths) {
    const content = await readFile(join(root, path))
    lines.push(`${createHash('sha384').update(content).digest('hex')}  ${path}\n`)
  }
  return new Uint8Array(createHash('sha384').update(lines.join('')).digest())
}

async function filesBelow(root: string, tree: string): Promise<string[]> {
  const entries = await readdir(join(root, tree), { recursive: true, withFileTypes: true })
  return entries.flatMap((entry) => {
    const path = relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (entry.isDirectory()) return []
    if (entry.isFile()) return [path]
    throw new RangeError(`expected files and folders below ${tree}, got something else: ${path}`)
  })
}

async function present(root: string, names: readonly string[]): Promise<string[]> {
  const entries = await readdir(root)
  return names.filter((name) => entries.includes(name))
}
