/** Writes the tables of docs/cli.md from the code; `--check` compares. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { EXIT, errorSchema, resultSchemas } from '../src/cli/index.ts'
import { configFields } from '../src/node/index.ts'
import { ROOT } from './sourceTree.ts'

export const CLI_DOC = join(ROOT, 'docs/cli.md')

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT | 'oldNode', string>> = {
  ok: 'done',
  failed: 'failed for a reason of its own',
  usage: 'the command line, a file or the configuration is wrong',
  verification: 'verification refused or rejected: evidence, answer, receipt, batch, network',
  unreachable: 'nobody there: no offer, no peer, no chain, no node',
  timeout: 'timed out',
  payment: 'payment or funds',
  oldNode: 'Node is too old',
  interrupted: 'interrupted by Ctrl-C, after draining',
}

function exitTable(): string {
  const codes = { ...EXIT, oldNode: 64 }
  const rows = Object.entries(codes)
    .sort(([, left], [, right]) => left - right)
    .map(([name, code]) => `| ${code} | ${EXIT_MEANINGS[name as keyof typeof codes]} |`)
  return ['| code | meaning |', '|---:|---|', ...rows].join('\n')
}

function configTable(): string {
  const rows = configFields().map(({ name, meaning, default: value }) => `| \`${name}\` | ${meaning} | \`${value}\` |`)
  return ['| field | meaning | default |', '|---|---|---|', ...rows].join('\n')
}

function schemaBlock(schema: z.ZodType): string {
  const { $schema: _, ...json } = z.toJSONSchema(schema)
  return ['```json', JSON.stringify(json), '```'].join('\n')
}

const schemaSections = (): string =>
  [
    ['any command that fails', errorSchema] as const,
    ...Object.entries(resultSchemas).map(([name, schema]) => [`opg ${name}`, schema] as const),
  ]
    .map(([name, schema]) => `### ${name}\n\n${schemaBlock(schema)}`)
    .join('\n\n')

const SECTIONS: { readonly [name: string]: () => string } = {
  'exit-codes': exitTable,
  config: configTable,
  schemas: schemaSections,
}

/** The document with every section between its markers as the code has it. */
export function withTables(document: string): string {
  return Object.entries(SECTIONS).reduce((text, [name, write]) => {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [start, end] = [text.indexOf(open), text.indexOf(close)]
    if (start < 0 || end < start) throw new Error(`expected ${open} and ${close} in docs/cli.md`)
    return `${text.slice(0, start + open.length)}\n${write()}\n${text.slice(end)}`
  }, document)
}

if (import.meta.main) {
  const before = await readFile(CLI_DOC, 'utf8')
  const after = withTables(before)
  if (before === after) process.stdout.write('docs/cli.md is current\n')
  else if (process.argv.includes('--check')) {
    process.stderr.write('docs/cli.md differs from the code; run: node scripts/cliTables.ts\n')
    process.exitCode = 1
  } else await writeFile(CLI_DOC, after)
}
