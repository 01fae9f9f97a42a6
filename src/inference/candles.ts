import { fail, ok, type Result } from '../protocol/index.ts'
import { type InputError, inputError } from './inputErrors.ts'

export const CANDLE_COLUMNS = ['open', 'high', 'low', 'close', 'volume'] as const
export type CandleRow = readonly [open: number, high: number, low: number, close: number, volume: number]

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/**
 * Rows of a candle CSV, oldest first. The first line names the columns in any order and letter case; others than the
 * five are ignored. Fields are separated by commas and may be quoted; empty lines are skipped.
 */
export function parseCandles(text: string): Result<CandleRow[], InputError> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const head = splitFields(lines[0] ?? '').map((field) => field.toLowerCase())
  const places: number[] = []
  for (const name of CANDLE_COLUMNS) {
    const at = head.indexOf(name)
    if (at < 0 || head.lastIndexOf(name) !== at) {
      const got = (lines[0] ?? '').slice(0, 200)
      return fail(
        inputError('csv-header-invalid', `one column ${name}`, got === '' ? 'an empty line' : got, { line: 1 }),
      )
    }
    places.push(at)
  }
  const rows: CandleRow[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue
    const row = parseRow(splitFields(line), head.length, places, index + 1)
    if (!row.ok) return row
    rows.push(row.value)
  }
  return ok(rows)
}

function parseRow(
  fields: readonly string[],
  width: number,
  places: readonly number[],
  line: number,
): Result<CandleRow, InputError> {
  if (fields.length !== width) {
    return fail(inputError('csv-value-invalid', `${width} fields`, `${fields.length}`, { line }))
  }
  const values: number[] = []
  for (const [column, at] of places.entries()) {
    const field = fields[at] ?? ''
    const value = NUMBER.test(field) ? Number(field) : Number.NaN
    if (!Number.isFinite(value) || value < 0) {
      const got = field === '' ? 'an empty field' : field.slice(0, 100)
      const expected = `${CANDLE_COLUMNS[column]} as a number of at least 0`
      return fail(inputError('csv-value-invalid', expected, got, { line, column: at + 1 }))
    }
    values.push(value)
  }
  const [open = 0, high = 0, low = 0, close = 0, volume = 0] = values
  if (low > Math.min(open, close) || high < Math.max(open, close)) {
    const got = `open ${open}, high ${high}, low ${low}, close ${close}`
    return fail(inputError('csv-value-invalid', 'low <= open, close <= high', got, { line }))
  }
  return ok([open, high, low, close, volume])
}

function splitFields(line: string): string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (const character of line) {
    if (character === '"') quoted = !quoted
    else if (character === ',' && !quoted) {
      fields.push(field.trim())
      field = ''
    } else field += character
  }
  fields.push(field.trim())
  return fields
}
