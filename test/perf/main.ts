import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { formatResult, type Machine, runBench } from './bench.ts'
import { BENCHES } from './benches.ts'

const USAGE = `usage: npm run bench -- <name> [--runs N] [--json]\n       npm run bench -- --list\n`
const EXIT = { met: 0, missed: 1, usage: 2 } as const
const DEFAULT_RUNS = 3
const MAX_RUNS = 100

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, list: { type: 'boolean' }, runs: { type: 'string' } },
  })
  if (values.list === true) {
    for (const { name, summary } of BENCHES) process.stdout.write(`${name.padEnd(12)}${summary}\n`)
    return EXIT.met
  }
  const bench = BENCHES.find(({ name }) => name === positionals[0])
  const runs = Number(values.runs ?? DEFAULT_RUNS)
  if (bench === undefined || positionals.length !== 1 || !Number.isInteger(runs) || runs < 1 || runs > MAX_RUNS) {
    const names = BENCHES.map(({ name }) => name).join(', ')
    process.stderr.write(`${USAGE}expected one of ${names} and 1 to ${MAX_RUNS} runs\n`)
    return EXIT.usage
  }
  const result = await runBench(bench, runs, {
    machine: machine(),
    commit: commit(),
    progress: (message) => process.stderr.write(`${message}\n`),
  })
  process.stdout.write(`${values.json === true ? JSON.stringify(result) : formatResult(result)}\n`)
  return result.met ? EXIT.met : EXIT.missed
}

function machine(): Machine {
  return {
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
  }
}

/** Short hash of the commit, with `+` when the tree differs from it. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof RangeError && error.message.startsWith('expected OPG_VECTORS'))) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = EXIT.usage
}
