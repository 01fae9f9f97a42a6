import { readdir } from 'node:fs/promises'

/** The functions named `...SUFFIX` of a folder's modules, in the order of the files. */
export async function loadersIn<T>(
  folder: URL,
  suffix: string,
  except: ReadonlySet<string>,
): Promise<readonly (() => Promise<T>)[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !except.has(file)).sort()
  const loaders: (() => Promise<T>)[] = []
  for (const file of files) {
    const module = (await import(new URL(file, folder).href)) as { readonly [name: string]: unknown }
    const found = Object.entries(module).filter(([name]) => name.endsWith(suffix))
    if (found.length === 0) throw new RangeError(`expected ${file} to export a function named ...${suffix}`)
    for (const [, load] of found) loaders.push(load as () => Promise<T>)
  }
  return loaders
}
