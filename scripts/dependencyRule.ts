import { posix } from 'node:path'
import { readSources, type SourceFile } from './sourceTree.ts'
import { childrenOf, isNode, lineOf, parseTypeScript, type SyntaxNode } from './syntax.ts'

/** The dependency rule of docs/architecture.md: a room may import the rooms listed, no other. */
const LOWER = ['protocol', 'wire', 'store', 'chain', 'inference', 'attestation', 'net', 'models', 'payment']
export const ARROWS: { readonly [room: string]: readonly string[] } = {
  protocol: [],
  wire: ['protocol'],
  store: ['protocol'],
  chain: ['protocol'],
  inference: ['protocol'],
  attestation: ['protocol'],
  net: ['protocol', 'wire'],
  models: ['protocol', 'wire', 'net', 'store'],
  payment: ['protocol', 'wire', 'chain', 'store'],
  verification: ['protocol', 'inference', 'attestation'],
  roles: [...LOWER, 'verification'],
  node: [...LOWER, 'verification', 'roles'],
  gateway: ['protocol', 'payment', 'roles', 'node'],
  cli: ['node', 'gateway', 'roles', 'protocol'],
  sim: ['protocol'],
  web: ['protocol', 'attestation', 'wire'],
}

/** Rooms that also run in a browser, with the packages they may import: pure JavaScript, no native code, no wasm. */
export const PURE_ROOMS: { readonly [room: string]: readonly string[] } = {
  protocol: ['@noble/hashes', 'canonicalize', 'multiformats'],
  attestation: ['@hpke/core', '@noble/hashes', '@peculiar/x509', 'cborg', 'jose', 'reflect-metadata', 'zod'],
}

/** What only some machines have: a pure room gets these as ports (R28). */
const HOST_GLOBALS: ReadonlySet<string> = new Set([
  'Buffer',
  'process',
  'require',
  '__dirname',
  '__filename',
  'WebAssembly',
])

export type RuleName = 'arrow' | 'door' | 'own-index' | 'pure' | 'outside' | 'unknown-room'

export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: RuleName
  readonly message: string
}

interface Reference {
  readonly specifier: string
  readonly offset: number
}

const literalOf = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined

/** The specifier a node imports: import, export from, import(), import type, or new URL(..., import.meta.url). */
function specifierOf(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return literalOf(node.source)
    case 'TSExternalModuleReference':
      return literalOf(node.expression)
    case 'NewExpression': {
      const [target, base] = node.arguments as readonly unknown[]
      const callee = node.callee
      if (!isNode(callee) || callee.name !== 'URL' || base === undefined) return undefined
      const path = literalOf(target)
      return path?.endsWith('.ts') === true ? path : undefined
    }
    default:
      return undefined
  }
}

interface Found {
  readonly references: Reference[]
  readonly globals: Reference[]
}

function walk(node: SyntaxNode, found: Found): void {
  const specifier = specifierOf(node)
  if (specifier !== undefined) found.references.push({ specifier, offset: node.start })
  if (node.type === 'Identifier' && HOST_GLOBALS.has(String(node.name))) {
    found.globals.push({ specifier: String(node.name), offset: node.start })
  }
  for (const [member, child] of childrenOf(node)) {
    const named = member === 'property' || member === 'key'
    if (!named || node.computed === true) walk(child, found)
  }
}

/** The room of a path: the first folder below src, or `web`. */
function roomOf(path: string): string | undefined {
  const [first, second, third] = path.split('/')
  if (first === 'web') return 'web'
  return first === 'src' && third !== undefined ? second : undefined
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

type Broken = readonly [RuleName, string]

function checkRelative(path: string, room: string, specifier: string): Broken | undefined {
  const target = posix.join(posix.dirname(path), specifier)
  const targetRoom = roomOf(target)
  if (targetRoom === undefined) return ['outside', `${specifier} leaves the rooms: src imports src alone`]
  const index = targetRoom === 'web' ? 'web/index.ts' : `src/${targetRoom}/index.ts`
  if (targetRoom === room) {
    return target === index && path !== index
      ? ['own-index', `inside ${room} import the module that defines the name, not ${index}`]
      : undefined
  }
  if (!(ARROWS[room] ?? []).includes(targetRoom)) {
    const allowed = ARROWS[room]?.join(', ') || 'no other room'
    return ['arrow', `${room} may import ${allowed}; this imports ${targetRoom}`]
  }
  return target === index ? undefined : ['door', `${targetRoom} is imported through ${index}, not ${target}`]
}

function checkPackage(room: string, specifier: string): Broken | undefined {
  const allowed = PURE_ROOMS[room]
  if (allowed === undefined || allowed.includes(packageOf(specifier))) return undefined
  return ['pure', `${room} runs in browsers and may import ${allowed.join(', ')}; this imports ${specifier}`]
}

/** Every place where `files` break the dependency rule. Throws SyntaxError on files that do not parse. */
export function checkDependencies(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) => {
    const room = roomOf(path)
    if (room === undefined) return []
    const violations: Violation[] = []
    const report = (offset: number, [rule, message]: Broken): void => {
      violations.push({ path, line: lineOf(text, offset), rule, message })
    }
    if (ARROWS[room] === undefined) {
      report(0, ['unknown-room', `${room} is no room of docs/architecture.md: give it its arrows in ARROWS`])
    }
    const found: Found = { references: [], globals: [] }
    walk(parseTypeScript(text, path), found)
    for (const { specifier, offset } of found.references) {
      const broken = specifier.startsWith('.') ? checkRelative(path, room, specifier) : checkPackage(room, specifier)
      if (broken !== undefined) report(offset, broken)
    }
    if (PURE_ROOMS[room] !== undefined) {
      for (const { specifier, offset } of found.globals) {
        report(offset, ['pure', `${room} runs in browsers: ${specifier} is injected as a port`])
      }
    }
    return violations.sort((left, right) => left.line - right.line)
  })
}

async function main(): Promise<number> {
  const files = await readSources(['src', 'web'], ['.ts', '.tsx'])
  const violations = checkDependencies(files)
  for (const { path, line, rule, message } of violations) {
    process.stderr.write(`${path}:${line}: [${rule}] ${message}\n`)
  }
  process.stdout.write(`${files.length} files, ${violations.length} violations of the dependency rule\n`)
  return violations.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main()
