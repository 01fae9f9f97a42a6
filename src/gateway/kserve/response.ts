import {
  type Digest,
  type Json,
  type Manifest,
  type TensorSpec,
  type Tensors,
  tensorsToJson,
} from '../../protocol/index.ts'
import { DATATYPES } from './datatypes.ts'

export interface ResponseMeta {
  readonly model: Digest
  readonly name: string
  readonly id: string | undefined
  readonly parameters: { readonly [name: string]: string | number | boolean }
  /** Names to answer with; undefined for all. */
  readonly outputs: readonly string[] | undefined
}

/** An inference response of the Open Inference Protocol; the version of a model is its id. */
export function kserveResponse(tensors: Tensors, meta: ResponseMeta): { readonly [member: string]: Json | undefined } {
  const json = tensorsToJson(tensors)
  const names = meta.outputs ?? Object.keys(json)
  return {
    model_name: meta.name,
    model_version: meta.model,
    ...(meta.id === undefined ? {} : { id: meta.id }),
    parameters: meta.parameters,
    outputs: names.map((name) => {
      const { shape, data } = json[name] as { readonly shape: Json; readonly data: Json }
      const dtype = tensors[name]?.dtype
      if (dtype === undefined) throw new RangeError(`an answer without ${name}`)
      return { name, shape, datatype: DATATYPES[dtype], data }
    }),
  }
}

export const serverMetadata = (version: string): { readonly [member: string]: Json } => ({
  name: 'opg-gateway',
  version,
  extensions: ['x402'],
})

export const modelMetadata = (id: Digest, manifest: Manifest): { readonly [member: string]: Json } => ({
  name: manifest.name,
  versions: [id],
  platform: 'onnx',
  inputs: manifest.inputs.map(tensorMetadata),
  outputs: manifest.outputs.map(tensorMetadata),
})

/** A named dimension is variable, which the protocol writes as -1. */
const tensorMetadata = ({ name, dtype, shape }: TensorSpec): Json => ({
  name,
  datatype: DATATYPES[dtype],
  shape: shape.map((size) => (typeof size === 'number' ? size : -1)),
})
