import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Attester,
  createSimulatedAuthority,
  createSimulatedTdxAuthority,
  devnetPolicy,
  importSimulatedTdxAuthority,
  productionPolicy,
  type SimulatedTdxAuthority,
  simulatedTdxAttester,
  verifyEvidence,
  webAttestationCrypto,
} from '../../../../src/attestation/index.ts'
import { crypto, HOUR, NOW, REPORT_DATA, random, subtle } from '../../../support/nitroMint.ts'

const measurements = {
  code: { bytes: Uint8Array.of(1) },
  configuration: { sha384: new Uint8Array(48).fill(2) },
  models: { bytes: Uint8Array.of(3) },
}
const DAY = 24 * HOUR
const PPID = new Uint8Array(16).fill(0x1d)

const attesterOf = (authority: SimulatedTdxAuthority, version: 4 | 5 = 4, ppid = PPID): Attester =>
  simulatedTdxAttester({ authority, subtle }, { version, ppid, measurements })

describe('simulated TDX', () => {
  let authority: SimulatedTdxAuthority
  beforeAll(async () => {
    authority = await createSimulatedTdxAuthority({ subtle, random }, { label: 'devnet-1', now: NOW })
  })

  it.each([4, 5] as const)('version %i: the verifier of hardware accepts it in full, as simulated', async (version) => {
    const attester = attesterOf(authority, version)
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
    const evidence = await attesterOf(authority).attest(REPORT_DATA, NOW)
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
    const attester = attesterOf(authority)
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

  it('speaks for the platform it is given, with the same keys each time', async () => {
    const context = {
      now: NOW,
      trustRoots: [authority.trustRoot],
      policy: devnetPolicy(),
      expectedReportData: REPORT_DATA,
      crypto,
    }
    for (const byte of [1, 2]) {
      const attester = attesterOf(authority, 4, new Uint8Array(16).fill(byte))
      const verdict = await verifyEvidence({ kind: 'tdx', ...(await attester.attest(REPORT_DATA, NOW)) }, context)
      expect(verdict.ok && verdict.value.instanceId).toBe(`ppid-${`0${byte}`.repeat(16)}`)
    }
    await expect(attesterOf(authority, 4, new Uint8Array(15)).attest(REPORT_DATA, NOW)).rejects.toMatchObject({
      code: 'bad-authority',
    })
  })

  it('refuses a label that would not fit a name', async () => {
    await expect(createSimulatedTdxAuthority({ subtle, random }, { label: 'a, CN=b', now: NOW })).rejects.toMatchObject(
      { code: 'bad-authority' },
    )
  })
})

describe('simulated TDX authority in files', () => {
  let authority: SimulatedTdxAuthority
  beforeAll(async () => {
    authority = await createSimulatedTdxAuthority({ subtle, random }, { label: 'files', now: NOW })
  })

  const codeOf = async (pem: Parameters<typeof importSimulatedTdxAuthority>[1]): Promise<string> => {
    const read = await importSimulatedTdxAuthority({ subtle, random }, pem)
    return read.ok ? 'read' : read.error.code
  }

  it('is the same authority when it is read again: its quotes hold under the same root', async () => {
    const read = await importSimulatedTdxAuthority({ subtle, random }, await authority.exportPem())
    if (!read.ok) throw read.error
    expect(read.value.trustRoot).toEqual(authority.trustRoot)
    expect(await read.value.exportPem()).toEqual(await authority.exportPem())
    const verdict = await verifyEvidence(
      { kind: 'tdx', ...(await attesterOf(read.value).attest(REPORT_DATA, NOW + DAY)) },
      {
        now: NOW + DAY,
        trustRoots: [authority.trustRoot],
        policy: devnetPolicy(),
        expectedReportData: REPORT_DATA,
        crypto,
      },
    )
    expect(verdict.ok ? verdict.value.tcbStatus : verdict.error.code).toBe('UpToDate')
  })

  it('is refused with keys of another one, with parts missing, and as other text', async () => {
    const [pem, other] = [
      await authority.exportPem(),
      await (await createSimulatedTdxAuthority({ subtle, random }, { label: 'files', now: NOW })).exportPem(),
    ]
    const oneKey = `${pem.privateKey.split(/(?<=-----END PRIVATE KEY-----)/)[0]}\n`
    for (const broken of [
      { ...pem, privateKey: other.privateKey },
      { ...pem, privateKey: oneKey },
      { ...pem, certificate: 'text' },
      { ...pem, privateKey: pem.certificate },
    ])
      expect(await codeOf(broken)).toBe('bad-authority')
  })

  it('R6: is refused where the root does not call itself simulated', async () => {
    const pem = await authority.exportPem()
    const [root = '', ca = '', signer = ''] = pem.certificate.split(/(?<=-----END CERTIFICATE-----)\n/)
    const [rootKey = '', caKey = '', signerKey = ''] = pem.privateKey.split(/(?<=-----END PRIVATE KEY-----)\n/)
    expect(
      await codeOf({ certificate: [root, ca, signer].join('\n'), privateKey: [rootKey, caKey, signerKey].join('\n') }),
    ).toBe('read')
    expect(
      await codeOf({ certificate: [ca, root, signer].join('\n'), privateKey: [caKey, rootKey, signerKey].join('\n') }),
    ).toBe('bad-authority')
    const nitro = await (await createSimulatedAuthority({ subtle, random }, { label: 'files', now: NOW })).exportPem()
    expect(await codeOf(nitro)).toBe('bad-authority')
  })
})
