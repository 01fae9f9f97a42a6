import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NET_LIMITS } from '../../../src/net/constants.ts'
import { FrameDecoder, headerLength, writeHeader } from '../../../src/net/frameDecoder.ts'

function encode(frame: Uint8Array): Uint8Array {
  const header = headerLength(frame.length)
  const bytes = new Uint8Array(header + frame.length)
  writeHeader(frame.length, bytes)
  bytes.set(frame, header)
  return bytes
}

function drain(decoder: FrameDecoder): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame)
  return frames
}

describe('frame decoder', () => {
  test('any frames come back whole, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(encode))
          const decoder = new FrameDecoder(400)
          const out: Uint8Array[] = []
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = cuts[turn % cuts.length] ?? 1
            decoder.push(new Uint8Array(bytes.subarray(at, at + size)))
            at += size
            out.push(...drain(decoder))
          }
          expect(out).toEqual(frames)
          expect(decoder.inFrame).toBe(false)
          expect(decoder.buffered).toBe(0)
        },
      ),
    )
  })

  test('a frame owns its memory', () => {
    const bytes = encode(Uint8Array.of(1, 2, 3))
    const decoder = new FrameDecoder(8)
    decoder.push(bytes)
    const frame = decoder.next()
    bytes.fill(9)
    expect(frame).toEqual(Uint8Array.of(1, 2, 3))
    expect(frame?.buffer.byteLength).toBe(3)
  })

  test('length prefixes agree with the varint examples of the multiformats specification', () => {
    for (const [length, bytes] of [
      [1, [0x01]],
      [127, [0x7f]],
      [128, [0x80, 0x01]],
      [255, [0xff, 0x01]],
      [300, [0xac, 0x02]],
      [16_384, [0x80, 0x80, 0x01]],
    ] as const) {
      const header = new Uint8Array(headerLength(length))
      writeHeader(length, header)
      expect([...header]).toEqual(bytes)
    }
  })

  test('an announced frame above the limit is frame-too-large before a byte of it arrives, and for ever', () => {
    const decoder = new FrameDecoder(100)
    decoder.push(Uint8Array.of(101))
    const refusal = expect.objectContaining({ detail: { code: 'frame-too-large', limit: 100, got: 101 } })
    expect(() => decoder.next()).toThrow(refusal)
    decoder.push(new Uint8Array(300))
    expect(() => decoder.next()).toThrow(refusal)
  })

  test.each([
    ['not minimal', [0x80, 0x00]],
    ['too long', Array.from({ length: NET_LIMITS.frameHeaderBytes.value + 1 }, () => 0x80)],
  ])('a length prefix that is %s is invalid-length', (_, bytes) => {
    const decoder = new FrameDecoder(2 ** 28)
    decoder.push(Uint8Array.from(bytes))
    expect(() => decoder.next()).toThrow(expect.objectContaining({ code: 'invalid-length' }))
  })

  test('says what is missing inside a frame and its header', () => {
    const decoder = new FrameDecoder(1_000)
    expect([decoder.inFrame, decoder.missing]).toEqual([false, 0])
    decoder.push(Uint8Array.of(0xac))
    expect(decoder.next()).toBeUndefined()
    expect([decoder.inFrame, decoder.missing]).toEqual([true, 1])
    decoder.push(Uint8Array.of(0x02, 1, 2))
    expect(decoder.next()).toBeUndefined()
    expect([decoder.inFrame, decoder.missing]).toEqual([true, 298])
  })
})
