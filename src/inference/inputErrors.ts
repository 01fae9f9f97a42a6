import { CodedError } from '../protocol/index.ts'

export const INPUT_ERROR_CODES = [
  'file-unreadable',
  'file-too-large',
  'format-unknown',
  'json-invalid',
  'npy-invalid',
  'npy-dtype-unsupported',
  'csv-header-invalid',
  'csv-value-invalid',
  'csv-too-short',
  'input-ambiguous',
  'input-mismatch',
] as const
export type InputErrorCode = (typeof INPUT_ERROR_CODES)[number]

export interface InputErrorDetail {
  readonly code: InputErrorCode
  readonly expected: string
  readonly got: string
  /** From 1; absent where the format has no lines. */
  readonly line?: number
  /** Character of the line, from 1; in CSV the field. */
  readonly column?: number
}

/** Why a person's file is no input of the model. */
export class InputError extends CodedError<InputErrorDetail> {}

export function inputError(
  code: InputErrorCode,
  expected: string,
  got: string,
  place: { readonly line?: number; readonly column?: number } = {},
): InputError {
  const line = place.line === undefined ? '' : `line ${place.line}`
  const column = place.column === undefined ? '' : `, column ${place.column}`
  const where = line === '' ? '' : `${line}${column}: `
  return new InputError({ code, expected, got, ...place }, `${where}expected ${expected}, got ${got}`)
}
