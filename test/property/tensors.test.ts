import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeNpy, encodeNpy } from '../../src/inference/index.ts'
import {
  DTYPES,
  type Dtype,
  decodeTensors,
  dtypeSize,
  encodeTensors,
  type Tensor,
  type Tensors,
  tensorFromBytes,
  tensorsFromJson,
  tensorsToJson,
} from '../../src/protocol/index.ts'

const name = fc.oneof(
  fc.constantFrom('10', '9', 'a', 'B', '/layer.0/MatMul', '"', '\\', '0', '~'),
  fc.stringMatching(/^[\x21-\x7e]{1,16}$/).filter((text) => text !== '__proto__' && text !== '__metadata__'),
)

const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom<Dtype>(...DTYPES), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const bytes = shape.reduce((a, b) => a * b, 1) * dtypeSize(dtype)
    const content = fc.uint8Array({ minLength: bytes, maxLength: bytes, ...(dtype === 'BOOL' ? { max: 1 } : {}) })
    return content.map((data) => tensorFromBytes(dtype, shape, data))
  })

const tensors: fc.Arbitrary<Tensors> = fc.dictionary(name, tensor, { maxKeys: 5, noNullPrototype: true })

describe('canonical tensors', () => {
  it('R3 decode to what was encoded, bit for bit', () => {
    fc.assert(
      fc.property(tensors, (value) => {
        const bytes = encodeTensors(value)
        const decoded = decodeTensors(bytes)
        if (!decoded.ok) throw decoded.error
        expect(encodeTensors(decoded.value)).toEqual(bytes)
        expect(Object.keys(decoded.value).sort()).toEqual(Object.keys(value).sort())
      }),
    )
  })

  it('R3 have the same bytes whatever the order of insertion', () => {
    fc.assert(
      fc.property(tensors, (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(encodeTensors(reversed)).toEqual(encodeTensors(value))
      }),
    )
  })

  it('R3 any accepted bytes are the only bytes of their meaning', () => {
    fc.assert(
      fc.property(tensors, fc.nat(), fc.nat({ max: 255 }), (value, place, byte) => {
        const bytes = encodeTensors(value)
        bytes[place % bytes.length] = byte
        const decoded = decodeTensors(bytes)
        if (decoded.ok) expect(encodeTensors(decoded.value)).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
  })

  it('any bytes are answered, never thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof decodeTensors(bytes).ok === 'boolean'))
  })

  it('survive JSON, but for the payload of NaN', () => {
    const plain = (bytes: Uint8Array): boolean => {
      const decoded = decodeTensors(bytes)
      return (
        decoded.ok && Object.values(decoded.value).every(({ data }) => !Array.from<unknown>(data).some(Number.isNaN))
      )
    }
    fc.assert(
      fc.property(tensors, (value) => {
        fc.pre(plain(encodeTensors(value)))
        const back = tensorsFromJson(JSON.parse(JSON.stringify(tensorsToJson(value))))
        if (!back.ok) throw back.error
        expect(encodeTensors(back.value)).toEqual(encodeTensors(value))
      }),
    )
  })
})

describe('.npy', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(tensor, (value) => {
        const decoded = decodeNpy(encodeNpy(value))
        if (!decoded.ok) throw decoded.error
        expect(encodeTensors({ x: decoded.value })).toEqual(encodeTensors({ x: value }))
      }),
    )
  })

  it('starts its data on 64 bytes, as the format asks', () => {
    fc.assert(
      fc.property(tensor, (value) => {
        const bytes = encodeNpy(value)
        expect((bytes.length - value.data.byteLength) % 64).toBe(0)
      }),
    )
  })

  it('reads big-endian and Fortran order as the same array', () => {
    fc.assert(
      fc.property(tensor, fc.boolean(), fc.boolean(), (value, big, fortran) => {
        const size = dtypeSize(value.dtype)
        const elements = Array.from({ length: value.data.length }, (_, at) =>
          new Uint8Array(value.data.buffer).slice(at * size, (at + 1) * size),
        )
        const order = elements.map((_, at) => at)
        if (fortran) order.sort((a, b) => columnMajor(a, value.shape) - columnMajor(b, value.shape))
        const data = order.flatMap((at) => Array.from(big ? (elements[at] ?? []).toReversed() : (elements[at] ?? [])))
        const text = new TextDecoder('latin1').decode(encodeNpy(value))
        const header = text.slice(10, text.length - value.data.byteLength)
        const changed = header.replace("'<", big ? "'>" : "'<").replace('False', fortran ? 'True ' : 'False')
        const decoded = decodeNpy(
          Uint8Array.from([...encodeNpy(value).subarray(0, 10), ...Buffer.from(changed, 'latin1'), ...data]),
        )
        if (!decoded.ok) throw decoded.error
        expect(encodeTensors({ x: decoded.value })).toEqual(encodeTensors({ x: value }))
      }),
    )
  })

  it('answers any bytes, never throws', () => {
    fc.assert(
      fc.property(tensor, fc.nat(), fc.nat({ max: 255 }), (value, place, byte) => {
        const bytes = encodeNpy(value)
        bytes[place % bytes.length] = byte
        expect(typeof decodeNpy(bytes).ok).toBe('boolean')
      }),
      { numRuns: 500 },
    )
  })
})

/** Place in column-major order of the element at a row-major place. */
function columnMajor(place: number, shape: readonly number[]): number {
  let rest = place
  let index = 0
  let stride = shape.reduce((a, b) => a * b, 1)
  for (const dim of shape.toReversed()) {
    stride /= dim
    index += (rest % dim) * stride
    rest = Math.floor(rest / dim)
  }
  return index
}
