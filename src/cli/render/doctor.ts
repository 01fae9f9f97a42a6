import type { Diagnosis } from '../../node/index.ts'
import { renderTable } from './table.ts'

export function renderDiagnosis({ attesters, auto, findings, worst }: Diagnosis): string {
  const sources = attesters.map(({ attester, available, kind, found, todo }) => [
    attester,
    available ? 'yes' : 'no',
    kind ?? '-',
    withTodo(found, todo),
  ])
  const rows = findings.map(({ subject, status, found, todo }) => [status, subject, withTodo(found, todo)])
  return [
    renderTable(['attester', 'here', 'evidence', ''], sources),
    `this machine would use: ${auto ?? 'none, there is no hardware that attests'}`,
    renderTable(['', 'looked at', 'found'], rows),
    ENDINGS[worst],
  ].join('\n\n')
}

const ENDINGS: Readonly<Record<Diagnosis['worst'], string>> = {
  ok: 'nothing is wrong',
  warn: 'nothing stops a node here; see what is marked warn',
  fail: 'a node would not work here: see what is marked fail',
}

const withTodo = (found: string, todo: string | undefined): string => (todo === undefined ? found : `${found}: ${todo}`)
