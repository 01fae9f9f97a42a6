import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTRACTS, contractsRoot, DEVNET_CONTRACTS, type ForgeResult, forge } from './forge.ts'

/** EIP-170 and EIP-3860: the largest runtime and creation code a chain takes, in bytes. */
const MAX_RUNTIME_BYTES = 24_576
const MAX_CREATION_BYTES = 49_152

const sizesPath = join(contractsRoot, 'snapshots', 'sizes.json')

interface Artifact {
  readonly bytecode: { readonly object: string }
  readonly deployedBytecode: { readonly object: string }
}

interface Sizes {
  readonly runtimeBytes: number
  readonly creationBytes: number
}

const bytesOf = (hex: string): number => (hex.length - 2) / 2

function sizesOf(name: string): Sizes {
  const path = join(contractsRoot, 'out', `${name}.sol`, `${name}.json`)
  const artifact = JSON.parse(readFileSync(path, 'utf8')) as Artifact
  return { runtimeBytes: bytesOf(artifact.deployedBytecode.object), creationBytes: bytesOf(artifact.bytecode.object) }
}

function problemsOfSizes(update: boolean): string[] {
  const sizes = Object.fromEntries([...CONTRACTS, ...DEVNET_CONTRACTS].map((name) => [name, sizesOf(name)]))
  const problems = Object.entries(sizes).flatMap(([name, { runtimeBytes, creationBytes }]) =>
    runtimeBytes > MAX_RUNTIME_BYTES || creationBytes > MAX_CREATION_BYTES
      ? [`expected ${name} to be deployable, got ${runtimeBytes} bytes of code and ${creationBytes} of creation code`]
      : [],
  )
  const text = `${JSON.stringify(sizes, undefined, 2)}\n`
  if (update) writeFileSync(sizesPath, text)
  else if (!existsSync(sizesPath) || readFileSync(sizesPath, 'utf8') !== text) {
    problems.push(`expected the sizes in contracts/snapshots/sizes.json, got ${text.trim()}`)
  }
  return problems
}

function countOf(result: ForgeResult, what: 'passed' | 'failed'): number {
  const pattern = new RegExp(
    `^Ran \\d+ test suites? in .*?(\\d+) tests ${what}|, (\\d+) ${what}, \\d+ skipped \\(`,
    'm',
  )
  const match = pattern.exec(result.output)
  return Number(match?.[1] ?? match?.[2] ?? 0)
}

/** forge build, format, tests, gas of whole transactions and sizes; `--update` writes the snapshots instead. */
function main(update: boolean): number {
  const problems: string[] = []
  const run = (what: string, args: readonly string[], environment: Record<string, string> = {}): ForgeResult => {
    const result = forge(args, environment)
    if (!result.ok) problems.push(`${what} failed:\n${result.output}`)
    return result
  }

  run('forge build', ['build'])
  if (problems.length === 0) {
    run('forge fmt', ['fmt', '--check'])
    const tests = run('forge test', ['test', '--no-match-contract', 'GasTest'])
    const mode = update ? 'FORGE_SNAPSHOT_EMIT' : 'FORGE_SNAPSHOT_CHECK'
    const gas = run('gas snapshot', ['test', '--match-contract', 'GasTest', '--isolate'], { [mode]: 'true' })
    problems.push(...problemsOfSizes(update))
    const passed = countOf(tests, 'passed') + countOf(gas, 'passed')
    const failed = countOf(tests, 'failed') + countOf(gas, 'failed')
    if (passed === 0) problems.push('expected forge to report passed tests, got none')
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  if (problems.length !== 0) {
    process.stderr.write('when a changed snapshot is meant, run node scripts/contractsTest.ts --update and commit it\n')
  }
  return problems.length === 0 ? 0 : 1
}

process.exitCode = main(process.argv.includes('--update'))
