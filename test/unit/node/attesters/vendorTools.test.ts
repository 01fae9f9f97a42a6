import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Attester,
  createSimulatedAuthority,
  nsmAttester,
  nvidiaAttester,
  simulatedAttester,
} from '../../../../src/attestation/index.ts'
import { runTool } from '../../../../src/node/attesters/runTool.ts'
import { nodePorts } from '../../../../src/node/index.ts'
import { bytesToBase64, bytesToHex } from '../../../../src/protocol/index.ts'
import { simulatedTool } from '../../../support/simulatedTools.ts'

const NOW = 1_700_000_000_000
const REPORT_DATA = new Uint8Array(32).fill(0xab)
const HEX = 'ab'.repeat(32)
const run = runTool()

let directory: string
let simulated: Attester
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-tools-'))
  const { subtle, random } = nodePorts()
  const authority = await createSimulatedAuthority({ subtle, random }, { label: 'tools', now: NOW })
  const measured = { bytes: new Uint8Array(1) }
  simulated = simulatedAttester(
    { authority, subtle },
    { instanceId: 'i-tools', measurements: { code: measured, configuration: measured, models: measured } },
  )
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('an attester by a simulated helper of the Nitro security module', () => {
  const forms: Readonly<Record<string, (document: Uint8Array) => string>> = {
    'its bytes': (document) => `Buffer.from("${bytesToBase64(document)}", "base64")`,
    hex: (document) => `"${bytesToHex(document).slice(2)}\\n"`,
    base64: (document) => `"${bytesToBase64(document)}\\n"`,
  }
  for (const [form, write] of Object.entries(forms)) {
    test(`reads the document as ${form}`, async () => {
      const { document } = await simulated.attest(REPORT_DATA, NOW)
      const helper = await simulatedTool(
        directory,
        `nsm-${form.replace(' ', '-')}`,
        `(args) => args.join(" ") === "--user-data ${HEX}" ? { stdout: ${write(document)} } : { exit: 2, stderr: args.join(" ") }`,
      )
      const attester = nsmAttester({ run }, { helper, style: 'hex' })
      expect(attester.kind).toBe('nitro')
      expect((await attester.attest(REPORT_DATA, NOW)).document).toEqual(document)
    })
  }

  test('speaks as nsm-cli is spoken to', async () => {
    const { document } = await simulated.attest(REPORT_DATA, NOW)
    const helper = await simulatedTool(
      directory,
      'nsm-cli',
      `(args) => args.join(" ") === "attest --user-data-b64 ${bytesToBase64(REPORT_DATA)}" ? { stdout: "${bytesToBase64(document)}" } : { exit: 2 }`,
    )
    const made = await nsmAttester({ run }, { helper, style: 'nsm-cli' }).attest(REPORT_DATA, NOW)
    expect(made.document).toEqual(document)
  })

  test('fault: a document without our data, rubbish, nothing, an error', async () => {
    const other = (await simulated.attest(new Uint8Array(32).fill(1), NOW)).document
    const faults: readonly (readonly [string, string])[] = [
      [`{ stdout: "${bytesToBase64(other)}" }`, 'attester-answer-invalid'],
      ['{ stdout: "Error: no device" }', 'attester-answer-invalid'],
      ['{ stdout: "8444" }', 'attester-answer-invalid'],
      ['{}', 'attester-answer-invalid'],
      ['{ exit: 1, stderr: "cannot open /dev/nsm" }', 'attester-failed'],
      [`{ stdout: "00".repeat(40000) }`, 'attester-failed'],
    ]
    for (const [index, [end, code]] of faults.entries()) {
      const helper = await simulatedTool(directory, `nsm-fault-${index}`, `() => (${end})`)
      const made = nsmAttester({ run }, { helper, style: 'hex' }).attest(REPORT_DATA, NOW)
      await expect(made).rejects.toMatchObject({ code })
    }
    const none = nsmAttester({ run }, { helper: join(directory, 'none'), style: 'hex' }).attest(REPORT_DATA, NOW)
    await expect(none).rejects.toMatchObject({ code: 'attester-unavailable' })
  })

  test('fault: the error of the helper is told', async () => {
    const helper = await simulatedTool(directory, 'nsm-says', '() => ({ exit: 3, stderr: "no NSM\\n here" })')
    const made = nsmAttester({ run }, { helper, style: 'hex' }).attest(REPORT_DATA, NOW)
    await expect(made).rejects.toThrow('exit code 3: no NSM here')
  })
})

const gpu = (more: string): string =>
  `{ version: "1.0", arch: "HOPPER", certificate: "TUlJ", evidence: "EeAB", driver_version: "575.03", ${more} }`
const answer = (evidences: string, code = 0): string =>
  `{ stdout: JSON.stringify({ evidences: ${evidences}, result_code: ${code}, result_message: "Ok" }, null, 4) }`

describe('an attester by a simulated nvattest', () => {
  test('hands the evidence of each GPU over, with the members that verifiers read', async () => {
    const tool = await simulatedTool(
      directory,
      'nvattest',
      `(args, env) => args.slice(0, 4).join(" ") === "collect-evidence --device gpu --nonce" && env.NVAT_FORMAT === "json" ? ${answer(`[${gpu('nonce: args[4]')}, ${gpu('nonce: args[4].toUpperCase()')}]`)} : { exit: 109 }`,
    )
    const attester = nvidiaAttester({ run }, { tool })
    expect(attester.kind).toBe('nvidia-gpu')
    const { document } = await attester.attest(REPORT_DATA, NOW)
    const device = { arch: 'HOPPER', certificate: 'TUlJ', evidence: 'EeAB', nonce: HEX }
    expect(JSON.parse(new TextDecoder().decode(document))).toEqual([device, device])
  })

  test('fault: other nonce, no GPU, an error code, text, a shape of its own', async () => {
    const faults: readonly (readonly [string, string])[] = [
      [answer(`[${gpu('nonce: "00"')}]`), 'attester-answer-invalid'],
      [answer('[]'), 'attester-unavailable'],
      [answer('null', 12), 'attester-failed'],
      [answer('{}'), 'attester-answer-invalid'],
      [answer(`[{ arch: "HOPPER", nonce: args[4] }]`), 'attester-answer-invalid'],
      [answer(`Array.from({ length: 17 }, () => (${gpu('nonce: args[4]')}))`), 'attester-answer-invalid'],
      [
        answer(`[{ arch: "HOPPER", certificate: "TUlJ", evidence: "A".repeat(200000), nonce: args[4] }]`),
        'attester-answer-invalid',
      ],
      [`{ stdout: '{"result_code":0,"result_code":0,"evidences":[]}' }`, 'attester-answer-invalid'],
      ['{ stdout: "GPU evidence collection was successful." }', 'attester-answer-invalid'],
      ['{ exit: 1, stderr: "NVML init failed" }', 'attester-failed'],
    ]
    for (const [index, [end, code]] of faults.entries()) {
      const tool = await simulatedTool(directory, `nvattest-fault-${index}`, `(args) => (${end})`)
      await expect(nvidiaAttester({ run }, { tool }).attest(REPORT_DATA, NOW)).rejects.toMatchObject({ code })
    }
    const none = nvidiaAttester({ run }, { tool: join(directory, 'none') }).attest(REPORT_DATA, NOW)
    await expect(none).rejects.toMatchObject({ code: 'attester-unavailable' })
  })
})
