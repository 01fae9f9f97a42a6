import { createHash, X509Certificate } from 'node:crypto'
import { decode } from 'cborg'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  createSimulatedAuthority,
  devnetPolicy,
  importSimulatedAuthority,
  SIMULATED_MARK,
  type SimulatedAuthority,
  simulatedAttester,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { nameText, parseCertificate } from '../../../src/attestation/x509/certificate.ts'
import { bytesToHex } from '../../../src/protocol/index.ts'
import { createMint, crypto, HOUR, judge, NOW, REPORT_DATA, random, subtle } from '../../support/nitroMint.ts'

const components = { subtle, random }
const code = { bytes: new TextEncoder().encode('code') }
const configuration = { bytes: new TextEncoder().encode('configuration') }
const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest()
const models = { sha384: Uint8Array.from(sha384(new TextEncoder().encode('models'))) }
const measurements = { code, configuration, models }

let authority: SimulatedAuthority
beforeAll(async () => {
  authority = await createSimulatedAuthority(components, { label: 'unit', now: NOW })
})

const payloadOf = (document: Uint8Array): Map<string, unknown> =>
  decode((decode(document, { useMaps: true }) as Uint8Array[])[2]!, { useMaps: true }) as Map<string, unknown>

describe('simulated attester', () => {
  it('R6: makes documents the one verifier accepts, with PCR0 to PCR2 over code, configuration and models', async () => {
    const attester = simulatedAttester({ authority, subtle }, { instanceId: 'i-7', measurements })
    const { document } = await attester.attest(REPORT_DATA, NOW + 123)
    const result = await verifyEvidence(
      { kind: attester.kind, document },
      {
        now: NOW + 200,
        trustRoots: [authority.trustRoot],
        policy: devnetPolicy(),
        expectedReportData: REPORT_DATA,
        crypto,
      },
    )
    if (!result.ok) throw result.error
    expect(result.value).toMatchObject({
      assurance: 'simulated',
      freshness: { basis: 'signed-time', at: NOW + 123 },
      instanceId: 'i-7-simulated',
    })
    expect(result.value.notChecked).toContain('hardware')
    expect(result.value.measurements).toMatchObject({
      pcr0: bytesToHex(sha384(code.bytes)),
      pcr1: bytesToHex(sha384(configuration.bytes)),
      pcr2: bytesToHex(models.sha384),
    })
  })

  it('R6: names its root as no TEE', () => {
    const root = parseCertificate(authority.certificate, 0)
    expect(root.ok && nameText(root.value.subject)).toContain('SIMULATED - NOT A TEE')
    expect(authority.trustRoot.name).toContain(SIMULATED_MARK)
  })

  it('has a chain of five whose leaf lives three hours', async () => {
    const attester = simulatedAttester({ authority, subtle }, { instanceId: 'i-8', measurements })
    const payload = payloadOf((await attester.attest(REPORT_DATA, NOW)).document)
    const ders = [...(payload.get('cabundle') as Uint8Array[]), payload.get('certificate') as Uint8Array]
    const chain = ders.map((der, position) => {
      const parsed = parseCertificate(der, position)
      if (!parsed.ok) throw parsed.error
      return parsed.value
    })
    const native = ders.map((der) => new X509Certificate(der))
    for (const [above, issued] of native.slice(1).entries()) {
      expect(issued.checkIssued(native[above]!)).toBe(true)
      expect(issued.verify(native[above]!.publicKey)).toBe(true)
    }
    expect(chain.map((each) => each.pathLength)).toEqual([undefined, 2, 1, 0, undefined])
    expect(chain.map((each) => each.isCa)).toEqual([true, true, true, true, false])
    expect((chain[4]?.notAfter ?? 0) - (chain[4]?.notBefore ?? 0)).toBe(3 * HOUR)
  })

  it('keeps its leaf while it is good and takes a new one before it ends', async () => {
    const attester = simulatedAttester({ authority, subtle }, { instanceId: 'i-9', measurements })
    const leafAt = async (now: number) => {
      const { document } = await attester.attest(REPORT_DATA, now)
      expect(await judge(document, [authority.trustRoot], { now })).toBe('simulated')
      return bytesToHex(payloadOf(document).get('certificate') as Uint8Array)
    }
    const first = await leafAt(NOW)
    expect(await leafAt(NOW + 2 * HOUR)).toBe(first)
    expect(await leafAt(NOW + 3 * HOUR - 1000)).not.toBe(first)
    expect(await leafAt(NOW - HOUR)).not.toBe(first)
  })

  it('tries again after its authority failed', async () => {
    let failures = 1
    const flaky = {
      issueChain: (instanceId: string, now: number) => {
        failures -= 1
        if (failures >= 0) return Promise.reject(new Error('away'))
        return authority.issueChain(instanceId, now)
      },
    }
    const attester = simulatedAttester({ authority: flaky, subtle }, { instanceId: 'i-10', measurements })
    await expect(attester.attest(REPORT_DATA, NOW)).rejects.toThrow('away')
    expect(await judge((await attester.attest(REPORT_DATA, NOW)).document, [authority.trustRoot])).toBe('simulated')
  })

  it('R5: takes 32 bytes of report data and nothing else', async () => {
    const attester = simulatedAttester({ authority, subtle }, { instanceId: 'i-11', measurements })
    for (const length of [0, 31, 33, 64])
      await expect(attester.attest(new Uint8Array(length), NOW)).rejects.toMatchObject({ code: 'bad-report-data' })
  })

  it('refuses digests that are no SHA-384', () => {
    const short = { ...measurements, models: { sha384: new Uint8Array(32) } }
    expect(() => simulatedAttester({ authority, subtle }, { instanceId: 'i', measurements: short })).toThrow(
      expect.objectContaining({ code: 'bad-authority' }),
    )
  })

  it('comes back from its files as the same authority', async () => {
    const pem = await authority.exportPem()
    const again = await importSimulatedAuthority(components, pem)
    if (!again.ok) throw again.error
    expect(again.value.trustRoot).toEqual(authority.trustRoot)
    const attester = simulatedAttester({ authority: again.value, subtle }, { instanceId: 'i-12', measurements })
    expect(await judge((await attester.attest(REPORT_DATA, NOW)).document, [authority.trustRoot])).toBe('simulated')
  })

  it('refuses files that do not belong together, are no PEM, or hide what they are', async () => {
    const pem = await authority.exportPem()
    const other = await (await createSimulatedAuthority(components, { label: 'other', now: NOW })).exportPem()
    const { cabundle } = await authority.issueChain('i-13', NOW)
    const unmarked = `-----BEGIN CERTIFICATE-----\n${Buffer.from(cabundle[1]!).toString('base64')}\n-----END CERTIFICATE-----\n`
    for (const files of [
      { ...pem, privateKey: other.privateKey },
      { ...pem, certificate: 'nothing' },
      { ...pem, certificate: pem.certificate + other.certificate },
      { ...pem, privateKey: pem.certificate },
      { ...pem, certificate: unmarked },
    ]) {
      const result = await importSimulatedAuthority(components, files)
      expect(result.ok ? undefined : result.error.code).toBe('bad-authority')
    }
  })

  it('refuses names that would break out of a certificate’s name', async () => {
    for (const label of ['', 'a,CN=b', 'x'.repeat(49), 'a+b'])
      await expect(createSimulatedAuthority(components, { label, now: NOW })).rejects.toMatchObject({
        code: 'bad-authority',
      })
    await expect(authority.issueChain('i, O=Amazon', NOW)).rejects.toMatchObject({ code: 'bad-authority' })
  })

  it('differs from the real thing in its anchor alone: another authority is refused', async () => {
    const mint = await createMint()
    const attester = simulatedAttester({ authority, subtle }, { instanceId: 'i-14', measurements })
    expect(await judge((await attester.attest(REPORT_DATA, NOW)).document, [mint.root])).toBe('untrusted-root')
  })
})
