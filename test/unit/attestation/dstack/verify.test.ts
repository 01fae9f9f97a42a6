import { beforeAll, describe, expect, it } from 'vitest'
import { devnetPolicy, verifyEvidence } from '../../../../src/attestation/index.ts'
import { BOOT, createDstackMint, type DstackMint, type LoggedEvent, runtimeEvent } from '../../../support/dstackMint.ts'
import { crypto, NOW, REPORT_DATA } from '../../../support/nitroMint.ts'

let mint: DstackMint
beforeAll(async () => {
  mint = await createDstackMint()
})

const verify = ({ answer, collateral }: { readonly answer: object; readonly collateral: Uint8Array }) =>
  verifyEvidence(
    { kind: 'tdx-dstack', document: new TextEncoder().encode(JSON.stringify(answer)), collateral },
    { now: NOW, trustRoots: [mint.root], policy: devnetPolicy(), expectedReportData: REPORT_DATA, crypto },
  )
const judge = async (log: readonly LoggedEvent[], change: object = {}): Promise<string> => {
  const { answer, collateral } = await mint.mint(log)
  const result = await verify({ answer: { ...answer, ...change }, collateral })
  return result.ok ? result.value.assurance : result.error.code
}
const without = (name: string): LoggedEvent[] => BOOT.filter(({ event }) => event !== name)

describe('documents of dstack', () => {
  it('tell what the log measures, under the quote and its report data', async () => {
    const result = await verify(await mint.mint(BOOT))
    if (!result.ok) throw result.error
    expect(result.value.assurance).toBe('simulated')
    expect(result.value.tcbStatus).toBe('UpToDate')
    expect(result.value.checked).toEqual(expect.arrayContaining(['event-log', 'compose', 'report-data']))
    expect(result.value.measurements).toMatchObject({
      composehash: `0x${'cc'.repeat(32)}`,
      appid: `0x${'aa'.repeat(20)}`,
      instanceid: `0x${'bb'.repeat(20)}`,
      keyprovider: '0x7b7d',
      osimagehash: `0x${'dd'.repeat(32)}`,
    })
  })

  it('may say more of the application after the boot, which names nothing', async () => {
    expect(await judge([...BOOT, runtimeEvent('some-app', '00')])).toBe('simulated')
  })

  it.each<[string, () => readonly LoggedEvent[]]>([
    ['no compose hash', () => without('compose-hash')],
    ['no application', () => without('app-id')],
    ['a second compose hash', () => [...BOOT, runtimeEvent('compose-hash', '00'.repeat(32))]],
    ['an image first named after the boot', () => [...without('os-image-hash'), runtimeEvent('os-image-hash', '00')]],
    ['a compose hash of another length', () => [...without('compose-hash'), runtimeEvent('compose-hash', '00')]],
    ['no events', () => []],
  ])('are refused with %s, though the registers agree', async (_, log) => {
    expect(await judge(log())).toBe('event-log-mismatch')
  })

  it('without an end of the boot name the compose file and the application alone', async () => {
    const result = await verify(await mint.mint(without('system-ready')))
    if (!result.ok) throw result.error
    expect(Object.keys(result.value.measurements)).toEqual(expect.arrayContaining(['composehash', 'appid']))
    expect(result.value.measurements).not.toHaveProperty('osimagehash')
    expect(result.value.measurements).not.toHaveProperty('instanceid')
  })

  it('are refused when the log leads elsewhere than the quote', async () => {
    const moved = JSON.stringify([...BOOT, runtimeEvent('more', '')])
    expect(await judge(BOOT, { event_log: moved })).toBe('event-log-mismatch')
    expect(await judge(BOOT, { event_log: JSON.stringify(BOOT.slice(1)) })).toBe('simulated')
    expect(await judge(BOOT, { event_log: JSON.stringify([BOOT[0], ...BOOT]) })).toBe('event-log-mismatch')
  })

  it.each<[string, object, string]>([
    ['other report data', { report_data: '00'.repeat(64) }, 'report-data-mismatch'],
    ['report data cut short', { report_data: '00' }, 'malformed-evidence'],
    ['no quote', { quote: undefined }, 'malformed-evidence'],
    ['a quote in upper case', { quote: 'AB' }, 'malformed-evidence'],
    ['an event log that is no text', { event_log: [] }, 'malformed-evidence'],
    ['a member nobody knows', { more: 1 }, 'unknown-payload-key'],
  ])('are refused with %s', async (_, change, code) => {
    expect(await judge(BOOT, change)).toBe(code)
  })

  it('are read with 0x before their hex too, and without report data', async () => {
    const { quote } = (await mint.mint(BOOT)).answer
    expect(await judge(BOOT, { quote: `0x${quote}`, report_data: undefined })).toBe('simulated')
  })

  it('are refused when the quote is not signed', async () => {
    const { quote } = (await mint.mint(BOOT)).answer
    const at = 2 * (48 + 584 + 4)
    const broken = quote.slice(0, at) + '00'.repeat(64) + quote.slice(at + 128)
    expect(await judge(BOOT, { quote: broken })).toBe('bad-signature')
  })
})
