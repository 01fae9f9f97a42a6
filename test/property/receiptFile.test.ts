import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  canonicalBytes,
  formatReceiptFile,
  type Json,
  parseReceiptFile,
  type ReceiptFinding,
  verifyReceiptFile,
} from '../../src/protocol/index.ts'
import { makeReceiptFixture, type ReceiptFixture } from '../support/receiptFixture.ts'

type Path = readonly (string | number)[]
type Mutable = { [name: string]: Mutable } | Mutable[] | string | number | boolean | null

let fixture: ReceiptFixture
let json: Mutable
let leaves: Path[]

beforeAll(async () => {
  fixture = await makeReceiptFixture()
  json = JSON.parse(new TextDecoder().decode(formatReceiptFile(fixture.file)))
  leaves = leavesOf(json)
})

function leavesOf(value: Mutable, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, child]) =>
    leavesOf(child, [...path, Array.isArray(value) ? Number(name) : name]),
  )
}

const at = (value: Mutable, path: Path): Mutable =>
  path.reduce<Mutable>((node, name) => (node as { [name: string]: Mutable })[name]!, value)

function replaced(path: Path, leaf: Mutable): Mutable {
  const copy = structuredClone(json)
  const parent = at(copy, path.slice(0, -1)) as { [name: string]: Mutable }
  parent[path.at(-1)!] = leaf
  return copy
}

/** What the file proves, or undefined when it is refused anywhere. */
async function found(value: Mutable): Promise<ReceiptFinding | undefined> {
  const parsed = parseReceiptFile(canonicalBytes(value as Json))
  if (!parsed.ok) return undefined
  const verdict = await verifyReceiptFile(parsed.value, fixture.context)
  return verdict.ok ? verdict.value : undefined
}

const HEX = '0123456789abcdef'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Another value of the same kind: legal in its place wherever that can be, so that the checks and not the parser must refuse. */
function changeOf(leaf: Mutable): fc.Arbitrary<Mutable> {
  if (typeof leaf === 'number') {
    const near = fc.constantFrom(leaf + 1, leaf === 0 ? 2 : leaf - 1, leaf + 1_000)
    return fc.oneof(near, fc.maxSafeNat()).filter((value) => value !== leaf)
  }
  if (typeof leaf !== 'string') throw new TypeError(`a receipt file holds numbers and strings, not ${leaf}`)
  if (/^(0|[1-9][0-9]*)$/.test(leaf)) {
    return fc
      .bigInt({ min: 0n, max: 2n ** 128n - 1n })
      .map(String)
      .filter((value) => value !== leaf)
  }
  const letters = leaf.startsWith('0x') ? HEX : BASE64
  const from = leaf.startsWith('0x') ? 2 : 0
  if (leaf.length === from) return fc.constant(`${leaf}AAAA`)
  return fc.tuple(fc.nat(leaf.length - from - 1), fc.constantFrom(...letters)).map(([index, letter]) => {
    const place = index + from
    return leaf[place] === letter ? `${leaf}00` : `${leaf.slice(0, place)}${letter}${leaf.slice(place + 1)}`
  })
}

describe('a receipt file', () => {
  test('proves what it says as it was written', async () => {
    const finding = await found(json)
    expect(finding).toMatchObject({ committee: { decision: 'accepted', votes: 7, replayed: 7 }, batch: { number: 6 } })
    expect(finding?.notChecked).toEqual(['evidence-block', 'committee-draw', 'batch-on-chain'])
  })

  test('has leaves of every part', () => {
    expect(new Set(leaves.map(([part]) => part))).toEqual(
      new Set([
        'version',
        'network',
        'job',
        'grant',
        'terms',
        'receipt',
        'heads',
        'evidence',
        'transcript',
        'batchProof',
      ]),
    )
    expect(leaves.length).toBeGreaterThan(250)
  })

  test('proves nothing with any one of its leaves changed (R3 to R6, R14)', { timeout: 120_000 }, async () => {
    const passed: string[] = []
    for (const path of leaves) {
      for (const change of fc.sample(changeOf(at(json, path)), { numRuns: 3, seed: 1 })) {
        if ((await found(replaced(path, change))) !== undefined) passed.push(`${path.join('.')} = ${String(change)}`)
      }
    }
    expect(passed).toEqual([])
  })

  test('proves nothing with any leaf or part left out, or anything added', { timeout: 120_000 }, async () => {
    const passed: string[] = []
    for (const path of leaves) {
      const copy = structuredClone(json)
      const parent = at(copy, path.slice(0, -1))
      if (Array.isArray(parent)) parent.splice(path.at(-1) as number, 1)
      else delete (parent as { [name: string]: Mutable })[path.at(-1)!]
      if ((await found(copy)) !== undefined) passed.push(`without ${path.join('.')}`)
    }
    for (const part of Object.keys(json as object)) {
      if (part === 'transcript' || part === 'batchProof') continue
      const copy = structuredClone(json) as { [name: string]: Mutable }
      delete copy[part]
      if ((await found(copy)) !== undefined) passed.push(`without ${part}`)
    }
    const more = { ...(structuredClone(json) as object), note: 'x' } as Mutable
    if ((await found(more)) !== undefined) passed.push('with a member more')
    expect(passed).toEqual([])
  })
})
