/**
 * Proves the arithmetic of fees, slashes and vesting for all inputs: `npm run contracts:prove`. The compiler's model
 * checker (CHC) states each overflow, underflow, division by zero and assertion of `contracts/prove` as a query, and
 * Debian's z3 answers it. Fails when a query is refuted, when one stays open, and when there is none.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { contractsRoot } from './forge.ts'

const SOLVER = 'z3'
const SOLVER_SECONDS = 120
/** What the compiler's own driver gives z3 for Horn clauses. */
const SOLVER_OPTIONS = [
  'rewriter.pull_cheap_ite=true',
  'fp.spacer.q3.use_qgen=true',
  'fp.spacer.mbqi=false',
  'fp.spacer.ground_pobs=false',
]
const TARGETS = ['assert', 'underflow', 'overflow', 'divByZero'] as const

interface Solc {
  compile(
    input: string,
    callbacks: { readonly smtSolver: (query: string) => { readonly contents?: string; readonly error?: string } },
  ): string
}

interface CompilerMessage {
  readonly severity: 'error' | 'warning' | 'info'
  readonly message: string
  readonly formattedMessage: string
  readonly errorCode?: string
}

const hasSolver = (): boolean => spawnSync(SOLVER, ['--version'], { stdio: 'ignore' }).error === undefined

function solve(query: string): { readonly contents?: string; readonly error?: string } {
  const options = ['-smt2', '-in', `-T:${SOLVER_SECONDS}`, ...SOLVER_OPTIONS]
  const { error, stdout } = spawnSync(SOLVER, options, { input: query, encoding: 'utf8', maxBuffer: 2 ** 28 })
  return error === undefined ? { contents: stdout } : { error: error.message }
}

/** The file and everything it imports, by their path below contracts/. */
function sourcesOf(path: string, sources: Record<string, { content: string }> = {}): typeof sources {
  if (sources[path] !== undefined) return sources
  const onDisk = path.startsWith('@openzeppelin/') ? join('node_modules', path) : path
  const content = readFileSync(join(contractsRoot, onDisk), 'utf8')
  sources[path] = { content }
  for (const [, imported = ''] of content.matchAll(/^import\s[^;]*?["']([^"']+)["'];/gm)) {
    sourcesOf(imported.startsWith('.') ? posix.join(dirname(path), imported) : imported, sources)
  }
  return sources
}

interface Verdict {
  readonly name: string
  readonly proved: number
  readonly open: readonly string[]
}

function prove(solc: Solc, file: string): Verdict {
  const name = file.replace(/\.sol$/, '')
  const path = `prove/${file}`
  const input = {
    language: 'Solidity',
    sources: sourcesOf(path),
    settings: {
      evmVersion: 'osaka',
      outputSelection: { [path]: { [name]: ['abi'] } },
      modelChecker: {
        engine: 'chc',
        contracts: { [path]: [name] },
        targets: TARGETS,
        solvers: ['smtlib2'],
        showProvedSafe: true,
        showUnproved: true,
        showUnsupported: true,
        timeout: 0,
      },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { smtSolver: solve })) as {
    readonly errors?: readonly CompilerMessage[]
  }
  const messages = output.errors ?? []
  const proved = messages.filter(({ message }) => /^CHC: .*check is safe!/.test(message))
  const open = messages.filter(
    ({ message, severity }) =>
      severity === 'error' || (/^(?:CHC|BMC|SMTChecker|Assertion checker)/i.test(message) && !/is safe!/.test(message)),
  )
  return { name, proved: proved.length, open: open.map(({ formattedMessage }) => formattedMessage.trim()) }
}

function main(): number {
  if (!hasSolver()) {
    process.stdout.write(`SKIPPED: needs ${SOLVER} (Debian: apt-get install z3)\n`)
    return process.env.CI === undefined ? 0 : 1
  }
  const solc = createRequire(import.meta.url)('solc') as Solc
  const files = readdirSync(join(contractsRoot, 'prove')).filter((file) => file.endsWith('.sol'))
  const verdicts = files.map((file) => {
    const started = Date.now()
    const verdict = prove(solc, file)
    const seconds = ((Date.now() - started) / 1000).toFixed(1)
    process.stdout.write(`${verdict.name}: ${verdict.proved} proved, ${verdict.open.length} open (${seconds} s)\n`)
    for (const problem of verdict.open) process.stderr.write(`${problem}\n`)
    return verdict
  })
  const proved = verdicts.reduce((sum, verdict) => sum + verdict.proved, 0)
  const failed = verdicts.filter((verdict) => verdict.open.length > 0 || verdict.proved === 0).length
  if (verdicts.length === 0) process.stderr.write('expected proofs in contracts/prove, found none\n')
  process.stdout.write(`${proved} passed, ${failed} failed\n`)
  return failed === 0 && proved > 0 ? 0 : 1
}

process.exitCode = main()
