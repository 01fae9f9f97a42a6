import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { structProblem } from '../../src/protocol/index.ts'
import { decode, encode } from '../../src/wire/index.ts'
import { SCHEMAS } from '../../src/wire/schema.ts'
import { arbitraryMessage, WIRE_TYPES } from '../arbitraries/wire.ts'

const STRUCTS = WIRE_TYPES.filter((type) => SCHEMAS[type].struct !== undefined)

describe('wire messages', () => {
  it.each(WIRE_TYPES)('%s comes back as it went', (type) => {
    fc.assert(
      fc.property(arbitraryMessage(type), (value) => {
        const bytes = encode(type, value)
        expect(decode(type, bytes)).toEqual({ ok: true, value })
      }),
      { numRuns: 40 },
    )
  })

  it.each(WIRE_TYPES)('%s is written as the protobuf library writes what it reads', (type) => {
    const { desc } = SCHEMAS[type]
    fc.assert(
      fc.property(arbitraryMessage(type), (value) => {
        const bytes = encode(type, value)
        const message = fromBinary(desc, bytes)
        expect(message.$unknown).toBeUndefined()
        expect(toBinary(desc, create(desc, message))).toEqual(bytes)
      }),
      { numRuns: 15 },
    )
  })

  it.each(STRUCTS)('%s is refused when and only when the protocol finds a problem in it', (type) => {
    const struct = SCHEMAS[type].struct!
    const hostile = fc.constantFrom<unknown>(
      undefined,
      null,
      -1,
      1.5,
      0,
      1,
      255,
      256,
      65_535,
      65_536,
      2 ** 32,
      2 ** 53,
      Number.NaN,
      '1',
      '',
      '0x',
      `0x${'AB'.repeat(20)}`,
      `0x${'ab'.repeat(20)}`,
      `0x${'ab'.repeat(32)}`,
      `0x${'zz'.repeat(32)}`,
      0n,
      -1n,
      1n << 128n,
      1n << 256n,
      {},
      [],
      true,
    )
    const names = fc.constantFrom(...struct.names, 'extra', 'constructor')
    fc.assert(
      fc.property(arbitraryMessage(type), names, hostile, (value, name, replacement) => {
        const changed = { ...value, [name]: replacement }
        const refused = (() => {
          try {
            encode(type, changed as never)
            return false
          } catch {
            return true
          }
        })()
        expect(refused).toBe(structProblem(struct, changed) !== undefined)
      }),
      { numRuns: 300 },
    )
  })
})
