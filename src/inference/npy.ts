import {
  type Dtype,
  dtypeSize,
  elementCount,
  fail,
  ok,
  type Result,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
} from '../protocol/index.ts'
import { MAX_NPY_HEADER_BYTES } from './constants.ts'
import { type InputError, inputError } from './inputErrors.ts'

/** The .npy format, versions 1 to 3 (NumPy Enhancement Proposal 1 and numpy.lib.format). */

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)
const ALIGNMENT = 64

const DTYPE_OF: { readonly [kind: string]: Dtype } = {
  f4: 'F32',
  f8: 'F64',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  b1: 'BOOL',
}
const KIND_OF = new Map(Object.entries(DTYPE_OF).map(([kind, dtype]) => [dtype, kind]))

/** C order, little-endian, version 1. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const order = dtypeSize(tensor.dtype) === 1 ? '|' : '<'
  const shape = tensor.shape.length === 1 ? `${tensor.shape[0]},` : tensor.shape.join(', ')
  const dictionary = `{'descr': '${order}${KIND_OF.get(tensor.dtype)}', 'fortran_order': False, 'shape': (${shape}), }`
  const unpadded = MAGIC.length + 4 + dictionary.length + 1
  const header = `${dictionary}${' '.repeat((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT)}\n`
  const data = tensorBytes(tensor)
  const bytes = new Uint8Array(MAGIC.length + 4 + header.length + data.length)
  bytes.set(MAGIC)
  bytes.set([1, 0, header.length & 255, header.length >> 8], MAGIC.length)
  bytes.set(new TextEncoder().encode(header), MAGIC.length + 4)
  bytes.set(data, bytes.length - data.length)
  return bytes
}

/** Big-endian and Fortran-ordered arrays are turned to ours; structured, string and object arrays are refused. */
export function decodeNpy(bytes: Uint8Array): Result<Tensor, InputError> {
  if (bytes.length < 10 || !MAGIC.every((byte, at) => bytes[at] === byte)) {
    return fail(inputError('npy-invalid', 'a file that begins with \\x93NUMPY', `${bytes.length} other bytes`))
  }
  const version = bytes[6] ?? 0
  if (version < 1 || version > 3) return fail(inputError('npy-invalid', 'format version 1, 2 or 3', `${version}`))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerStart = version === 1 ? 10 : 12
  if (bytes.length < headerStart) return fail(inputError('npy-invalid', 'a header length', 'the end of the file'))
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (headerLength > MAX_NPY_HEADER_BYTES) {
    return fail(inputError('npy-invalid', `a header of at most ${MAX_NPY_HEADER_BYTES} bytes`, `${headerLength}`))
  }
  const dataStart = headerStart + headerLength
  if (dataStart > bytes.length) {
    return fail(inputError('npy-invalid', `a header of ${headerLength} bytes`, `${bytes.length - headerStart}`))
  }
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(headerStart, dataStart))
  const header = parseHeader(text)
  if (!header.ok) return header
  const { order, dtype, fortran, shape } = header.value
  const count = elementCount(shape)
  if (count === undefined) return fail(inputError('npy-invalid', 'a shape of whole numbers', `(${shape})`))
  const size = dtypeSize(dtype)
  const data = bytes.slice(dataStart)
  if (data.length !== count * size) {
    return fail(inputError('npy-invalid', `${count * size} bytes for shape (${shape})`, `${data.length}`))
  }
  if (dtype === 'BOOL' && data.some((byte) => byte > 1))
    return fail(inputError('npy-invalid', 'booleans of 0 or 1', 'other bytes'))
  const own = new Uint8Array(data)
  if (order === '>') for (let at = 0; at < own.length; at += size) own.subarray(at, at + size).reverse()
  return ok(tensorFromBytes(dtype, shape, fortran ? toRowMajor(own, shape, size) : own))
}

interface Header {
  readonly order: string
  readonly dtype: Dtype
  readonly fortran: boolean
  readonly shape: readonly number[]
}

const ENTRY = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d\s,L]*\)|\[[^\]]*\])\s*(,|(?=\}))/y

/** A Python dictionary literal of exactly the three members, in any order. */
function parseHeader(text: string): Result<Header, InputError> {
  const members = new Map<string, string>()
  const trimmed = text.trim()
  const invalid = (expected: string) => fail(inputError('npy-invalid', expected, trimmed.slice(0, 200)))
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) return invalid('a dictionary as header')
  ENTRY.lastIndex = 1
  for (let at = 1; ; at = ENTRY.lastIndex) {
    ENTRY.lastIndex = at
    const entry = ENTRY.exec(trimmed)
    if (entry === null) {
      if (trimmed.slice(at).trim() === '}') break
      return invalid('descr, fortran_order and shape')
    }
    const [, name = '', value = ''] = entry
    if (members.has(name)) return invalid(`one ${name}`)
    members.set(name, value)
  }
  const [descr, order, shape] = [members.get('descr'), members.get('fortran_order'), members.get('shape')]
  if (descr === undefined || order === undefined || shape === undefined || members.size !== 3) {
    return invalid('descr, fortran_order and shape')
  }
  const type = /^'([<>|=])([a-zA-Z]\d+)'$/.exec(descr)
  const dtype = type === null || type[1] === '=' ? undefined : DTYPE_OF[type[2] ?? '']
  if (type === null || dtype === undefined) {
    const known = Object.keys(DTYPE_OF).join(', ')
    return fail(inputError('npy-dtype-unsupported', `one of ${known}, with < > or |`, descr))
  }
  if (order !== 'True' && order !== 'False') return invalid('fortran_order True or False')
  const tuple = /^\(\s*(?:(\d+L?\s*(?:,\s*\d+L?\s*)*),?\s*)?\)$/.exec(shape)
  if (tuple === null) return invalid('shape as a tuple of whole numbers')
  const dims = (tuple[1] ?? '').split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number.parseInt(dim, 10)]))
  return ok({ order: type[1] ?? '|', dtype, fortran: order === 'True', shape: dims })
}

function toRowMajor(bytes: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  const result = new Uint8Array(bytes.length)
  const index = shape.map(() => 0)
  for (let target = 0; target < bytes.length; target += size) {
    let source = 0
    let stride = size
    for (const [axis, dim] of shape.entries()) {
      source += (index[axis] ?? 0) * stride
      stride *= dim
    }
    result.set(bytes.subarray(source, source + size), target)
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] ?? 0) + 1
      index[axis] = next === shape[axis] ? 0 : next
      if (next !== shape[axis]) break
    }
  }
  return result
}
