import { beforeAll, describe, expect, it } from 'vitest'
import {
  createSimulatedTdxAuthority,
  devnetPolicy,
  productionPolicy,
  type SimulatedTdxAuthority,
  verifyEvidence,
  webAttestationCrypto,
} from '../../../src/attestation/index.ts'
import { crypto, HOUR, NOW, REPORT_DATA, random, subtle } from '../../support/nitroMint.ts'

const measurements = {
  code: { bytes: Uint8Array.of(1) },
  configuration: { sha384: new Uint8Array(48).fill(2) },
  models: { bytes: Uint8Array.of(3) },
}
const DAY = 24 * HOUR

describe('simulated TDX', () => {
  let authority: SimulatedTdxAuthority
  beforeAll(async () => {
    authority = await createSimulatedTdxAuthority({ subtle, random }, { label: 'devnet-1', now: NOW })
  })

  it.each([4, 5] as const)('version %i: the verifier of hardware accepts it in full, as simulated', async (version) => {
    const attester = authority.attester({ version, measurements })
    for (const port of [crypto, webAttestationCrypto(subtle)]) {
      const verdict = await verifyEvidence(
        { kind: attester.kind, ...(await attester.attest(REPORT_DATA, NOW)) },
        {
          now: NOW,
          trustRoots: [authority.trustRoot],
          policy: devnetPolicy(),
          expectedReportData: REPORT_DATA,
          crypto: port,
        },
      )
      if (!verdict.ok) throw verdict.error
      expect(verdict.value).toMatchObject({
        assurance: 'simulated',
        tcbStatus: 'UpToDate',
        keyBinding: { reportData: 'matched' },
      })
      expect(verdict.value.checked).toEqual(
        expect.arrayContaining([
          'certificate-revocation',
          'tcb',
          'qe-identity',
          'tdx-module',
          'not-debug',
          'report-data',
        ]),
      )
      expect(verdict.value.notChecked).toContain('hardware')
      expect(verdict.value.measurements.rtmr0).toBe(`0x${'02'.repeat(48)}`)
      expect(verdict.value.measurements.mrservicetd === undefined).toBe(version === 4)
      expect(verdict.value.root.name).toContain('SIMULATED - NOT A TEE')
    }
  })

  it('R6: production refuses it', async () => {
    const evidence = await authority.attester({ version: 4, measurements }).attest(REPORT_DATA, NOW)
    const verdict = await verifyEvidence(
      { kind: 'tdx', ...evidence },
      {
        now: NOW,
        trustRoots: [authority.trustRoot],
        policy: productionPolicy(),
        expectedReportData: REPORT_DATA,
        crypto,
      },
    )
    expect(verdict.ok ? 'accept' : verdict.error.code).toBe('assurance-refused')
  })

  it('issues collateral anew before it runs out, and keeps it until then', async () => {
    const attester = authority.attester({ version: 4, measurements })
    const [first, second, later] = [
      await attester.attest(REPORT_DATA, NOW),
      await attester.attest(REPORT_DATA, NOW + 14 * DAY),
      await attester.attest(REPORT_DATA, NOW + 16 * DAY),
    ]
    expect(second.collateral).toEqual(first.collateral)
    expect(later.collateral).not.toEqual(first.collateral)
    const verdict = await verifyEvidence(
      { kind: 'tdx', ...later },
      {
        now: NOW + 45 * DAY,
        trustRoots: [authority.trustRoot],
        policy: devnetPolicy(),
        expectedReportData: REPORT_DATA,
        crypto,
      },
    )
    expect(verdict.ok).toBe(true)
  })

  it('refuses a label that would not fit a name', async () => {
    await expect(createSimulatedTdxAuthority({ subtle, random }, { label: 'a, CN=b', now: NOW })).rejects.toMatchObject(
      { code: 'bad-authority' },
    )
  })
})
