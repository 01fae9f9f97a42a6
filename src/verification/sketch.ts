import {
  type Address,
  type Digest,
  decodeTensors,
  H,
  hexToBytes,
  keccak,
  type Manifest,
  sketchPositions,
  type Tensor,
} from '../protocol/index.ts'
import { SKETCH_POSITIONS } from './constants.ts'
import { withinTolerance } from './tolerance.ts'

const FLOAT_BYTES = 4

/** The float elements of a trace, tensors by name, as float32; undefined for bytes that are no tensors. */
function traceValues(trace: Uint8Array): Float32Array | undefined {
  const tensors = decodeTensors(trace)
  if (!tensors.ok) return undefined
  const parts = Object.entries(tensors.value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, tensor]) => tensor)
    .filter(
      (tensor): tensor is Extract<Tensor, { dtype: 'F32' | 'F64' }> => tensor.dtype === 'F32' || tensor.dtype === 'F64',
    )
  const values = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0))
  let at = 0
  for (const { data } of parts) {
    values.set(data, at)
    at += data.length
  }
  return values
}

/**
 * A seat's sketch of a trace (R17): little-endian float32 values at the positions `seed` draws. No bytes when the trace has no
 * floats: the model then offers no proof of work beyond the light digest.
 */
export function sketchOf(trace: Uint8Array, seed: Digest): Uint8Array {
  const values = traceValues(trace)
  if (values === undefined || values.length === 0) return new Uint8Array(0)
  const positions = sketchPositions(seed, SKETCH_POSITIONS, values.length)
  const bytes = new Uint8Array(positions.length * FLOAT_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [at, position] of positions.entries()) view.setFloat32(at * FLOAT_BYTES, values[position] as number, true)
  return bytes
}

/** Whether a claimed sketch agrees with our own at the same positions, within the model's tolerance (R16, R17). */
export function compareSketches(claimed: Uint8Array, own: Uint8Array, tolerance: Manifest['tolerance']): boolean {
  if (claimed.length !== own.length) return false
  const left = new DataView(claimed.buffer, claimed.byteOffset, claimed.byteLength)
  const right = new DataView(own.buffer, own.byteOffset, own.byteLength)
  for (let at = 0; at < own.length; at += FLOAT_BYTES) {
    if (!withinTolerance(left.getFloat32(at, true), right.getFloat32(at, true), tolerance)) return false
  }
  return true
}

/** Proof of the light checks (R17): a digest of all record bytes keyed by the verifier, which nobody can copy. */
export function lightDigestOf(verifier: Address, pieces: readonly Uint8Array[]): Digest {
  const key = hexToBytes(verifier)
  const bytes = new Uint8Array(key.length + pieces.reduce((sum, piece) => sum + FLOAT_BYTES + piece.length, 0))
  const view = new DataView(bytes.buffer)
  bytes.set(key, 0)
  let at = key.length
  for (const piece of pieces) {
    view.setUint32(at, piece.length)
    bytes.set(piece, at + FLOAT_BYTES)
    at += FLOAT_BYTES + piece.length
  }
  return H('OPG/light/1', keccak(bytes))
}
