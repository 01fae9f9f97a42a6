import type { Manifest, Tensor, Tensors } from '../protocol/index.ts'

type Tolerance = Manifest['tolerance']

/** `|a - b| <= atol + rtol * |b|` (R16), `b` being the verifier's own value; infinities agree when equal, NaN with NaN. */
export function withinTolerance(a: number, b: number, { atol, rtol }: Tolerance): boolean {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Object.is(a, b)
  return Math.abs(a - b) <= atol + rtol * Math.abs(b)
}

/** `near-tie`: all values agree within tolerance, yet another one is greatest: a grey zone in which nobody is blamed. */
export type Agreement = 'agree' | 'differ' | 'near-tie'

/** Compares outputs of two runtime classes (R16): shapes and integers exactly, floats by tolerance and argmax of the last axis. */
export function compareTensors(claimed: Tensors, own: Tensors, tolerance: Tolerance): Agreement {
  const names = Object.keys(own)
  if (Object.keys(claimed).length !== names.length) return 'differ'
  let nearTie = false
  for (const name of names) {
    const left = Object.hasOwn(claimed, name) ? claimed[name] : undefined
    const agreement = left === undefined ? 'differ' : compareTensor(left, own[name] as Tensor, tolerance)
    if (agreement === 'differ') return 'differ'
    nearTie ||= agreement === 'near-tie'
  }
  return nearTie ? 'near-tie' : 'agree'
}

function compareTensor(claimed: Tensor, own: Tensor, tolerance: Tolerance): Agreement {
  if (claimed.dtype !== own.dtype || claimed.shape.join() !== own.shape.join()) return 'differ'
  if (own.dtype !== 'F32' && own.dtype !== 'F64') {
    return own.data.every((value, at) => value === claimed.data[at]) ? 'agree' : 'differ'
  }
  const values = claimed.data as Float32Array | Float64Array
  for (let at = 0; at < own.data.length; at += 1) {
    if (!withinTolerance(values[at] as number, own.data[at] as number, tolerance)) return 'differ'
  }
  const row = own.shape.at(-1) ?? 1
  for (let from = 0; row > 1 && from < own.data.length; from += row) {
    if (argmax(values, from, row) !== argmax(own.data, from, row)) return 'near-tie'
  }
  return 'agree'
}

function argmax(values: Float32Array | Float64Array, from: number, length: number): number {
  let best = from
  for (let at = from + 1; at < from + length; at += 1) if ((values[at] as number) > (values[best] as number)) best = at
  return best
}
