const TOKEN =
  /([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy
const SPACE = /[ \t\n\r]*/y

type Expect = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'nothing'

/** Line and column, from 1, of the first character that keeps `text` from being JSON: the engine's message often has none. */
export function jsonErrorPlace(text: string): { readonly line: number; readonly column: number } {
  const open: string[] = []
  let expect: Expect = 'value'
  let at = 0
  while (true) {
    SPACE.lastIndex = at
    SPACE.exec(text)
    at = SPACE.lastIndex
    TOKEN.lastIndex = at
    const token = TOKEN.exec(text)
    const next: Expect | undefined = token === null ? undefined : follow(token, expect, open)
    if (next === undefined) break
    expect = next
    at = TOKEN.lastIndex
  }
  const lines = text.slice(0, at).split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

function follow([, mark, string]: RegExpExecArray, expect: Expect, open: string[]): Expect | undefined {
  const after = (): Expect => (open.length === 0 ? 'nothing' : 'comma-or-end')
  if (mark === '}' || mark === ']') {
    const empty = mark === '}' ? 'key-or-end' : 'value-or-end'
    if ((expect !== empty && expect !== 'comma-or-end') || open.at(-1) !== mark) return undefined
    open.pop()
    return after()
  }
  if (mark === ',') return expect !== 'comma-or-end' ? undefined : open.at(-1) === '}' ? 'key' : 'value'
  if (mark === ':') return expect === 'colon' ? 'value' : undefined
  if (string !== undefined && (expect === 'key' || expect === 'key-or-end')) return 'colon'
  if (expect !== 'value' && expect !== 'value-or-end') return undefined
  if (mark === undefined) return after()
  open.push(mark === '{' ? '}' : ']')
  return mark === '{' ? 'key-or-end' : 'value-or-end'
}
