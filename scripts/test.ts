/** Everything, in the order of cost: `npm test [-- --only NAME,...]`. Ends with `N passed, N failed`. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What failed, a line each, where the gate says it. */
  readonly failures?: readonly string[]
}

interface Gate {
  readonly name: string
  readonly command: readonly string[]
  /** Reads a finer count than one gate from what the command wrote. */
  readonly count?: (output: string, report: string) => Promise<Count | undefined>
}

/** What is read of vitest's JSON report. A file that does not load, or a hook that fails, has no assertion but a message. */
interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numFailedTestSuites: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages?: readonly string[] | null
    }[]
  }[]
}

/** Failures that the summary names, of each gate. */
const MAX_FAILURES = 10
/** Characters of an error that the summary repeats. */
const MAX_ERROR_LENGTH = 300

const reports = await mkdtemp(join(tmpdir(), 'opg-test-'))

const vitest = (name: string, ...folders: readonly string[]): Gate => ({
  name,
  command: [
    'vitest',
    'run',
    ...folders,
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${join(reports, `${name}.json`)}`,
  ],
  count: async (_output, report) => {
    const summary = JSON.parse(await readFile(report, 'utf8')) as VitestReport
    const failed = summary.numFailedTests > 0 ? summary.numFailedTests : summary.numFailedTestSuites
    return { passed: summary.numPassedTests, failed, skipped: summary.numPendingTests, failures: failuresOf(summary) }
  },
})

function failuresOf({ testResults }: VitestReport): readonly string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name)
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName, failureMessages }) => `${file} > ${fullName}: ${firstLine(failureMessages?.[0])}`)
    return tests.length > 0 || status !== 'failed' ? tests : [`${file}: ${firstLine(message || 'a hook failed')}`]
  })
}

function firstLine(text: string | undefined): string {
  const [line = ''] = stripVTControlCharacters(text ?? '')
    .trimStart()
    .split('\n')
  return line.length > MAX_ERROR_LENGTH ? `${line.slice(0, MAX_ERROR_LENGTH)}…` : line
}

const gates: readonly Gate[] = [
  { name: 'format and lint', command: ['biome', 'ci', '--colors=off', '--diagnostic-level=warn'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'dependency rule', command: ['node', 'scripts/dependencyRule.ts'] },
  { name: 'unused code', command: ['knip'] },
  { name: 'generated wire', command: ['node', 'scripts/generateWire.ts', '--check'] },
  { name: 'generated contracts', command: ['node', 'scripts/generateContracts.ts', '--check'] },
  { name: 'golden vectors', command: ['node', 'scripts/generateGolden.ts', '--check'] },
  { name: 'documented tables', command: ['node', 'scripts/cliTables.ts', '--check'] },
  { name: 'attestation attacks', command: ['node', 'scripts/attestationAttacks.ts', '--check'] },
  { name: 'model artefacts', command: ['node', 'devnet/models/build.ts', '--check'] },
  { name: 'browser bundle', command: ['node', 'scripts/browserBundle.ts'] },
  vitest('browser', 'test/browser'),
  { name: 'rule index', command: ['node', 'scripts/ruleIndex.ts'] },
  vitest('unit', 'test/unit'),
  vitest('property', 'test/property'),
  vitest('conformance', 'test/conformance'),
  vitest('integration', 'test/integration'),
  {
    name: 'contracts',
    command: ['node', 'scripts/contractsTest.ts'],
    count: async (output) => {
      const line = /^(\d+) passed, (\d+) failed/m.exec(output)
      return line === null ? undefined : { passed: Number(line[1]), failed: Number(line[2]), skipped: 0 }
    },
  },
  { name: 'contract coverage', command: ['node', 'scripts/contractsCoverage.ts'] },
  {
    name: 'contract proofs',
    command: ['node', 'scripts/contractsProve.ts'],
    count: async (output) => {
      if (/^SKIPPED/m.test(output)) return { passed: 0, failed: process.env.CI === undefined ? 0 : 1, skipped: 1 }
      const line = /^(\d+) passed, (\d+) failed/m.exec(output)
      return line === null ? undefined : { passed: Number(line[1]), failed: Number(line[2]), skipped: 0 }
    },
  },
  vitest('end to end', 'test/e2e'),
  { name: 'demo', command: ['node', 'devnet/demo.ts', '--json'] },
]

async function run(command: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const [program, ...args] = command
  if (program === undefined) throw new RangeError('a gate needs a command')
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: process.env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output += text
      process.stdout.write(text)
    })
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exit) => resolve(exit ?? 1))
  })
  return { code, output }
}

async function judge(gate: Gate): Promise<Count> {
  const { code, output } = await run(gate.command)
  const counted = await gate.count?.(output, join(reports, `${gate.name}.json`)).catch(() => undefined)
  if (counted === undefined)
    return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
  return code !== 0 && counted.failed === 0 ? { ...counted, failed: 1 } : counted
}

const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1]?.split(',') : undefined
const chosen = only === undefined ? gates : gates.filter(({ name }) => only.includes(name))
let total: Count = { passed: 0, failed: 0, skipped: 0 }
const summary: string[] = []
for (const gate of chosen) {
  process.stdout.write(`\n== ${gate.name}\n`)
  const started = Date.now()
  const count = await judge(gate)
  total = {
    passed: total.passed + count.passed,
    failed: total.failed + count.failed,
    skipped: total.skipped + count.skipped,
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
  summary.push(
    `${count.failed === 0 ? 'ok  ' : 'FAIL'} ${gate.name}: ${count.passed} passed, ${count.failed} failed${skipped} (${seconds} s)`,
  )
  const { failures = [] } = count
  summary.push(...failures.slice(0, MAX_FAILURES).map((failure) => `       ${failure}`))
  if (failures.length > MAX_FAILURES) summary.push(`       and ${failures.length - MAX_FAILURES} more`)
}
await rm(reports, { recursive: true, force: true })
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
process.stdout.write(`\n${summary.join('\n')}\n\n${total.passed} passed, ${total.failed} failed${skipped}\n`)
process.exit(total.failed === 0 ? 0 : 1)
