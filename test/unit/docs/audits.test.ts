import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../../../scripts/sourceTree.ts'

const FINDINGS = 17
const document = readFileSync(join(ROOT, 'docs/contracts.md'), 'utf8')
const testsFolder = join(ROOT, 'contracts/test')
const declared = new Set(
  readdirSync(testsFolder)
    .filter((file) => file.endsWith('.t.sol'))
    .flatMap((file) => [...readFileSync(join(testsFolder, file), 'utf8').matchAll(/^ {2}function (\w+)\(/gm)])
    .map(([, name]) => name as string),
)

/** Body rows of the table of a section: cells, trimmed. */
function rowsOf(section: string): string[][] {
  const text = document.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? ''
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

const namesIn = (text: string): string[] =>
  [...text.matchAll(/`((?:test|testFuzz|invariant)_\w+)`/g)].map(([, name]) => name as string)
const findings = rowsOf('Audit findings').filter(([number]) => number !== '#')

describe('docs/contracts.md, audit findings', () => {
  it('has a row for every finding, in order', () => {
    expect(findings.map(([number]) => Number(number))).toEqual(
      Array.from({ length: FINDINGS }, (_, index) => index + 1),
    )
  })

  it.each(findings)('finding %s, %s: names its tests or says why there are none', (number, _finding, here, tests) => {
    const names = namesIn(tests as string)
    expect(names.length === 0).toBe((here as string).startsWith('does not apply'))
    for (const name of names) {
      expect(name).toMatch(new RegExp(`^test(?:Fuzz)?_audit${(number as string).padStart(2, '0')}_`))
      expect(declared, name).toContain(name)
    }
  })

  it('knows the finding of every test that carries a number', () => {
    const numbers = new Set(
      [...declared].flatMap((name) => /_audit(\d\d)_/.exec(name)?.[1] ?? []).map((number) => Number(number)),
    )
    const applying = findings
      .filter(([, , here]) => !here?.startsWith('does not apply'))
      .map(([number]) => Number(number))
    expect([...numbers].sort((left, right) => left - right)).toEqual(applying)
  })
})

describe('docs/contracts.md', () => {
  it('names tests and invariants that exist', () => {
    const names = namesIn(document)
    expect(names.some((name) => name.startsWith('invariant_'))).toBe(true)
    expect(names.filter((name) => !declared.has(name))).toEqual([])
  })
})
