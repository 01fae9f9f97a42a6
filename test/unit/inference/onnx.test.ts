import { describe, expect, it } from 'vitest'
import { float32 } from '../../../devnet/models/model.ts'
import {
  constantBytes,
  countMultiplyAccumulates,
  encodeOnnxModel,
  exposeTensors,
  ONNX_IR,
  ONNX_OPSET,
  readOnnxVersions,
} from '../../../src/inference/index.ts'
import { tinyGraph } from './fixtures.ts'

describe('an ONNX file', () => {
  it('has the same bytes for the same graph and states its versions', () => {
    const bytes = encodeOnnxModel(tinyGraph)
    expect(encodeOnnxModel(structuredClone(tinyGraph))).toEqual(bytes)
    expect(readOnnxVersions(bytes)).toEqual({ ir: ONNX_IR, opset: ONNX_OPSET })
    expect(() => readOnnxVersions(Uint8Array.of(0xff, 0xff, 0xff))).toThrow()
  })

  it('keeps its own bytes as prefix when tensors are exposed', () => {
    const bytes = encodeOnnxModel(tinyGraph)
    expect(exposeTensors(bytes, [])).toBe(bytes)
    const extended = exposeTensors(bytes, ['hidden'])
    expect(extended.subarray(0, bytes.length)).toEqual(bytes)
    expect(readOnnxVersions(extended)).toEqual(readOnnxVersions(bytes))
  })

  it('counts multiply-accumulates of constant products and refuses to guess others', () => {
    expect(countMultiplyAccumulates(tinyGraph)).toBe(8n)
    expect(constantBytes(tinyGraph)).toBe(32)
    const product = { op: 'MatMul', inputs: ['x', 'x'], outputs: ['y'] }
    expect(() => countMultiplyAccumulates({ ...tinyGraph, nodes: [product] })).toThrow(RangeError)
    const loop = { op: 'Loop', inputs: [], outputs: [] }
    expect(() => countMultiplyAccumulates({ ...tinyGraph, nodes: [loop] })).toThrow(RangeError)
    const cube = { ...tinyGraph.initializers, w: float32([1, 3, 2], [1, 2, 3, 4, 5, 6]) }
    expect(() => countMultiplyAccumulates({ ...tinyGraph, initializers: cube })).toThrow(RangeError)
  })
})
