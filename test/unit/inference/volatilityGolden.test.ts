import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildVolatilityGolden, VOLATILITY_PATH } from '../../../scripts/generateVolatility.ts'
import { decodeTensors, firstHead, hexToBytes, nextHead } from '../../../src/protocol/index.ts'

const stored: Awaited<ReturnType<typeof buildVolatilityGolden>> = JSON.parse(readFileSync(VOLATILITY_PATH, 'utf8'))

const forecastsIn = (answer: string): number[] => {
  const tensors = decodeTensors(hexToBytes(answer))
  if (!tensors.ok) throw tensors.error
  return Array.from(tensors.value.volatility?.data ?? [], Number)
}

describe('the answer that the contracts read', () => {
  it('R16 is what the committed model answers, within its tolerance', async () => {
    const built = await buildVolatilityGolden()
    expect({ ...built, ...forecastOf(stored) }).toEqual(stored)
    const [now = 0] = forecastsIn(built.output)
    const [then = 0] = forecastsIn(stored.output)
    expect(Math.abs(now - then)).toBeLessThanOrEqual(1e-5 + 1e-4 * then)
    expect(built.output.slice(0, -8)).toBe(stored.output.slice(0, -8))
    expect(built.twoRows.slice(0, -16)).toBe(stored.twoRows.slice(0, -16))
  })

  it('is chained as the text says, in one chunk and in three', () => {
    for (const { jobId, data, salts, outputHead } of [stored.streamed, stored.split]) {
      const head = data.reduce(
        (previous, chunk, at) => nextHead(previous, at + 1, { data: hexToBytes(chunk), salt: salts[at]! }),
        firstHead(jobId),
      )
      expect(head).toBe(outputHead)
      expect(`0x${data.map((chunk) => chunk.slice(2)).join('')}`).toBe(stored.output)
    }
  })

  it('has fixed-point values next to the floats they stand for', () => {
    const float = new DataView(new ArrayBuffer(4))
    for (const [at, bits] of stored.floats.bits.entries()) {
      float.setUint32(0, Number(bits))
      const value = float.getFloat32(0)
      expect(Math.abs(Number(stored.floats.fixed18[at]) - value * 1e18)).toBeLessThanOrEqual(
        1 + value * 1e18 * 2 ** -50,
      )
    }
  })
})

/** Members that hold bits of the forecast, which another class of machine may give in the last place otherwise. */
const forecastOf = ({ output, bits, decimal, fixed18, streamed, split, twoRows }: typeof stored) => ({
  output,
  bits,
  decimal,
  fixed18,
  streamed,
  split,
  twoRows,
})
