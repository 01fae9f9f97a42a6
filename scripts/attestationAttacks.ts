/**
 * docs/attestation-attacks.md: every attack on evidence with the code it is refused with, as it was when this ran.
 * `node scripts/attestationAttacks.ts [--check]`; needs OPG_VECTORS.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { REPORT_DATA_BYTES } from '../src/attestation/index.ts'
import type { AttackSuite } from '../test/support/attacks/suite.ts'
import { loadersIn } from '../test/support/modules.ts'
import { VECTORS } from '../test/support/vectors.ts'

const FOLDER = new URL('../test/support/attacks/', import.meta.url)
const DOCUMENT = fileURLToPath(new URL('../docs/attestation-attacks.md', import.meta.url))
/** Modules of that folder that are no suites. */
const SUPPORT = new Set(['suite.ts', 'describe.ts'])

const INTRODUCTION = `# Attacks on evidence

Made by \`node scripts/attestationAttacks.ts\`, which runs every attack; \`npm test\` runs them again with the flips and
compares. A flip is one byte changed; each byte of one document of each kind is flipped (\`ALL_BITS=1\` for all eight bits),
and must be refused or lie in a listed region that no signature covers. \`real\` documents are the vendor's, read where
\`OPG_VECTORS\` says; \`minted\` ones are made by the tests under a throw-away root.
`

async function loadSuites(): Promise<AttackSuite[]> {
  const suites: AttackSuite[] = []
  for (const load of await loadersIn<AttackSuite>(FOLDER, 'Attacks', SUPPORT)) suites.push(await load())
  return suites
}

async function sectionOf(suite: AttackSuite): Promise<{ readonly text: string; readonly failures: string[] }> {
  const failures: string[] = []
  const rows: string[] = []
  for (const { name, expected, run } of suite.attacks) {
    const got = await run()
    if (got !== expected) failures.push(`${suite.kind}: ${name}: expected ${expected}, got ${got}`)
    rows.push(`| ${name} | \`${got}\` |`)
  }
  const { unsigned } = suite.flips
  const regions =
    unsigned.length === 0
      ? 'every byte flipped, one after the other: refused'
      : `every byte flipped, one after the other: refused, but for ${unsigned
          .map(({ from, to, why }) => `bytes ${from} to ${to - 1} (${why})`)
          .join('; ')}`
  return {
    failures,
    text: `\n## ${suite.kind}\n\nOne ${suite.document} document, ${regions}.\n\n| attack | refused with |\n|---|---|\n${rows.join('\n')}\n`,
  }
}

if (VECTORS === undefined) {
  process.stdout.write('SKIPPED: needs OPG_VECTORS, the folder of vectors\n')
  process.exit(process.env.CI === undefined ? 0 : 1)
}
const suites = await loadSuites()
const sections: { readonly text: string; readonly failures: string[] }[] = []
for (const suite of suites) sections.push(await sectionOf(suite))
const failures = sections.flatMap((section) => section.failures)
for (const kind of Object.keys(REPORT_DATA_BYTES))
  if (!suites.some((suite) => suite.kind === kind)) failures.push(`${kind}: nobody attacks it`)
const text = INTRODUCTION + sections.map((section) => section.text).join('')
if (process.argv.includes('--check')) {
  if ((await readFile(DOCUMENT, 'utf8')) !== text)
    failures.push('docs/attestation-attacks.md is not what this run found: node scripts/attestationAttacks.ts')
} else await writeFile(DOCUMENT, text)
process.stdout.write(failures.map((failure) => `${failure}\n`).join(''))
process.exit(failures.length === 0 ? 0 : 1)
