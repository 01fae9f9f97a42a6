/**
 * Lints `proto/` and generates `src/wire/generated` from it. With `--check` nothing is written: exit 1 when the committed
 * files are not what would be generated. With `--against <git ref>` also refuses changes that break peers on that version.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = join(import.meta.dirname, '..')
const COMMITTED = join(ROOT, 'src/wire/generated')
const GENERATED = 'src/wire/generated'

const { values } = parseArgs({ options: { check: { type: 'boolean' }, against: { type: 'string' } } })

function buf(...args: string[]): void {
  execFileSync(join(ROOT, 'node_modules/.bin/buf'), args, { cwd: ROOT, stdio: 'inherit' })
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

function differences(expected: string, committed: string): string[] {
  const names = new Set([...filesUnder(expected), ...filesUnder(committed)])
  const contents = (folder: string, name: string): string | undefined =>
    filesUnder(folder).includes(name) ? readFileSync(join(folder, name), 'utf8') : undefined
  return [...names].sort().filter((name) => contents(expected, name) !== contents(committed, name))
}

function check(): void {
  const folder = mkdtempSync(join(ROOT, 'node_modules/.generated-'))
  try {
    buf('generate', '--output', folder)
    const changed = differences(join(folder, GENERATED), COMMITTED)
    if (changed.length > 0) {
      process.stderr.write(
        `expected ${GENERATED} to equal what proto/ generates, but these differ: ${changed.join(', ')}\n`,
      )
      process.stderr.write('run node scripts/generateWire.ts and commit the result\n')
      process.exitCode = 1
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

buf('lint')
buf('format', '--diff', '--exit-code')
if (values.against !== undefined) buf('breaking', '--against', `.git#ref=${values.against}`)
if (values.check === true) check()
else buf('generate')
