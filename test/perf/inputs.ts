import { encodeTensors } from '../../src/protocol/index.ts'

/** One picture for the classifier, as canonical tensors. */
export const picture = (): Uint8Array =>
  encodeTensors({ image: { dtype: 'F32', shape: [1, 8, 8], data: new Float32Array(64).fill(0.5) } })
