import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DATATYPES } from '../../src/gateway/kserve/datatypes.ts'
import { parseKserveRequest } from '../../src/gateway/kserve/request.ts'
import { kserveResponse } from '../../src/gateway/kserve/response.ts'
import {
  DTYPES,
  type Dtype,
  encodeTensors,
  type Tensors,
  tensorFromBytes,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { dtypeSize } from '../../src/protocol/tensors.ts'

const tensor = fc
  .record({ dtype: fc.constantFrom<Dtype>(...DTYPES), shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }) })
  .chain(({ dtype, shape }) => {
    const bytes = shape.reduce((count, size) => count * size, 1) * dtypeSize(dtype)
    const byte = dtype === 'BOOL' ? fc.nat({ max: 1 }) : fc.nat({ max: 255 })
    return fc
      .array(byte, { minLength: bytes, maxLength: bytes })
      .map((content) => tensorFromBytes(dtype, shape, Uint8Array.from(content)))
  })

const names = fc.constantFrom('a', 'input_ids', 'x.1', 'toString', 'constructor')
const tensors: fc.Arbitrary<Tensors> = fc.dictionary(names, tensor, { minKeys: 1, maxKeys: 4, noNullPrototype: true })

/** NaN has many bit patterns and one name in JSON. */
const canonical = (all: Tensors): string =>
  JSON.stringify(
    Object.entries(all)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, { dtype, shape, data }]) => [
        name,
        dtype,
        shape,
        Array.from(data as ArrayLike<number | bigint>, (element) => (Object.is(element, -0) ? '-0' : String(element))),
      ]),
  )

describe('tensors in the JSON of the Open Inference Protocol', () => {
  it('come back as they went, whatever their type, shape and values', () => {
    fc.assert(
      fc.property(tensors, (sent) => {
        const meta = { model: ZERO_DIGEST, name: 'm', id: undefined, parameters: {}, outputs: undefined }
        const { outputs } = JSON.parse(JSON.stringify(kserveResponse(sent, meta))) as { readonly outputs: unknown }
        const read = parseKserveRequest({ inputs: outputs })
        expect(read.ok && canonical(read.value.tensors)).toBe(canonical(sent))
      }),
    )
  })

  it('are refused or read whole: no JSON makes the parser throw', () => {
    const input = fc.record(
      {
        name: fc.oneof(names, fc.string()),
        datatype: fc.oneof(fc.constantFrom(...Object.values(DATATYPES)), fc.string()),
        shape: fc.oneof(fc.array(fc.nat({ max: 3 })), fc.anything()),
        data: fc.oneof(fc.array(fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean())), fc.anything()),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.record({ inputs: fc.oneof(fc.array(input), fc.anything()) }), (body) => {
        const read = parseKserveRequest(body)
        if (read.ok) expect(encodeTensors(read.value.tensors).length).toBeGreaterThan(0)
        else expect(read.error.status).toBe(400)
      }),
    )
  })
})
