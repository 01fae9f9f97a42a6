/** Lines and branches of `contracts/src` that the contract tests run: `npm run contracts:coverage [-- --json]`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forge } from './forge.ts'

/** Percent of lines and of branches that must be covered, over all of `contracts/src`. */
const LEAST = 95

interface Share {
  readonly hit: number
  readonly found: number
}

interface FileCoverage {
  readonly file: string
  readonly lines: Share
  readonly branches: Share
}

const sum = (shares: readonly Share[]): Share => ({
  hit: shares.reduce((total, { hit }) => total + hit, 0),
  found: shares.reduce((total, { found }) => total + found, 0),
})

const percent = ({ hit, found }: Share): number => (found === 0 ? 100 : Math.floor((hit / found) * 10_000) / 100)

/** Reads an LCOV trace file: one record a source file, ended by `end_of_record`. */
function readTrace(trace: string): FileCoverage[] {
  return trace
    .split('end_of_record')
    .map((record) => {
      const file = /^SF:(.*)$/m.exec(record)?.[1] ?? ''
      const value = (key: string): number => Number(new RegExp(`^${key}:(\\d+)$`, 'm').exec(record)?.[1] ?? 0)
      return {
        file,
        lines: { hit: value('LH'), found: value('LF') },
        branches: { hit: value('BRH'), found: value('BRF') },
      }
    })
    .filter(({ file }) => file.startsWith('src/'))
}

function main(json: boolean): number {
  const folder = mkdtempSync(join(tmpdir(), 'opg-coverage-'))
  const trace = join(folder, 'lcov.info')
  try {
    // A line is run or not: a few values a fuzz test are enough here.
    const result = forge(
      ['coverage', '--report', 'lcov', '--report-file', trace, '--no-match-contract', 'GasTest|Invariants'],
      { FOUNDRY_FUZZ_RUNS: '16' },
    )
    if (!result.ok) {
      process.stderr.write(result.output)
      return 1
    }
    const files = readTrace(readFileSync(trace, 'utf8'))
    const lines = percent(sum(files.map((file) => file.lines)))
    const branches = percent(sum(files.map((file) => file.branches)))
    const met = files.length > 0 && lines > LEAST && branches > LEAST
    if (json) process.stdout.write(`${JSON.stringify({ ok: met, lines, branches, least: LEAST, files })}\n`)
    else {
      for (const { file, lines: of, branches: ways } of files) {
        process.stdout.write(
          `${file.padEnd(44)} lines ${of.hit}/${of.found}  branches ${ways.hit}/${ways.found}` +
            `${of.hit < of.found || ways.hit < ways.found ? '  *' : ''}\n`,
        )
      }
      process.stdout.write(
        `lines ${lines} %, branches ${branches} %, of contracts/src; expected more than ${LEAST} %\n`,
      )
    }
    return met ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = main(process.argv.includes('--json'))
