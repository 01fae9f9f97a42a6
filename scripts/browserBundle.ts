import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { type Plugin, rolldown } from 'rolldown'

/** The rooms that must run in a browser (architecture, dependency rule). */
export const BROWSER_ROOMS = ['src/protocol/index.ts', 'src/attestation/index.ts'] as const

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BUILTINS = new Set(builtinModules)

/**
 * `@hpke/common` falls back to the `crypto` module where `globalThis.crypto` is missing, which no browser and no Node
 * we support lacks: that one import becomes an empty module, on which the library fails with its own NotSupportedError.
 */
const DEAD_IMPORT = { id: 'crypto', importer: /[\\/]@hpke[\\/]common[\\/]esm[\\/]src[\\/]/ }
const EMPTY_MODULE = '\0empty'

export interface OffendingImport {
  readonly id: string
  readonly importer: string
}

export interface BrowserBundle {
  readonly code: string
  readonly bytes: number
  readonly gzipBytes: number
}

export type BundleResult =
  | { readonly ok: true; readonly bundle: BrowserBundle }
  | { readonly ok: false; readonly offending: readonly OffendingImport[] }

/**
 * Bundles one entry for browsers into one ES module. Every import of a Node module, every import that resolves to
 * nothing and every import left in the output is an offending one.
 */
export async function browserBundle(entry: string): Promise<BundleResult> {
  const offending: OffendingImport[] = []
  const guard: Plugin = {
    name: 'browser-only',
    async resolveId(id, importer) {
      if (id === DEAD_IMPORT.id && importer !== undefined && DEAD_IMPORT.importer.test(importer)) return EMPTY_MODULE
      if (id.startsWith('node:') || BUILTINS.has(id)) {
        offending.push({ id, importer: importer ?? entry })
        return { id, external: true }
      }
      const resolved = await this.resolve(id, importer, { skipSelf: true })
      if (resolved === null || resolved.external) offending.push({ id, importer: importer ?? entry })
      return resolved ?? { id, external: true }
    },
    load: (id) => (id === EMPTY_MODULE ? 'export const webcrypto = undefined' : null),
  }
  const build = await rolldown({ input: entry, cwd: ROOT, platform: 'browser', plugins: [guard], logLevel: 'silent' })
  try {
    const { output } = await build.generate({ format: 'es', minify: true, codeSplitting: false })
    const [chunk] = output
    for (const id of [...chunk.imports, ...chunk.dynamicImports])
      if (!offending.some((each) => each.id === id)) offending.push({ id, importer: chunk.fileName })
    if (offending.length > 0) return { ok: false, offending }
    const { code } = chunk
    return { ok: true, bundle: { code, bytes: Buffer.byteLength(code), gzipBytes: gzipSync(code).length } }
  } finally {
    await build.close()
  }
}

/** Bundles every room; returns the exit code. */
export async function main(entries: readonly string[], print: (line: string) => void): Promise<number> {
  let code = 0
  for (const entry of entries) {
    const result = await browserBundle(entry)
    if (result.ok) print(`${entry}: ${result.bundle.bytes} bytes, ${result.bundle.gzipBytes} gzipped`)
    else {
      code = 1
      for (const { id, importer } of result.offending)
        print(`${entry}: expected browser code only, got import '${id}' in ${importer}`)
    }
  }
  return code
}

if (import.meta.main) {
  const entries = process.argv.slice(2)
  process.exitCode = await main(entries.length > 0 ? entries : BROWSER_ROOMS, (line) =>
    process.stdout.write(`${line}\n`),
  )
}
