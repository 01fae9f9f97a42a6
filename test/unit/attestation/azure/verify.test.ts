import { beforeAll, describe, expect, it } from 'vitest'
import { devnetPolicy, verifyEvidence } from '../../../../src/attestation/index.ts'
import {
  type AzureDeviation,
  type AzureMint,
  createAzureSnpMint,
  createAzureTdxMint,
  PCRS,
} from '../../../support/azureMint.ts'
import { crypto, NOW, REPORT_DATA } from '../../../support/nitroMint.ts'

describe('Azure confidential VMs on SEV-SNP, minted', () => {
  let mint: AzureMint
  beforeAll(async () => {
    mint = await createAzureSnpMint()
  })

  const verify = async (deviation?: AzureDeviation) => {
    const { document, collateral } = await mint.mint(deviation)
    return verifyEvidence(
      { kind: 'azure-snp-vtpm', document, collateral },
      { now: NOW, trustRoots: [mint.root], policy: devnetPolicy(), expectedReportData: REPORT_DATA, crypto },
    )
  }
  const judge = async (deviation?: AzureDeviation): Promise<string> => {
    const result = await verify(deviation)
    return result.ok ? result.value.assurance : result.error.code
  }
  const quoted = (change: (quote: Record<string, unknown>) => unknown): AzureDeviation => ({
    json: (json) => ({ ...json, tpm_quote: change(json.tpm_quote as Record<string, unknown>) }),
  })
  const word = (at: number, value: number): AzureDeviation => ({
    hclReport: (bytes) => new DataView(bytes.buffer).setUint32(at, value, true),
  })
  const byte = (at: number, value: number): AzureDeviation => ({
    message: (bytes) => {
      bytes[at] = value
      return bytes
    },
  })

  it('accepts a good document as what its root says, with registers of hardware and virtual TPM', async () => {
    const result = await verify()
    if (!result.ok) throw result.error
    const { assurance, measurements, checked, keyBinding } = result.value
    expect(assurance).toBe('simulated')
    expect(checked).toEqual(expect.arrayContaining(['vtpm', 'report-data']))
    expect(checked).not.toContain('hardware')
    expect(measurements.measurement).toBe(`0x${'07'.repeat(48)}`)
    expect(measurements.pcr7).toBe(`0x${'07'.repeat(32)}`)
    expect(keyBinding.reportData).toBe('matched')
  })

  it("refuses a report of the guest's own privilege level", async () => {
    expect(await judge({ vmpl: 2 })).toBe('vmpl-refused')
  })

  it('refuses runtime data that the hardware did not report', async () => {
    expect(await judge({ runtimeData: (text) => text.replace('true', 'false') })).toBe('runtime-data-mismatch')
  })

  it.each<[string, AzureDeviation]>([
    ['another magic', word(0, 0)],
    ['another version', word(4, 3)],
    ['another length', word(8, 2_000)],
    ['another request', word(12, 1)],
    ['a status', word(16, 1)],
    ['another length of the data', word(1_216, 10)],
    ['another version of the data', word(1_220, 2)],
    ['a TD report', word(1_224, 4)],
    ['another hash', word(1_228, 2)],
    ['runtime data beyond the end', word(1_232, 4_000)],
    ['bytes after the runtime data', word(2_596, 1)],
    ['no key', { runtimeData: () => '{"keys":[]}' }],
    ['a key for encryption', { runtimeData: (text) => text.replace('"sign"', '"encrypt"') }],
    ['a key of another exponent', { runtimeData: (text) => text.replace('AQAB', 'Aw') }],
    ['two keys of one name', { runtimeData: (text) => text.replace('[{', '[{"kid":"HCLAkPub"},{') }],
    ['runtime data that is no JSON', { runtimeData: () => 'HCLAkPub' }],
    ['a report cut short', { json: (json) => ({ ...json, hcl_report: String(json.hcl_report).slice(0, 1_600) }) }],
  ])('refuses a paravisor report with %s', async (_, deviation) => {
    expect(await judge(deviation)).toBe('malformed-hcl-report')
  })

  it('refuses a name that comes twice in the runtime data', async () => {
    expect(await judge({ runtimeData: (text) => text.replace('{', '{"keys":[],') })).toBe('duplicate-key')
  })

  it.each<[string, AzureDeviation]>([
    ['made outside a TPM', byte(0, 0)],
    ['that is a certification', byte(5, 0x17)],
    ['of two banks', byte(4 + 2 + 36 + 34 + 25 + 3, 2)],
    ['of the SHA-1 bank', byte(4 + 2 + 36 + 34 + 25 + 5, 4)],
    ['with bytes after its end', { message: (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]) }],
    ['cut short', { message: (bytes) => bytes.subarray(0, -1) }],
  ])('refuses a structure %s', async (_, deviation) => {
    expect(await judge(deviation)).toBe('malformed-tpm-quote')
  })

  it('refuses registers other than those quoted', async () => {
    expect(await judge({ pcrs: [new Uint8Array(32).fill(5), ...PCRS.slice(1)] })).toBe('pcr-mismatch')
    expect(await judge({ pcrs: PCRS.slice(1) })).toBe('pcr-mismatch')
    expect(await judge(byte(4 + 2 + 36 + 34 + 25 + 7, 0x7f))).toBe('pcr-mismatch')
  })

  it('refuses another challenge, and a signature that is not its own', async () => {
    expect(await judge(byte(4 + 2 + 36 + 2, 0))).toBe('report-data-mismatch')
    expect(await judge(quoted((quote) => ({ ...quote, signature: '00'.repeat(256) })))).toBe('bad-signature')
  })

  it.each<[string, AzureDeviation]>([
    ['upper-case hexadecimal', quoted((quote) => ({ ...quote, message: String(quote.message).toUpperCase() }))],
    ['a register too short', quoted((quote) => ({ ...quote, pcrs: ['00'] }))],
    ['no registers', quoted((quote) => ({ ...quote, pcrs: [] }))],
    ['a member more in the quote', quoted((quote) => ({ ...quote, clock: 0 }))],
    ['a member more', { json: (json) => ({ ...json, debug: false }) }],
    ['no version, yet text', { json: ({ version: _, ...json }) => json }],
    ['unpadded base64', { json: (json) => ({ ...json, vcek: 'AAA' }) }],
    ['an array', { json: () => [] }],
  ])('refuses a document with %s', async (_, deviation) => {
    expect(await judge(deviation)).toBe('malformed-evidence')
  })

  it('reads the first form, of numbers and PEM, as it reads the second', async () => {
    const numbers = (text: unknown, encoding: 'base64url' | 'hex') => [...Buffer.from(String(text), encoding)]
    const first = await verify({
      json: (json) => {
        const quote = json.tpm_quote as { message: string; signature: string; pcrs: string[] }
        const der = Buffer.from(String(json.vcek), 'base64url').toString('base64')
        return {
          report: numbers(json.hcl_report, 'base64url'),
          quote: {
            message: numbers(quote.message, 'hex'),
            signature: numbers(quote.signature, 'hex'),
            pcrs: quote.pcrs.map((pcr) => numbers(pcr, 'hex')),
          },
          vcek: `-----BEGIN CERTIFICATE-----\n${der.replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`,
        }
      },
    })
    if (!first.ok) throw first.error
    expect(first.value.checked).toContain('vtpm')
    expect(await judge({ json: (json) => ({ ...json, version: 7 }) })).toBe('unsupported-version')
  })
})

describe('Azure confidential VMs on TDX, minted', () => {
  let mint: AzureMint
  beforeAll(async () => {
    mint = await createAzureTdxMint()
  })

  const verify = async (deviation?: AzureDeviation) => {
    const { document, collateral } = await mint.mint(deviation)
    return verifyEvidence(
      { kind: 'azure-tdx-vtpm', document, collateral },
      { now: NOW, trustRoots: [mint.root], policy: devnetPolicy(), expectedReportData: REPORT_DATA, crypto },
    )
  }
  const judge = async (deviation?: AzureDeviation): Promise<string> => {
    const result = await verify(deviation)
    return result.ok ? result.value.assurance : result.error.code
  }
  const byte = (at: number): AzureDeviation => ({
    tdReport: (bytes) => {
      bytes[at] = (bytes[at] ?? 0) ^ 1
    },
  })

  it('accepts a good document with all that Intel publishes about its platform', async () => {
    const result = await verify()
    if (!result.ok) throw result.error
    expect(result.value.assurance).toBe('simulated')
    expect(result.value.tcbStatus).toBe('UpToDate')
    expect(result.value.checked).toEqual(expect.arrayContaining(['vtpm', 'tcb', 'tdx-module', 'report-data']))
    expect(result.value.measurements.mrtd).toBe(`0x${'07'.repeat(48)}`)
    expect(result.value.measurements.pcr23).toBe(`0x${'17'.repeat(32)}`)
  })

  it.each([
    ['its security versions', 264],
    ['the module', 290],
    ["the module's signer", 330],
    ["the module's attributes", 376],
    ['its attributes', 512],
    ['its first measurement', 528],
    ['a register', 720],
    ['its report data', 128],
    ['a digest over the platform', 32],
    ['a digest over itself', 80],
    ['what no quote holds, under its digest', 920],
  ])('refuses a TD report with another %s', async (_, at) => {
    expect(await judge(byte(at))).toBe('td-report-mismatch')
  })

  it.each([
    ['its type', 0],
    ['reserved bytes', 5],
    ['reserved bytes after the platform', 500],
  ])('refuses a TD report with others in %s', async (_, at) => {
    expect(await judge(byte(at))).toBe('malformed-hcl-report')
  })

  it('refuses runtime data that the trust domain did not report, and bytes after the quote', async () => {
    expect(await judge({ runtimeData: (text) => text.replace('true', 'false') })).toBe('runtime-data-mismatch')
    expect(await judge({ quote: (bytes) => Buffer.concat([bytes, Uint8Array.of(1)]) })).toBe('trailing-bytes')
    expect(await judge({ quote: (bytes) => Buffer.concat([bytes, new Uint8Array(8)]) })).toBe('simulated')
    expect(await judge({ quote: (bytes) => bytes.subarray(0, 100) })).toBe('malformed-evidence')
  })
})
