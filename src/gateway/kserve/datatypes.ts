import type { Dtype } from '../../protocol/index.ts'

/** Datatypes of the Open Inference Protocol that our tensors have; its others are refused. */
export const DATATYPES: { readonly [D in Dtype]: string } = {
  F32: 'FP32',
  F64: 'FP64',
  I8: 'INT8',
  I16: 'INT16',
  I32: 'INT32',
  I64: 'INT64',
  U8: 'UINT8',
  BOOL: 'BOOL',
}

export const DTYPE_OF: ReadonlyMap<string, Dtype> = new Map(
  Object.entries(DATATYPES).map(([dtype, datatype]) => [datatype, dtype as Dtype]),
)
