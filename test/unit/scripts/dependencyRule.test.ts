import { describe, expect, it } from 'vitest'
import { ARROWS, checkDependencies } from '../../../scripts/dependencyRule.ts'

const rulesOf = (path: string, text: string): string[] =>
  checkDependencies([{ path, text }]).map(({ line, rule }) => `${line} ${rule}`)

describe('the dependency rule', () => {
  it('lets a room take its arrows through the index of the other room', () => {
    expect(
      rulesOf('src/net/host.ts', "import { H } from '../protocol/index.ts'\nimport x from '../wire/index.ts'"),
    ).toEqual([])
    expect(rulesOf('src/net/deep/a.ts', "export { H } from '../../protocol/index.ts'")).toEqual([])
    expect(rulesOf('web/app.ts', "import type { A } from '../src/attestation/index.ts'")).toEqual([])
  })

  it('refuses an arrow that is not drawn, types included, and says where', () => {
    const text = "\nimport { a } from './a.ts'\nimport type { B } from '../net/index.ts'\n"
    expect(checkDependencies([{ path: 'src/protocol/x.ts', text }])).toEqual([
      {
        path: 'src/protocol/x.ts',
        line: 3,
        rule: 'arrow',
        message: 'protocol may import no other room; this imports net',
      },
    ])
    expect(rulesOf('src/wire/x.ts', "import { a } from '../chain/index.ts'")).toEqual(['1 arrow'])
    expect(rulesOf('src/gateway/x.ts', "import { a } from '../store/index.ts'")).toEqual(['1 arrow'])
    expect(rulesOf('web/x.ts', "import { a } from '../src/net/index.ts'")).toEqual(['1 arrow'])
  })

  it('refuses another room by a side door', () => {
    expect(rulesOf('src/net/x.ts', "import { H } from '../protocol/hash.ts'")).toEqual(['1 door'])
    expect(rulesOf('src/net/x.ts', "export * from '../wire/generated/a.ts'")).toEqual(['1 door'])
  })

  it('refuses a room to import through its own index, at any depth', () => {
    expect(rulesOf('src/net/x.ts', "import { a } from './index.ts'")).toEqual(['1 own-index'])
    expect(rulesOf('src/net/deep/x.ts', "import { a } from '../index.ts'")).toEqual(['1 own-index'])
    expect(rulesOf('src/net/index.ts', "export * from './x.ts'")).toEqual([])
  })

  it.each([
    ["import fs from 'node:fs'"],
    ["import fs from 'fs'"],
    ["const x = await import('node:crypto')"],
    ["import secp from 'tiny-secp256k1'"],
    ["import x = require('level')"],
    ["type X = import('viem').Hex"],
    ["export const x = Buffer.from('')"],
    ['export const x = globalThis.name ?? process.env'],
    ['export const x = new WebAssembly.Module(bytes)'],
  ])('R28 refuses in protocol and attestation: %s', (text) => {
    expect(rulesOf('src/protocol/x.ts', text)).toEqual(['1 pure'])
    expect(rulesOf('src/attestation/x.ts', text)).toEqual(['1 pure'])
    expect(rulesOf('src/node/x.ts', text)).toEqual([])
  })

  it('lets pure rooms import the packages listed for them', () => {
    expect(rulesOf('src/protocol/x.ts', "import { sha256 } from '@noble/hashes/sha2.js'")).toEqual([])
    expect(rulesOf('src/protocol/x.ts', "import { decode } from 'cborg'")).toEqual(['1 pure'])
    expect(rulesOf('src/attestation/x.ts', "import { decode } from 'cborg'")).toEqual([])
  })

  it('does not take members, comments or strings for imports or globals', () => {
    const text =
      "// import '../net/index.ts'\nexport const a = { process: 1, s: \"from 'node:fs'\" }\nexport const b = a.process"
    expect(rulesOf('src/protocol/x.ts', text)).toEqual([])
  })

  it('sees worker entries named by URL', () => {
    expect(rulesOf('src/roles/x.ts', "new URL('../inference/entry.ts', import.meta.url)")).toEqual(['1 door'])
    expect(rulesOf('src/inference/x.ts', "new URL('./entry.ts', import.meta.url)")).toEqual([])
  })

  it('refuses imports that leave the rooms and rooms without arrows', () => {
    expect(rulesOf('src/node/x.ts', "import x from '../../devnet/x.ts'")).toEqual(['1 outside'])
    expect(rulesOf('src/utils/x.ts', 'export const a = 1')).toEqual(['1 unknown-room'])
  })

  it('has no circle among its arrows', () => {
    const reach = (room: string, path: readonly string[]): void => {
      expect(path).not.toContain(room)
      for (const next of ARROWS[room] ?? []) reach(next, [...path, room])
    }
    for (const room of Object.keys(ARROWS)) reach(room, [])
  })

  it('throws on a file that does not parse rather than pass it', () => {
    expect(() => checkDependencies([{ path: 'src/net/x.ts', text: 'import {' }])).toThrow()
  })
})
