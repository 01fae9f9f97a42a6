import { open } from 'node:fs/promises'
import { extname } from 'node:path'
import {
  BATCH_DIMENSION,
  checkTensors,
  type Dtype,
  fail,
  type Manifest,
  ok,
  type Result,
  type Tensor,
  type TensorSpec,
  type Tensors,
  tensorFromNumbers,
  tensorsFromJson,
  toError,
} from '../protocol/index.ts'
import { CANDLE_COLUMNS, type CandleRow, parseCandles } from './candles.ts'
import { MAX_INPUT_FILE_BYTES } from './constants.ts'
import { type InputError, inputError } from './inputErrors.ts'
import { jsonErrorPlace } from './jsonPlace.ts'
import { decodeNpy } from './npy.ts'

export const INPUT_FORMATS = ['json', 'npy', 'csv'] as const
export type InputFormat = (typeof INPUT_FORMATS)[number]

export interface InputOptions {
  /** Which input an .npy or .csv file fills; needed only when the model has several. */
  readonly input?: string
  /** CSV: how many windows to take as the batch, one candle apart, the last ending at the last row. Default 1. */
  readonly windows?: number
}

/** Reads a person's file by its extension and fits it to the model's inputs. */
export async function readInputFile(
  path: string,
  manifest: Manifest,
  options: InputOptions = {},
): Promise<Result<Tensors, InputError>> {
  const format = INPUT_FORMATS.find((known) => extname(path).toLowerCase() === `.${known}`)
  if (format === undefined) {
    return fail(
      inputError(
        'format-unknown',
        INPUT_FORMATS.map((known) => `.${known}`).join(', '),
        extname(path) || 'no extension',
      ),
    )
  }
  let bytes: Uint8Array
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (size > MAX_INPUT_FILE_BYTES) {
        return fail(inputError('file-too-large', `at most ${MAX_INPUT_FILE_BYTES} bytes`, `${size}`))
      }
      bytes = await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    return fail(inputError('file-unreadable', 'a readable file', toError(error).message))
  }
  return parseInputs(format, bytes, manifest, options)
}

/**
 * Tensors for a model from JSON (`{name: {dtype, shape, data}}`, `{name: nested arrays}`, or the bare arrays of a single
 * input), .npy or a candle CSV. Numbers are converted to the model's element type where that loses no more than
 * rounding to float; a missing batch axis becomes a batch of one.
 */
export function parseInputs(
  format: InputFormat,
  bytes: Uint8Array,
  manifest: Manifest,
  options: InputOptions = {},
): Result<Tensors, InputError> {
  const read = format === 'json' ? fromJson(bytes, manifest) : fromArray(format, bytes, manifest, options)
  if (!read.ok) return read
  const tensors: Record<string, Tensor> = {}
  for (const [name, tensor] of Object.entries(read.value)) {
    const spec = manifest.inputs.find((input) => input.name === name)
    const fitted = spec === undefined ? ok(tensor) : fitTensor(tensor, spec)
    if (!fitted.ok) return fitted
    tensors[name] = fitted.value
  }
  const checked = checkTensors(manifest.inputs, tensors, manifest.maxBatch)
  if (checked.ok) return ok(tensors)
  const { tensor, expected, got } = checked.error.detail
  return fail(inputError('input-mismatch', tensor === undefined ? expected : `input ${tensor}: ${expected}`, got))
}

function fromJson(bytes: Uint8Array, manifest: Manifest): Result<Tensors, InputError> {
  let json: unknown
  let text = ''
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    json = JSON.parse(text)
  } catch (error) {
    const { message } = toError(error)
    return fail(inputError('json-invalid', 'JSON in UTF-8', message, text === '' ? {} : jsonErrorPlace(text)))
  }
  const [only] = manifest.inputs
  const named = Array.isArray(json) && manifest.inputs.length === 1 && only !== undefined ? { [only.name]: json } : json
  const dtypes: Record<string, Dtype> = Object.fromEntries(manifest.inputs.map(({ name, dtype }) => [name, dtype]))
  const tensors = tensorsFromJson(named, dtypes)
  if (tensors.ok) return tensors
  const { tensor, expected, got } = tensors.error.detail
  return fail(inputError('input-mismatch', tensor === undefined ? expected : `input ${tensor}: ${expected}`, got))
}

function fromArray(
  format: 'npy' | 'csv',
  bytes: Uint8Array,
  manifest: Manifest,
  options: InputOptions,
): Result<Tensors, InputError> {
  const names = manifest.inputs.map(({ name }) => name)
  const spec =
    options.input === undefined && names.length === 1
      ? manifest.inputs[0]
      : manifest.inputs.find(({ name }) => name === options.input)
  if (spec === undefined) {
    return fail(inputError('input-ambiguous', `the name of one input of ${names.join(', ')}`, options.input ?? 'none'))
  }
  const tensor = format === 'npy' ? decodeNpy(bytes) : fromCandles(bytes, spec, options.windows ?? 1)
  return tensor.ok ? ok({ [spec.name]: tensor.value }) : tensor
}

function fromCandles(bytes: Uint8Array, spec: TensorSpec, windows: number): Result<Tensor, InputError> {
  const [rowsAxis, columnsAxis] = [spec.shape.at(-2), spec.shape.at(-1)]
  const batched = spec.shape.length === 3 && spec.shape[0] === BATCH_DIMENSION
  if (typeof rowsAxis !== 'number' || columnsAxis !== CANDLE_COLUMNS.length || !batched) {
    const expected = `an input of shape [${BATCH_DIMENSION}, rows, ${CANDLE_COLUMNS.length}] to fill from a candle CSV`
    return fail(inputError('input-mismatch', expected, `${spec.name} [${spec.shape.join(', ')}]`))
  }
  if (!Number.isSafeInteger(windows) || windows < 1) {
    return fail(inputError('input-mismatch', 'at least 1 window', `${windows}`))
  }
  const rows = parseCandles(new TextDecoder().decode(bytes))
  if (!rows.ok) return rows
  const needed = rowsAxis + windows - 1
  if (rows.value.length < needed) {
    const expected = `at least ${needed} rows for ${windows} window(s) of ${rowsAxis}`
    return fail(inputError('csv-too-short', expected, `${rows.value.length}`))
  }
  const last = rows.value.slice(-needed)
  const data = Array.from({ length: windows }, (_, window): CandleRow[] => last.slice(window, window + rowsAxis)).flat(
    2,
  )
  return convert(data, spec, [windows, rowsAxis, CANDLE_COLUMNS.length])
}

function fitTensor(tensor: Tensor, spec: TensorSpec): Result<Tensor, InputError> {
  const lacksBatch = spec.shape[0] === BATCH_DIMENSION && tensor.shape.length === spec.shape.length - 1
  const shape = lacksBatch ? [1, ...tensor.shape] : tensor.shape
  if (tensor.dtype === spec.dtype) return ok({ ...tensor, shape })
  if (tensor.dtype === 'BOOL' || spec.dtype === 'BOOL') {
    return fail(inputError('input-mismatch', `input ${spec.name}: ${spec.dtype}`, tensor.dtype))
  }
  return convert(Array.from<number | bigint>(tensor.data), spec, shape)
}

function convert(
  elements: readonly (number | bigint)[],
  spec: TensorSpec,
  shape: readonly number[],
): Result<Tensor, InputError> {
  // Non-finite numbers have no JSON form, so element checks know them by word.
  const words = elements.map((element) =>
    typeof element === 'number' && !Number.isFinite(element) ? String(element) : element,
  )
  const tensor = tensorFromNumbers(spec.dtype, shape, words, spec.name)
  if (tensor.ok) return tensor
  const { expected, got } = tensor.error.detail
  return fail(inputError('input-mismatch', `input ${spec.name}: ${expected}`, got))
}
