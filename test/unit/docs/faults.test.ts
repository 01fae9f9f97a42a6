import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../../', import.meta.url)
const rows = readFileSync(new URL('docs/faults.md', root), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| fault') && !line.startsWith('|---'))
const testsOf = (row: string): string[] => [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '')

describe('docs/faults.md', () => {
  it.each(rows.map((row) => [row.split('|')[1]?.trim() ?? '', row] as const))(
    'names tests that exist: %s',
    (_fault, row) => {
      expect(testsOf(row).length).toBeGreaterThan(0)
      for (const path of testsOf(row)) expect(existsSync(new URL(path, root)), path).toBe(true)
    },
  )
})
