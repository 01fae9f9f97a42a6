import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

const SKIPPED: ReadonlySet<string> = new Set(['node_modules', 'dist', 'out', 'cache', 'generated'])

/** Files below `folders` (those that exist) with one of the endings, by path; generated code is left out. */
export async function readSources(folders: readonly string[], endings: readonly string[]): Promise<SourceFile[]> {
  const paths: string[] = []
  for (const folder of folders) await collect(join(ROOT, folder), endings, paths)
  return Promise.all(
    paths.sort().map(async (path) => ({
      path: relative(ROOT, path).split(sep).join('/'),
      text: await readFile(path, 'utf8'),
    })),
  )
}

async function collect(folder: string, endings: readonly string[], paths: string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) await collect(path, endings, paths)
    } else if (endings.some((ending) => entry.name.endsWith(ending))) paths.push(path)
  }
}
