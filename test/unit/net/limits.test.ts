import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NET_CONDUCT } from '../../../src/net/conduct.ts'
import { NET_LIMITS } from '../../../src/net/constants.ts'
import { WIRE_LIMITS } from '../../../src/wire/index.ts'

const document = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const section = (title: string): string =>
  new RegExp(`^## ${title}\\n([^]*?)(?=^## |$(?![^]))`, 'm').exec(document)?.[1] ?? ''
const rows = (title: string): string[] =>
  section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))

describe('docs/limits.md', () => {
  test('lists every limit of the network room as it is', () => {
    const expected = Object.entries(NET_LIMITS).map(
      ([name, { value, unit, reason }]) =>
        `| \`${name}\` | ${value.toLocaleString('en-US').replaceAll(',', ' ')} | ${unit} | ${reason} |`,
    )
    expect(rows('Network')).toEqual(expected)
  })

  test('lists what the network room holds against a peer', () => {
    const expected = Object.entries(NET_CONDUCT).map(([code, { weight }]) => `| \`${code}\` | ${weight} |`)
    expect(rows('Conduct')).toEqual(expected)
  })
})

describe('network limits agree with each other', () => {
  const value = (name: keyof typeof NET_LIMITS): number => NET_LIMITS[name].value

  test('a paused stream can hold a whole window', () => {
    expect(value('streamReadBuffer')).toBeGreaterThanOrEqual(value('streamWindowMax') + value('streamHighWater'))
    expect(value('streamWriteBuffer')).toBeGreaterThan(value('frameBytesModels') * 2)
  })

  test('every frame and gossip message of the wire fits', () => {
    expect(value('frameBytesInfer')).toBeGreaterThanOrEqual(WIRE_LIMITS.InferClientFrame.value)
    expect(value('frameBytesInfer')).toBeGreaterThanOrEqual(WIRE_LIMITS.InferServerFrame.value)
    expect(value('frameBytesRecords')).toBeGreaterThanOrEqual(WIRE_LIMITS.RecordFrame.value)
    expect(value('gossipMessageBytes')).toBeGreaterThanOrEqual(WIRE_LIMITS.VoteBundle.value)
    expect(value('gossipRpcBytes')).toBeGreaterThan(value('gossipMessageBytes'))
    expect(2 ** (7 * value('frameHeaderBytes'))).toBeGreaterThan(value('frameBytesModels'))
  })

  test('conduct thresholds are in order', () => {
    expect(value('conductFloor')).toBeLessThan(value('conductBan'))
    expect(value('conductBan')).toBeLessThan(value('conductDisconnect'))
  })
})
