import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTRACTS, contractsRoot, forge, repositoryRoot } from './forge.ts'

interface Artifact {
  readonly abi: readonly unknown[]
  readonly bytecode: { readonly object: string; readonly linkReferences: Record<string, unknown> }
}

const target = join(repositoryRoot, 'src', 'chain', 'generated')

function bindingOf(name: string): string {
  const path = join(contractsRoot, 'out', `${name}.sol`, `${name}.json`)
  const { abi, bytecode } = JSON.parse(readFileSync(path, 'utf8')) as Artifact
  if (Object.keys(bytecode.linkReferences).length !== 0) {
    throw new Error(`expected ${name} to link no library, got ${JSON.stringify(bytecode.linkReferences)}`)
  }
  return [
    `// Generated from contracts/src/${name}.sol by scripts/generateContracts.ts.`,
    `export const abi = ${JSON.stringify(abi, undefined, 2)} as const`,
    '',
    `export const creationCode =\n  '${bytecode.object}' as const`,
    '',
  ].join('\n')
}

function main(check: boolean): number {
  const build = forge(['build', 'src'])
  if (!build.ok) {
    process.stderr.write(build.output)
    return 1
  }
  mkdirSync(target, { recursive: true })
  const stale: string[] = []
  for (const name of CONTRACTS) {
    const path = join(target, `${name}.ts`)
    const binding = bindingOf(name)
    if (existsSync(path) && readFileSync(path, 'utf8') === binding) continue
    if (check) stale.push(`src/chain/generated/${name}.ts`)
    else writeFileSync(path, binding)
  }
  if (stale.length !== 0) {
    process.stderr.write(
      `expected bindings that match contracts/src, got other content in ${stale.join(', ')}: ` +
        'run node scripts/generateContracts.ts and commit the difference\n',
    )
    return 1
  }
  process.stdout.write(`${CONTRACTS.length} contract bindings ${check ? 'match' : 'written'}\n`)
  return 0
}

process.exitCode = main(process.argv.includes('--check'))
