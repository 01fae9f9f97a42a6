import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ATTESTATION_DOC, attestationTables, KINDS } from '../../../scripts/attestationTables.ts'
import { tablesIn, withTables } from '../../../scripts/protocolTables.ts'
import { assertPolicy, CHECKS, parsePolicyFile, policyUnder } from '../../../src/attestation/index.ts'

const document = readFileSync(ATTESTATION_DOC, 'utf8')

describe('docs/attestation.md', () => {
  it('holds every table, each as the code gives it (else run scripts/attestationTables.ts)', () => {
    const tables = attestationTables()
    expect(tablesIn(document).sort()).toEqual(Object.keys(tables).sort())
    expect(withTables(document, tables)).toBe(document)
  })

  it('puts no check of a kind in two columns', () => {
    for (const [kind, { always, supplied, never }] of Object.entries(KINDS)) {
      const all = [...always, ...supplied, ...never]
      expect(new Set(all).size, kind).toBe(all.length)
      expect(CHECKS).toEqual(expect.arrayContaining(all))
    }
  })

  it('shows a policy file that parses and that a production network takes', () => {
    const example = /<!-- policy -->\n```json\n([\s\S]*?)\n```\n<!-- \/policy -->/.exec(document)?.[1] ?? ''
    const parsed = parsePolicyFile(JSON.parse(example))
    if (!parsed.ok) throw parsed.error
    const policy = policyUnder(parsed.value, 'production')
    expect(() => assertPolicy('production', policy)).not.toThrow()
    expect(policy).toMatchObject({ minimumVendors: 2, tcbFloors: { tcbEvaluationDataNumber: 17 } })
  })

  it('links to files that exist', () => {
    const links = [...document.matchAll(/\]\((?!#|https?:)([^)#]+)[^)]*\)/g)].map((match) => match[1] as string)
    expect(links.length).toBeGreaterThan(2)
    for (const link of links) expect(existsSync(join(dirname(ATTESTATION_DOC), link)), link).toBe(true)
  })
})
