import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ARROWS } from '../../../scripts/dependencyRule.ts'
import { ROOT } from '../../../scripts/sourceTree.ts'

const FILE = /`((?:src|test|contracts|scripts)\/[\w./-]+\.(?:ts|sol|json))`/g
const LINK = /\]\((?!#|https?:)([^)#]+)[^)]*\)/g
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

describe.each(['docs/threat-model.md', 'docs/architecture.md', 'docs/contracts.md'])('%s', (path) => {
  it('names files and links that exist', () => {
    const files = [...textOf(path).matchAll(FILE)].map((match) => match[1] as string)
    const links = [...textOf(path).matchAll(LINK)].map((match) => join(dirname(path), match[1] as string))
    expect(links.length).toBeGreaterThan(0)
    expect([...files, ...links].filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })
})

describe('docs/architecture.md', () => {
  it('names every room of the dependency rule', () => {
    for (const room of Object.keys(ARROWS)) {
      expect(textOf('docs/architecture.md')).toContain(`| \`${room === 'web' ? 'web/' : `src/${room}/`}\` |`)
    }
  })

  it('draws no arrow that the rule does not know', () => {
    const arrows = [...textOf('docs/architecture.md').matchAll(/^ {2}(\w+) --> (\w+)$/gm)]
    expect(arrows.length).toBeGreaterThan(15)
    for (const [, from, to] of arrows) expect(ARROWS[from as string], `${from} --> ${to}`).toContain(to)
  })
})
