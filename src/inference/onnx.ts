import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type Dtype, dtypeSize, elementCount, type Tensor, tensorBytes } from '../protocol/index.ts'

/** ONNX writer and the little reading the engine needs. Field numbers are those of onnx.proto (IR 8). */

export const ONNX_IR = 8
export const ONNX_OPSET = 17

const ELEMENT_TYPES: { readonly [D in Dtype]: number } = {
  F32: 1,
  U8: 2,
  I8: 3,
  I16: 5,
  I32: 6,
  I64: 7,
  BOOL: 9,
  F64: 11,
}

export interface OnnxValue {
  readonly name: string
  readonly dtype: Dtype
  /** A name is a symbolic dimension. */
  readonly shape: readonly (number | string)[]
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly graph: OnnxGraph }

export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: { readonly [name: string]: OnnxAttribute }
}

export interface OnnxGraph {
  readonly name: string
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly nodes: readonly OnnxNode[]
  /** Constants by name. */
  readonly initializers: { readonly [name: string]: Tensor }
}

/** Bytes of a ModelProto, the same for the same graph. */
export function encodeOnnxModel(graph: OnnxGraph): Uint8Array {
  const opset = new BinaryWriter()
  opset.tag(2, WireType.Varint).int64(ONNX_OPSET)
  const model = new BinaryWriter()
  model.tag(1, WireType.Varint).int64(ONNX_IR)
  model.tag(7, WireType.LengthDelimited).bytes(encodeGraph(graph))
  model.tag(8, WireType.LengthDelimited).bytes(opset.finish())
  return model.finish()
}

function encodeGraph(graph: OnnxGraph): Uint8Array {
  const writer = new BinaryWriter()
  for (const [index, node] of graph.nodes.entries()) {
    writer.tag(1, WireType.LengthDelimited).bytes(encodeNode(node, `${node.op}_${index}`))
  }
  writer.tag(2, WireType.LengthDelimited).string(graph.name)
  for (const [name, tensor] of Object.entries(graph.initializers)) {
    writer.tag(5, WireType.LengthDelimited).bytes(encodeTensor(name, tensor))
  }
  for (const value of graph.inputs) writer.tag(11, WireType.LengthDelimited).bytes(encodeValue(value))
  for (const value of graph.outputs) writer.tag(12, WireType.LengthDelimited).bytes(encodeValue(value))
  return writer.finish()
}

function encodeNode(node: OnnxNode, name: string): Uint8Array {
  const writer = new BinaryWriter()
  for (const input of node.inputs) writer.tag(1, WireType.LengthDelimited).string(input)
  for (const output of node.outputs) writer.tag(2, WireType.LengthDelimited).string(output)
  writer.tag(3, WireType.LengthDelimited).string(name)
  writer.tag(4, WireType.LengthDelimited).string(node.op)
  for (const [attribute, value] of Object.entries(node.attributes ?? {})) {
    writer.tag(5, WireType.LengthDelimited).bytes(encodeAttribute(attribute, value))
  }
  return writer.finish()
}

function encodeAttribute(name: string, value: OnnxAttribute): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name)
  const type = (code: number) => writer.tag(20, WireType.Varint).int32(code)
  if ('float' in value) {
    writer.tag(2, WireType.Bit32).float(value.float)
    type(1)
  } else if ('int' in value) {
    writer.tag(3, WireType.Varint).int64(value.int)
    type(2)
  } else if ('graph' in value) {
    writer.tag(6, WireType.LengthDelimited).bytes(encodeGraph(value.graph))
    type(5)
  } else {
    for (const item of value.ints) writer.tag(8, WireType.Varint).int64(item)
    type(7)
  }
  return writer.finish()
}

function encodeTensor(name: string, tensor: Tensor): Uint8Array {
  const writer = new BinaryWriter()
  for (const dim of tensor.shape) writer.tag(1, WireType.Varint).int64(dim)
  writer.tag(2, WireType.Varint).int32(ELEMENT_TYPES[tensor.dtype])
  writer.tag(8, WireType.LengthDelimited).string(name)
  writer.tag(9, WireType.LengthDelimited).bytes(tensorBytes(tensor))
  return writer.finish()
}

function encodeValue(value: OnnxValue): Uint8Array {
  const shape = new BinaryWriter()
  for (const dim of value.shape) {
    const dimension = new BinaryWriter()
    if (typeof dim === 'number') dimension.tag(1, WireType.Varint).int64(dim)
    else dimension.tag(2, WireType.LengthDelimited).string(dim)
    shape.tag(1, WireType.LengthDelimited).bytes(dimension.finish())
  }
  const tensor = new BinaryWriter().tag(1, WireType.Varint).int32(ELEMENT_TYPES[value.dtype])
  tensor.tag(2, WireType.LengthDelimited).bytes(shape.finish())
  const type = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(tensor.finish())
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(value.name)
  writer.tag(2, WireType.LengthDelimited).bytes(type.finish())
  return writer.finish()
}

/**
 * Multiply-accumulates of one row of the batch: the size of the constant operand of every MatMul over `[batch, n]`
 * (economy.md, "The fee of a job"). Throws RangeError on a product it cannot count, rather than leave it out.
 */
export function countMultiplyAccumulates(graph: OnnxGraph): bigint {
  let total = 0n
  for (const node of graph.nodes) {
    if (['Gemm', 'Conv', 'Einsum', 'Loop', 'If', 'Scan'].includes(node.op))
      throw new RangeError(`cannot count ${node.op}`)
    if (node.op !== 'MatMul') continue
    const weights = graph.initializers[node.inputs[1] ?? '']
    if (weights?.shape.length !== 2) throw new RangeError(`MatMul ${node.outputs[0]}: expected constant [n, m] weights`)
    total += BigInt(elementCount(weights.shape) ?? 0)
  }
  return total
}

/** Bytes of all constants. */
export const constantBytes = (graph: OnnxGraph): number =>
  Object.values(graph.initializers).reduce((sum, { dtype, data }) => sum + data.length * dtypeSize(dtype), 0)

/**
 * The same model with inner tensors as further graph outputs (R17). Protobuf merges a repeated singular message, so
 * appending a GraphProto that holds only outputs extends the graph without rewriting it.
 */
export function exposeTensors(model: Uint8Array, names: readonly string[]): Uint8Array {
  if (names.length === 0) return model
  const graph = new BinaryWriter()
  for (const name of names) {
    const value = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish()
    graph.tag(12, WireType.LengthDelimited).bytes(value)
  }
  const addition = new BinaryWriter().tag(7, WireType.LengthDelimited).bytes(graph.finish()).finish()
  const extended = new Uint8Array(model.length + addition.length)
  extended.set(model)
  extended.set(addition, model.length)
  return extended
}

export interface OnnxVersions {
  readonly ir: number
  /** Of the default operator domain. */
  readonly opset: number
}

/** Format and operator set version of a ModelProto. Throws on bytes that are no protobuf. */
export function readOnnxVersions(model: Uint8Array): OnnxVersions {
  const reader = new BinaryReader(model)
  let ir = 0
  let opset = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1 && type === WireType.Varint) ir = Number(reader.int64())
    else if (field === 8 && type === WireType.LengthDelimited) opset = readOpset(reader.bytes()) ?? opset
    else reader.skip(type, field)
  }
  return { ir, opset }
}

function readOpset(bytes: Uint8Array): number | undefined {
  const reader = new BinaryReader(bytes)
  let domain = ''
  let version = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1 && type === WireType.LengthDelimited) domain = reader.string()
    else if (field === 2 && type === WireType.Varint) version = Number(reader.int64())
    else reader.skip(type, field)
  }
  return domain === '' || domain === 'ai.onnx' ? version : undefined
}
