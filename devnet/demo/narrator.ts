/** Tells people what happens, a line each with the seconds since the start; silent where a program listens. */
export interface Narrator {
  chapter(title: string): void
  tell(line: string): void
  check(what: string, holds: boolean): boolean
  readonly failures: readonly string[]
}

export function createNarrator(write: (text: string) => void, clock: () => number): Narrator {
  const started = clock()
  const failures: string[] = []
  const line = (text: string): void => write(`${((clock() - started) / 1000).toFixed(2).padStart(7)}  ${text}\n`)
  return {
    failures,
    chapter: (title) => write(`\n${title}\n`),
    tell: line,
    check: (what, holds) => {
      line(`${holds ? 'ok  ' : 'FAIL'} ${what}`)
      if (!holds) failures.push(what)
      return holds
    },
  }
}

/** The first and last digits of an id: enough to follow it with the eye. */
export const short = (id: string): string => (id.length <= 14 ? id : `${id.slice(0, 8)}..${id.slice(-4)}`)
