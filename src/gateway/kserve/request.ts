import { z } from 'zod'
import {
  dtypeSize,
  elementCount,
  fail,
  isTensorName,
  MAX_TENSOR_NAME,
  ok,
  type Result,
  TENSOR_LIMITS,
  type Tensor,
  type Tensors,
  tensorFromNumbers,
} from '../../protocol/index.ts'
import type { Problem } from '../http/problem.ts'
import { problem, problemOfInput } from '../problems.ts'
import { DTYPE_OF } from './datatypes.ts'

/** Characters of a request's own id, which comes back with the answer. */
const MAX_ID = 128

/** `binary_data` may be said to be off; nothing else is known beside a tensor. */
const tensorParameters = z.strictObject({ binary_data: z.literal(false).optional() }).optional()
const name = z.string().min(1).max(MAX_TENSOR_NAME)

const requestSchema = z.strictObject({
  id: z.string().min(1).max(MAX_ID).optional(),
  parameters: z.record(z.string().max(64), z.union([z.string().max(256), z.number(), z.boolean()])).optional(),
  inputs: z
    .array(
      z.strictObject({
        name,
        shape: z.array(z.int().min(0)).max(TENSOR_LIMITS.maxRank),
        datatype: z.string().max(16),
        parameters: tensorParameters,
        data: z.custom<readonly unknown[]>((value) => Array.isArray(value), 'expected a list'),
      }),
    )
    .min(1)
    .max(TENSOR_LIMITS.maxTensors),
  outputs: z
    .array(z.strictObject({ name, parameters: tensorParameters }))
    .max(TENSOR_LIMITS.maxTensors)
    .optional(),
})

/** An inference request of the Open Inference Protocol, parsed. */
export interface KserveRequest {
  readonly id: string | undefined
  readonly parameters: { readonly [name: string]: string | number | boolean }
  readonly tensors: Tensors
  /** Names to answer with; undefined for all. */
  readonly outputs: readonly string[] | undefined
}

/**
 * Strict: an unknown member, parameter or datatype is refused, and so are numbers that their type cannot hold. What JSON
 * numbers cannot hold comes as strings: 64-bit integers beyond 2^53, NaN, the infinities, -0.
 */
export function parseKserveRequest(json: unknown): Result<KserveRequest, Problem> {
  const parsed = requestSchema.safeParse(json)
  if (!parsed.success) return fail(invalid(parsed.error.issues[0]))
  const { id, parameters = {}, inputs, outputs } = parsed.data
  const tensors: Record<string, Tensor> = {}
  let bytes = 0
  for (const input of inputs) {
    if (Object.hasOwn(tensors, input.name)) {
      return fail(problem('request-invalid', 'each input once', `${input.name} twice`))
    }
    const tensor = parseTensor(input, TENSOR_LIMITS.maxBytes - bytes)
    if (!tensor.ok) return tensor
    tensors[input.name] = tensor.value
    bytes += tensor.value.data.byteLength
  }
  return ok({ id, parameters, tensors, outputs: outputs?.map((output) => output.name) })
}

interface InputTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly datatype: string
  readonly data: readonly unknown[]
}

function parseTensor(input: InputTensor, maxBytes: number): Result<Tensor, Problem> {
  const { name: called, shape, datatype, data } = input
  const dtype = DTYPE_OF.get(datatype)
  if (dtype === undefined) return fail(problem('tensor-invalid', [...DTYPE_OF.keys()].join(', '), datatype))
  if (!isTensorName(called)) return fail(problem('tensor-invalid', 'a printable name without spaces', called))
  const count = elementCount(shape)
  if (count === undefined || count * dtypeSize(dtype) > maxBytes) {
    return fail(problem('tensor-invalid', `at most ${maxBytes} bytes`, `shape [${shape}]`))
  }
  const flat = flatten(data, shape, count)
  if (flat === undefined) {
    return fail(problem('tensor-invalid', `${count} elements for shape [${shape}], flat or nested`, called))
  }
  const tensor = tensorFromNumbers(dtype, shape, flat, called)
  return tensor.ok ? tensor : fail(problemOfInput(tensor.error))
}

/** The elements row by row, from a flat list or one nested as the shape says; undefined where they do not fit it. */
function flatten(data: readonly unknown[], shape: readonly number[], count: number): readonly unknown[] | undefined {
  if (data.length === count && !data.some(Array.isArray)) return data
  const flat: unknown[] = []
  const collect = (level: unknown, axis: number): boolean => {
    if (axis === shape.length) {
      flat.push(level)
      return !Array.isArray(level)
    }
    return Array.isArray(level) && level.length === shape[axis] && level.every((item) => collect(item, axis + 1))
  }
  return collect(data, 0) && flat.length === count ? flat : undefined
}

function invalid(issue: z.core.$ZodIssue | undefined): Problem {
  const at = issue?.path.map(String).join('.') || 'the body'
  const isUnknown = issue?.code === 'unrecognized_keys'
  if (isUnknown) return problem('request-invalid', `no other member in ${at}`, issue.keys.join(', '))
  return problem('request-invalid', `${at} as the Open Inference Protocol has it`, issue?.message ?? 'something else')
}
