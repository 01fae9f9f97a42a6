import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROTOCOL_DOC, renderTables, TAGS, tablesIn, withTables } from '../../../scripts/protocolTables.ts'
import { readSources } from '../../../scripts/sourceTree.ts'
import { childrenOf, parseTypeScript, type SyntaxNode } from '../../../scripts/syntax.ts'
import {
  ASSURANCE,
  DOMAIN_TYPE_STRING,
  METHOD,
  MODE,
  NOT_CHECKED,
  PARAMETERS,
  type Parameter,
  PRIVACY,
  REASON,
  ROUND,
  SIGNED_TYPES,
  STATUS,
  TIER,
} from '../../../src/protocol/index.ts'
import { WIRE_LIMITS, type WireLimit } from '../../../src/wire/index.ts'

const document = readFileSync(PROTOCOL_DOC, 'utf8')

/** Body rows of a table of the document, without code marks. */
function rowsOf(name: string): string[][] {
  const section = new RegExp(`<!-- table:${name} -->\\n([\\s\\S]*?)\\n<!-- end:${name} -->`).exec(document)?.[1]
  const lines = (section ?? '').split('\n').slice(2)
  return lines.map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((text) => text.replaceAll('`', '')),
  )
}

const TAG = /^(?:OPG|opg-[a-z]+)\/[\w/+ -]+$/

function tagsIn(node: SyntaxNode, found: Set<string>): Set<string> {
  if (node.type === 'Literal' && typeof node.value === 'string' && TAG.test(node.value)) found.add(node.value)
  for (const [, child] of childrenOf(node)) tagsIn(child, found)
  return found
}

describe('docs/protocol.md', () => {
  it('holds every table, each as the code gives it (else run scripts/protocolTables.ts)', async () => {
    const tables = await renderTables()
    expect(tablesIn(document).sort()).toEqual(Object.keys(tables).sort())
    expect(withTables(document, tables)).toBe(document)
    expect(() => withTables('<!-- table:x -->\n<!-- end:x -->', tables)).toThrow(RangeError)
  })

  it('R3 lists the type strings that are signed', () => {
    expect(rowsOf('types').map((row) => [row[0], row[2]])).toEqual([
      ['EIP712Domain', DOMAIN_TYPE_STRING],
      ...SIGNED_TYPES.map(({ name, typeString }) => [name, typeString]),
    ])
    for (const [, signer] of rowsOf('types').slice(1)) expect(signer).not.toBe('')
  })

  it('lists the parameters with both values and both bounds', () => {
    const listed = rowsOf('parameters').map(([name, unit, ...rest]) => [
      name,
      { unit, numbers: rest.slice(0, 4).map((text) => Number.parseInt(text, 10)), meaning: rest.slice(4).join(' | ') },
    ])
    const expected = (Object.entries(PARAMETERS) as [string, Parameter][]).map(
      ([name, { unit, base, devnet, min, max, meaning }]) => [
        name,
        { unit, numbers: [base, devnet, min, max], meaning },
      ],
    )
    expect(listed).toEqual(expected)
  })

  it('lists the codes of every enumeration', () => {
    const listed = rowsOf('enumerations').map(([name, code, value]) => `${name} ${code} ${value}`)
    for (const [name, codes] of Object.entries({
      tier: TIER,
      privacy: PRIVACY,
      mode: MODE,
      status: STATUS,
      assurance: ASSURANCE,
      round: ROUND,
    })) {
      const expected = Object.entries(codes).map(([value, code]) => `${name} ${code} ${value}`)
      expect(listed.filter((line) => line.startsWith(`${name} `))).toEqual(expected)
    }
  })

  it('lists methods and unchecked things by bit, reasons by code', () => {
    const bits = (table: string) => Object.fromEntries(rowsOf(table).map(([bit, name]) => [name, 2 ** Number(bit)]))
    expect(bits('methods')).toEqual(METHOD)
    expect(bits('not-checked')).toEqual(NOT_CHECKED)
    expect(Object.fromEntries(rowsOf('reasons').map(([code, name]) => [name, Number(code)]))).toEqual(REASON)
  })

  it('R10 lists every message of proto/ with its byte limit', async () => {
    const declared = (await readSources(['proto'], ['.proto'])).flatMap(({ text }) =>
      [...text.matchAll(/^\s*message (\w+)/gm)].map((match) => match[1] as string),
    )
    const limits: { readonly [name: string]: WireLimit } = WIRE_LIMITS
    expect(declared.length).toBeGreaterThan(50)
    expect(rowsOf('messages').map(([name, , bytes]) => [name, Number(bytes)])).toEqual(
      declared.map((name) => [name, limits[name]?.value]),
    )
  })

  it('R3 lists every tag of src and of the contracts, and no other', async () => {
    const found = new Set<string>()
    for (const { path, text } of await readSources(['src'], ['.ts'])) tagsIn(parseTypeScript(text, path), found)
    const inContracts = (await readSources(['contracts/src'], ['.sol'])).flatMap(({ text }) =>
      [...text.matchAll(/keccak256\("(OPG\/[^"]+)"\)/g)].map((match) => match[1] as string),
    )
    expect(rowsOf('tags').map(([tag]) => tag)).toEqual(Object.keys(TAGS))
    expect([...new Set([...found, ...inContracts])].sort()).toEqual(Object.keys(TAGS).sort())
  })

  it('links to files that exist', () => {
    for (const [, target] of document.matchAll(/\]\((?!#)([^)]+)\)/g)) {
      expect(existsSync(join(dirname(PROTOCOL_DOC), target as string)), target).toBe(true)
    }
  })
})
