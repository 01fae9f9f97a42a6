import { readFileSync } from 'node:fs'

const document = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8')

/** The limits of a section of docs/limits.md by name. */
export function limitRows(section: string): Readonly<Record<string, number>> {
  const [, rows = ''] = new RegExp(`^## ${section}\\n(.*?)(?=^## )`, 'ms').exec(document) ?? []
  return Object.fromEntries(
    [...rows.matchAll(/^\| `([A-Z_]+)` \| ([0-9 ]+) \|/gm)].map(([, name, value]) => [
      name,
      Number(value?.replaceAll(' ', '')),
    ]),
  )
}
