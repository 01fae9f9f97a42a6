import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT, readSources, type SourceFile } from './sourceTree.ts'
import { childrenOf, isNode, lineOf, parseTypeScript, type SyntaxNode } from './syntax.ts'

/** docs/roadmap-rules.json: rules that nothing carries yet, each with the reason. */
export interface Roadmap {
  readonly [rule: string]: string
}

export interface RuleInputs {
  /** docs/protocol.md, which defines a rule by a line that begins with its number. */
  readonly protocol: string
  readonly sources: readonly SourceFile[]
  readonly tests: readonly SourceFile[]
  readonly roadmap: Roadmap
}

export interface RuleEntry {
  readonly rule: string
  /** `path:line` of docstrings that name the rule. */
  readonly code: readonly string[]
  /** `path:line` of titles of tests that name it. */
  readonly tests: readonly string[]
}

export interface RuleIndex {
  readonly entries: readonly RuleEntry[]
  readonly problems: readonly string[]
}

export const RULE_COUNT = 29
const RULE = /\bR(\d{1,2})\b/g
const DEFINITION = /^(?:\*\*)?R(\d{1,2})\./gm

type Places = Map<string, string[]>

function note(places: Places, text: string, path: string, line: number): void {
  for (const [rule] of text.matchAll(RULE)) {
    const found = places.get(rule) ?? []
    places.set(rule, [...found, `${path}:${line}`])
  }
}

/** Comments of TypeScript and Solidity; one that begins inside a string is not worth a parser here. */
const COMMENT = /\/\*[\s\S]*?\*\/|(?<!:)\/\/[^\n]*/g

function notesOfCode(files: readonly SourceFile[]): Places {
  const places: Places = new Map()
  for (const { path, text } of files) {
    for (const match of text.matchAll(COMMENT)) note(places, match[0], path, lineOf(text, match.index))
  }
  return places
}

const TEST_CALLS: ReadonlySet<string> = new Set(['it', 'test', 'describe'])

/** `it`, `it.each(...)` and the like: the name at the root of a callee. */
function calleeName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return String(node.name)
  return calleeName(
    node.type === 'MemberExpression' ? node.object : node.type === 'CallExpression' ? node.callee : undefined,
  )
}

function notesOfTitles(node: SyntaxNode, file: SourceFile, places: Places): void {
  if (node.type === 'CallExpression' && TEST_CALLS.has(calleeName(node.callee) ?? '')) {
    const title = (node.arguments as readonly unknown[])[0]
    if (isNode(title) && (title.type === 'Literal' || title.type === 'TemplateLiteral')) {
      const text = file.text.slice(title.start, title.end)
      note(places, text, file.path, lineOf(file.text, title.start))
    }
  }
  for (const [, child] of childrenOf(node)) notesOfTitles(child, file, places)
}

/** Foundry has no titles: a test function carries its rules between underscores, test_R20_... */
const SOLIDITY_TEST = /function\s+(?:test|testFuzz|invariant)_(\w+)/g

function notesOfTests(files: readonly SourceFile[]): Places {
  const places: Places = new Map()
  for (const file of files) {
    if (file.path.endsWith('.sol')) {
      for (const match of file.text.matchAll(SOLIDITY_TEST)) {
        note(places, (match[1] as string).replaceAll('_', ' '), file.path, lineOf(file.text, match.index))
      }
    } else notesOfTitles(parseTypeScript(file.text, file.path), file, places)
  }
  return places
}

/** Where each rule is carried, and what is missing. */
export function indexRules({ protocol, sources, tests, roadmap }: RuleInputs): RuleIndex {
  const problems: string[] = []
  const defined = [...protocol.matchAll(DEFINITION)].map((match) => `R${match[1]}`)
  const rules = Array.from({ length: RULE_COUNT }, (_, at) => `R${at + 1}`)
  for (const rule of rules) {
    const times = defined.filter((other) => other === rule).length
    if (times !== 1) problems.push(`docs/protocol.md: ${rule} is defined ${times} times, expected once`)
  }
  for (const rule of defined) if (!rules.includes(rule)) problems.push(`docs/protocol.md: ${rule} is no known rule`)
  const code = notesOfCode(sources)
  const titles = notesOfTests(tests)
  const entries = rules.map((rule) => ({ rule, code: code.get(rule) ?? [], tests: titles.get(rule) ?? [] }))
  for (const entry of entries) {
    const listed = Object.hasOwn(roadmap, entry.rule)
    const missing = [entry.code.length === 0 && 'a docstring of src', entry.tests.length === 0 && 'the title of a test']
    const named = missing.filter((what) => what !== false)
    if (named.length > 0 && !listed) {
      problems.push(`${entry.rule}: not in ${named.join(' nor in ')}, and not in docs/roadmap-rules.json`)
    }
    if (named.length === 0 && listed)
      problems.push(`${entry.rule}: built and tested; take it out of docs/roadmap-rules.json`)
  }
  for (const [places, what] of [
    [code, 'docstring'],
    [titles, 'title'],
  ] as const) {
    for (const [rule, where] of places) {
      if (!rules.includes(rule)) problems.push(`${where[0]}: a ${what} names ${rule}, which is no rule`)
    }
  }
  for (const [rule, reason] of Object.entries(roadmap)) {
    if (!rules.includes(rule)) problems.push(`docs/roadmap-rules.json: ${rule} is no rule`)
    if (typeof reason !== 'string' || reason.trim() === '')
      problems.push(`docs/roadmap-rules.json: ${rule} has no reason`)
  }
  return { entries, problems }
}

async function main(): Promise<number> {
  const tests = await readSources(['test', 'contracts/test'], ['.test.ts', '.t.sol'])
  const { entries, problems } = indexRules({
    protocol: await readFile(join(ROOT, 'docs/protocol.md'), 'utf8'),
    sources: await readSources(['src', 'contracts/src'], ['.ts', '.sol']),
    tests,
    roadmap: JSON.parse(await readFile(join(ROOT, 'docs/roadmap-rules.json'), 'utf8')) as Roadmap,
  })
  for (const { rule, code, tests: titles } of entries) {
    process.stdout.write(
      `${rule.padEnd(4)} ${String(code.length).padStart(3)} docstrings ${String(titles.length).padStart(3)} titles\n`,
    )
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  return problems.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main()
