import type { Json } from './canonical.ts'
import { CodedError, fail, ok, type Result } from './errors.ts'
import { utf8 } from './hash.ts'

interface DataOf {
  F32: Float32Array
  F64: Float64Array
  I8: Int8Array
  I16: Int16Array
  I32: Int32Array
  I64: BigInt64Array
  U8: Uint8Array
  BOOL: Uint8Array
}

/** Element types, by their safetensors names. BOOL is one byte, 0 or 1. */
export type Dtype = keyof DataOf

/** A dense row-major array. A scalar has shape `[]`. */
export type Tensor = {
  [D in Dtype]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: DataOf[D] }
}[Dtype]

export interface Tensors {
  readonly [name: string]: Tensor
}

type Constructor<D extends Dtype> = new (buffer: ArrayBuffer) => DataOf[D]

const ARRAYS: { readonly [D in Dtype]: { readonly size: number; readonly create: Constructor<D> } } = {
  F32: { size: 4, create: Float32Array },
  F64: { size: 8, create: Float64Array },
  I8: { size: 1, create: Int8Array },
  I16: { size: 2, create: Int16Array },
  I32: { size: 4, create: Int32Array },
  I64: { size: 8, create: BigInt64Array },
  U8: { size: 1, create: Uint8Array },
  BOOL: { size: 1, create: Uint8Array },
}

export const DTYPES = Object.keys(ARRAYS) as readonly Dtype[]

export const isDtype = (value: unknown): value is Dtype => typeof value === 'string' && Object.hasOwn(ARRAYS, value)

/** Bytes of one element. */
export const dtypeSize = (dtype: Dtype): number => ARRAYS[dtype].size

export interface TensorLimits {
  /** Whole message, header included. */
  readonly maxBytes: number
  readonly maxHeaderBytes: number
  readonly maxTensors: number
  readonly maxRank: number
}

/** 16 MiB is what one job may carry to a worker without stalling the process that sends it; the rest bounds the parser. */
export const TENSOR_LIMITS: TensorLimits = {
  maxBytes: 16 * 1024 * 1024,
  maxHeaderBytes: 64 * 1024,
  maxTensors: 256,
  maxRank: 8,
}

/** Characters of a tensor name. */
export const MAX_TENSOR_NAME = 128

const NAME_PATTERN = /^[\x21-\x7e]+$/
const RESERVED_NAMES: ReadonlySet<string> = new Set(['__metadata__', '__proto__'])

/** Printable ASCII without spaces: what graphs use, and one order everywhere. */
export const isTensorName = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TENSOR_NAME && NAME_PATTERN.test(value) && !RESERVED_NAMES.has(value)

export const TENSOR_ERROR_CODES = [
  'tensor-truncated',
  'tensor-limit-exceeded',
  'tensor-header-invalid',
  'tensor-not-canonical',
  'tensor-name-invalid',
  'tensor-dtype-unknown',
  'tensor-shape-invalid',
  'tensor-size-mismatch',
  'tensor-value-invalid',
  'tensor-missing',
  'tensor-unexpected',
  'tensor-dtype-mismatch',
  'tensor-shape-mismatch',
  'tensor-not-finite',
  'tensor-out-of-range',
  'tensor-batch-exceeded',
] as const
export type TensorErrorCode = (typeof TENSOR_ERROR_CODES)[number]

export interface TensorErrorDetail {
  readonly code: TensorErrorCode
  readonly tensor?: string
  readonly expected: string
  readonly got: string
}

export class TensorError extends CodedError<TensorErrorDetail> {}

export function tensorError(code: TensorErrorCode, expected: string, got: string, tensor?: string): TensorError {
  const where = tensor === undefined ? '' : `tensor ${JSON.stringify(tensor)}: `
  const detail = tensor === undefined ? { code, expected, got } : { code, tensor, expected, got }
  return new TensorError(detail, `${where}expected ${expected}, got ${got}`)
}

/** Elements of a shape; undefined when a dimension is not a whole number or the product leaves the exact range. */
export function elementCount(shape: readonly unknown[]): number | undefined {
  let count = 1
  for (const dim of shape) {
    if (typeof dim !== 'number' || !Number.isSafeInteger(dim) || dim < 0) return undefined
    count *= dim
    if (!Number.isSafeInteger(count)) return undefined
  }
  return count
}

/** UTF-16 code unit order, as RFC 8785 sorts members. */
const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0

const littleEndianHost = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse()
}

/** A tensor over a copy of its little-endian bytes, whose length must fit the shape. */
export function tensorFromBytes(dtype: Dtype, shape: readonly number[], bytes: Uint8Array): Tensor {
  const { size, create } = ARRAYS[dtype]
  const own = new Uint8Array(bytes.length)
  own.set(bytes)
  if (!littleEndianHost && size > 1) swapBytes(own, size)
  return { dtype, shape: [...shape], data: new create(own.buffer) } as Tensor
}

/** The little-endian bytes of a tensor's elements. */
export function tensorBytes(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data
  const view = new Uint8Array(buffer, byteOffset, byteLength)
  if (littleEndianHost || ARRAYS[tensor.dtype].size === 1) return view
  const own = view.slice()
  swapBytes(own, ARRAYS[tensor.dtype].size)
  return own
}

function assertTensor(name: string, tensor: Tensor): void {
  if (!isTensorName(name)) throw nameError(name)
  if (!isDtype(tensor.dtype)) {
    throw tensorError('tensor-dtype-unknown', DTYPES.join(', '), String((tensor as { dtype: unknown }).dtype), name)
  }
  const count = elementCount(tensor.shape)
  if (count === undefined) throw shapeError(tensor.shape, name)
  if (tensor.data.length !== count) {
    throw tensorError('tensor-size-mismatch', `${count} elements`, `${tensor.data.length}`, name)
  }
  if (tensor.dtype === 'BOOL') assertBooleans(tensor.data, name)
}

const nameError = (name: string): TensorError =>
  tensorError(
    'tensor-name-invalid',
    `1 to ${MAX_TENSOR_NAME} printable ASCII characters, no spaces, not reserved`,
    JSON.stringify(name.slice(0, MAX_TENSOR_NAME)),
  )

const shapeError = (shape: unknown, name: string): TensorError =>
  tensorError(
    'tensor-shape-invalid',
    'a list of whole dimensions',
    JSON.stringify(shape)?.slice(0, 200) ?? 'nothing',
    name,
  )

function assertBooleans(data: Uint8Array, name: string): void {
  const at = data.findIndex((byte) => byte > 1)
  if (at >= 0) throw tensorError('tensor-value-invalid', '0 or 1', `${data[at]} at element ${at}`, name)
}

/** The RFC 8785 header of sorted entries. Names are ASCII and numbers whole, so plain JSON of ordered members is that form. */
function headerText(entries: readonly (readonly [string, Tensor])[]): string {
  let start = 0
  const members = entries.map(([name, { dtype, shape, data }]) => {
    const end = start + data.byteLength
    const text = `${JSON.stringify(name)}:{"data_offsets":[${start},${end}],"dtype":"${dtype}","shape":[${shape.join(',')}]}`
    start = end
    return text
  })
  return `{${members.join(',')}}`
}

/**
 * Canonical bytes of named tensors: a safetensors file whose header is RFC 8785, without metadata or padding, tensors
 * sorted by name and contiguous. What `inputHash` hashes and answer chunks carry. Throws TensorError on malformed tensors.
 */
export function encodeTensors(tensors: Tensors): Uint8Array {
  const entries = Object.entries(tensors).sort(byName)
  for (const [name, tensor] of entries) assertTensor(name, tensor)
  const head = utf8(headerText(entries))
  const length = entries.reduce((sum, [, tensor]) => sum + tensor.data.byteLength, 0)
  const bytes = new Uint8Array(8 + head.length + length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true)
  bytes.set(head, 8)
  let at = 8 + head.length
  for (const [, tensor] of entries) {
    bytes.set(tensorBytes(tensor), at)
    at += tensor.data.byteLength
  }
  return bytes
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict: accepts exactly what `encodeTensors` writes, so one meaning has one byte string and one hash. */
export function decodeTensors(bytes: Uint8Array, limits: TensorLimits = TENSOR_LIMITS): Result<Tensors, TensorError> {
  if (bytes.length > limits.maxBytes) {
    return fail(tensorError('tensor-limit-exceeded', `at most ${limits.maxBytes} bytes`, `${bytes.length}`))
  }
  if (bytes.length < 10) return fail(tensorError('tensor-truncated', 'at least 10 bytes', `${bytes.length}`))
  const headLength = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true)
  if (headLength > BigInt(limits.maxHeaderBytes)) {
    return fail(
      tensorError('tensor-limit-exceeded', `a header of at most ${limits.maxHeaderBytes} bytes`, `${headLength}`),
    )
  }
  const dataStart = 8 + Number(headLength)
  if (dataStart > bytes.length) {
    return fail(tensorError('tensor-truncated', `a header of ${headLength} bytes`, `${bytes.length - 8}`))
  }
  let text: string
  let header: unknown
  try {
    text = decoder.decode(bytes.subarray(8, dataStart))
    header = JSON.parse(text)
  } catch (error) {
    return fail(tensorError('tensor-header-invalid', 'JSON in UTF-8', (error as Error).message))
  }
  if (!isObject(header)) return fail(tensorError('tensor-header-invalid', 'a JSON object', describe(header)))
  const entries = Object.entries(header).sort(byName)
  if (entries.length > limits.maxTensors) {
    return fail(tensorError('tensor-limit-exceeded', `at most ${limits.maxTensors} tensors`, `${entries.length}`))
  }
  const tensors: Record<string, Tensor> = {}
  let at = 0
  for (const [name, entry] of entries) {
    const tensor = decodeEntry(name, entry, bytes.subarray(dataStart), at, limits)
    if (!tensor.ok) return tensor
    tensors[name] = tensor.value
    at += tensor.value.data.byteLength
  }
  if (dataStart + at !== bytes.length) {
    return fail(tensorError('tensor-size-mismatch', `${at} bytes of data`, `${bytes.length - dataStart}`))
  }
  if (text !== headerText(Object.entries(tensors).sort(byName))) {
    return fail(tensorError('tensor-not-canonical', 'an RFC 8785 header', text.slice(0, 200)))
  }
  return ok(tensors)
}

function decodeEntry(
  name: string,
  entry: unknown,
  data: Uint8Array,
  start: number,
  limits: TensorLimits,
): Result<Tensor, TensorError> {
  if (!isTensorName(name)) return fail(nameError(name))
  if (!isObject(entry)) return fail(tensorError('tensor-header-invalid', 'an object', describe(entry), name))
  for (const member of Object.keys(entry)) {
    if (member !== 'dtype' && member !== 'shape' && member !== 'data_offsets') {
      return fail(tensorError('tensor-header-invalid', 'dtype, shape, data_offsets', JSON.stringify(member), name))
    }
  }
  const { dtype, shape, data_offsets: offsets } = entry
  if (!isDtype(dtype)) return fail(tensorError('tensor-dtype-unknown', DTYPES.join(', '), describe(dtype), name))
  if (!Array.isArray(shape) || shape.length > limits.maxRank) return fail(shapeError(shape, name))
  const count = elementCount(shape)
  if (count === undefined) return fail(shapeError(shape, name))
  const end = start + count * ARRAYS[dtype].size
  if (!Array.isArray(offsets) || offsets.length !== 2 || offsets[0] !== start || offsets[1] !== end) {
    return fail(tensorError('tensor-not-canonical', `data_offsets [${start},${end}]`, describe(offsets), name))
  }
  if (end > data.length) return fail(tensorError('tensor-truncated', `${end} bytes of data`, `${data.length}`, name))
  const tensor = tensorFromBytes(dtype, shape as number[], data.subarray(start, end))
  if (tensor.dtype === 'BOOL') {
    const wrong = tensor.data.findIndex((byte) => byte > 1)
    if (wrong >= 0) {
      return fail(tensorError('tensor-value-invalid', '0 or 1', `${tensor.data[wrong]} at element ${wrong}`, name))
    }
  }
  return ok(tensor)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const describe = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 200)

/**
 * `{name: {dtype, shape, data}}` for people. What JSON numbers cannot hold travels as strings: NaN, the infinities, -0
 * and 64-bit integers beyond 2^53.
 */
export function tensorsToJson(tensors: Tensors): { readonly [name: string]: Json } {
  const json: Record<string, Json> = {}
  for (const [name, tensor] of Object.entries(tensors).sort(byName)) {
    const data = Array.from(tensor.data as ArrayLike<number | bigint>, (element) =>
      elementToJson(element, tensor.dtype),
    )
    json[name] = { dtype: tensor.dtype, shape: tensor.shape, data }
  }
  return json
}

function elementToJson(element: number | bigint, dtype: Dtype): Json {
  if (dtype === 'BOOL') return element === 1
  const number = Number(element)
  if (typeof element === 'bigint' ? Number.isSafeInteger(number) : Number.isFinite(number) && !Object.is(number, -0)) {
    return number
  }
  return Object.is(element, -0) ? '-0' : String(element)
}

/**
 * Tensors from `{name: {dtype, shape, data}}` or `{name: nested arrays}`. Nested arrays take the element type named by
 * `dtypes`, else F32. F32 rounds to the nearest float; a number too large for its type is refused.
 */
export function tensorsFromJson(
  json: unknown,
  dtypes: { readonly [name: string]: Dtype } = {},
  limits: TensorLimits = TENSOR_LIMITS,
): Result<Tensors, TensorError> {
  if (!isObject(json)) {
    return fail(tensorError('tensor-header-invalid', 'an object of tensors by name', describe(json)))
  }
  const tensors: Record<string, Tensor> = {}
  for (const [name, value] of Object.entries(json)) {
    if (!isTensorName(name)) return fail(nameError(name))
    const form = isObject(value) ? flatForm(name, value) : nestedForm(name, value, dtypes[name] ?? 'F32', limits)
    if (!form.ok) return form
    const { dtype, shape, data } = form.value
    const count = elementCount(shape)
    if (count === undefined || shape.length > limits.maxRank) return fail(shapeError(shape, name))
    if (count !== data.length) {
      return fail(tensorError('tensor-size-mismatch', `${count} elements for shape [${shape}]`, `${data.length}`, name))
    }
    if (count * dtypeSize(dtype) > limits.maxBytes) {
      return fail(tensorError('tensor-limit-exceeded', `at most ${limits.maxBytes} bytes`, `${count} elements`, name))
    }
    const tensor = tensorFromNumbers(dtype, shape, data, name)
    if (!tensor.ok) return tensor
    tensors[name] = tensor.value
  }
  return ok(tensors)
}

interface Flat {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

function flatForm(name: string, value: Record<string, unknown>): Result<Flat, TensorError> {
  const { dtype, shape, data, ...rest } = value
  const unknown = Object.keys(rest)
  if (unknown.length > 0) {
    return fail(tensorError('tensor-header-invalid', 'dtype, shape, data', describe(unknown), name))
  }
  if (!isDtype(dtype)) return fail(tensorError('tensor-dtype-unknown', DTYPES.join(', '), describe(dtype), name))
  if (!Array.isArray(shape)) return fail(shapeError(shape, name))
  if (!Array.isArray(data))
    return fail(tensorError('tensor-header-invalid', 'data as a flat list', describe(data), name))
  return ok({ dtype, shape, data })
}

function nestedForm(name: string, value: unknown, dtype: Dtype, limits: TensorLimits): Result<Flat, TensorError> {
  const shape: number[] = []
  for (let level = value; Array.isArray(level); level = level[0]) {
    if (shape.length >= limits.maxRank) return fail(shapeError([...shape, level.length], name))
    shape.push(level.length)
  }
  const data: unknown[] = []
  const collect = (level: unknown, depth: number): TensorError | undefined => {
    const path = `level ${depth} of ${shape.length}`
    if (depth === shape.length) {
      if (Array.isArray(level)) return tensorError('tensor-shape-invalid', `numbers at ${path}`, 'a list', name)
      data.push(level)
      return undefined
    }
    if (!Array.isArray(level) || level.length !== shape[depth]) {
      const got = Array.isArray(level) ? `${level.length}` : describe(level)
      return tensorError('tensor-shape-invalid', `${shape[depth]} items at ${path}`, got, name)
    }
    for (const item of level) {
      const error = collect(item, depth + 1)
      if (error !== undefined) return error
    }
    return undefined
  }
  const error = collect(value, 0)
  return error === undefined ? ok({ dtype, shape, data }) : fail(error)
}

const INTEGER_RANGES = {
  I8: [-(2n ** 7n), 2n ** 7n - 1n],
  I16: [-(2n ** 15n), 2n ** 15n - 1n],
  I32: [-(2n ** 31n), 2n ** 31n - 1n],
  I64: [-(2n ** 63n), 2n ** 63n - 1n],
  U8: [0n, 255n],
} as const

const FLOAT_WORDS: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity', '-0'])

/** Checks and converts elements (numbers, decimal strings, booleans) to a tensor of `dtype`. */
export function tensorFromNumbers(
  dtype: Dtype,
  shape: readonly number[],
  elements: readonly unknown[],
  name: string,
): Result<Tensor, TensorError> {
  const data = new ARRAYS[dtype].create(new ArrayBuffer(elements.length * ARRAYS[dtype].size))
  for (const [at, element] of elements.entries()) {
    const value = toElement(dtype, element)
    if (value === undefined) {
      const got = typeof element === 'bigint' ? `${element}` : describe(element)
      return fail(tensorError('tensor-value-invalid', `${dtype}`, `${got} at element ${at}`, name))
    }
    ;(data as { [index: number]: number | bigint })[at] = value
  }
  return ok({ dtype, shape: [...shape], data } as Tensor)
}

function toElement(dtype: Dtype, element: unknown): number | bigint | undefined {
  if (dtype === 'BOOL')
    return element === true || element === 1 ? 1 : element === false || element === 0 ? 0 : undefined
  if (dtype === 'F32' || dtype === 'F64') {
    if (FLOAT_WORDS.has(element)) return Number(element)
    if (typeof element !== 'number' && typeof element !== 'bigint') return undefined
    const number = Number(element)
    if (Number.isFinite(number) && dtype === 'F32' && !Number.isFinite(Math.fround(number))) return undefined
    return number
  }
  const exact =
    typeof element === 'bigint' ||
    (typeof element === 'number' && Number.isSafeInteger(element)) ||
    (typeof element === 'string' && /^-?\d{1,19}$/.test(element))
  if (!exact) return undefined
  const integer = BigInt(element as bigint | number | string)
  const [least, most] = INTEGER_RANGES[dtype]
  if (integer < least || integer > most) return undefined
  return dtype === 'I64' ? integer : Number(integer)
}
