import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KINDS } from '../../../scripts/attestationTables.ts'
import { createSimulatedSnpAuthority, simulatedSnpAttester } from '../../../src/attestation/index.ts'
import { describeEvidence } from '../../../src/node/index.ts'
import { needVectors } from '../../support/needVectors.ts'
import { createMint, NOW, random, subtle } from '../../support/nitroMint.ts'
import { createSigner, GCP_ISSUER, gcpClaims, MAA_ISSUER, maaClaims } from '../../support/tokenMint.ts'
import { type ActualVerdict, type ManifestResult, meets, runManifest } from '../manifest.ts'
import { manifestEntries, questionOf } from '../manifestEntries.ts'

const folder = process.env.OPG_VECTORS

needVectors('the shared manifest of evidence')

describe.runIf(folder !== undefined)('the shared manifest of evidence', async () => {
  const result: ManifestResult | undefined =
    folder === undefined ? undefined : await runManifest(join(folder, 'tee', 'MANIFEST.json'), folder)

  it.each(result?.vectors ?? [])('$kind $name: as expected', ({ actual, expect: expected, ok }) => {
    expect(actual).toMatchObject({ verdict: expected.verdict })
    expect(ok).toBe(true)
  })

  it('says of everything accepted what it did not look at', () => {
    const accepted = (result?.vectors ?? []).filter(({ actual }) => actual.verdict.startsWith('accept'))
    expect(accepted.length).toBeGreaterThan(0)
    for (const { actual } of accepted) {
      expect(actual.notChecked).toEqual(expect.arrayContaining(['measurements', 'report-data']))
    }
  })
})

describe.runIf(folder !== undefined)('docs/attestation.md', async () => {
  const accepted =
    folder === undefined
      ? []
      : (await runManifest(join(folder, 'tee', 'MANIFEST.json'), folder)).vectors.filter(({ actual }) => actual.checked)
  /** What policy and root decide, in every kind alike. */
  const everywhere = ['measurements', 'report-data', 'hardware', 'freshness']

  it.each(accepted)('$kind $name: lists what was checked, and what was not', ({ kind, actual }) => {
    const row = KINDS[kind as keyof typeof KINDS]
    const known = [...row.always, ...row.supplied, ...row.never, ...everywhere]
    expect(actual.checked).toEqual(expect.arrayContaining([...row.always]))
    expect(
      [...(actual.checked ?? []), ...(actual.notChecked ?? [])].filter(
        (check) => !known.some((each) => each === check),
      ),
    ).toEqual([])
    expect(actual.checked?.filter((check) => row.never.some((each) => each === check))).toEqual([])
  })
})

describe.runIf(folder !== undefined)('opg attest show', async () => {
  const entries = folder === undefined ? [] : await manifestEntries(join(folder, 'tee', 'MANIFEST.json'), folder)

  it.each(entries)('reads every field of $vector.kind $vector.name', async (entry) => {
    const { input } = await questionOf(entry)
    const described = describeEvidence(input)
    if (!described.ok) throw described.error
    expect(described.value.fields.length).toBeGreaterThan(5)
    const isToken = input.kind === 'nras'
    expect(described.value.certificates.length > 1).toBe(!isToken)
  })
})

describe('a manifest', () => {
  let directory: string
  let simulated: Uint8Array
  let root: Uint8Array
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-manifest-'))
    const mint = await createMint()
    simulated = await mint.mint()
    root = await mint.rootDer()
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  const run = async (vectors: readonly object[]): Promise<ManifestResult> => {
    await writeFile(join(directory, 'document.b64'), Buffer.from(simulated).toString('base64'))
    await writeFile(join(directory, 'root'), root)
    await writeFile(join(directory, 'rubbish'), 'rubbish')
    const path = join(directory, 'manifest.json')
    await writeFile(path, JSON.stringify({ vectors }))
    return await runManifest(path)
  }
  const at = new Date(NOW).toISOString()
  const entry = { name: 'a', kind: 'simulated', evidence: 'document.b64', with: ['root'], at, expect: {} }

  it('R6: takes the devnet root of a simulated entry from what comes with it, and no vendor root', async () => {
    const { vectors } = await run([
      { ...entry, expect: { verdict: 'accept', assurance: 'simulated', notChecked: ['hardware'] } },
      { ...entry, with: [], expect: { verdict: 'reject', reason: 'untrusted-root' } },
      { ...entry, kind: 'nitro', expect: { verdict: 'reject', reason: 'untrusted-root' } },
    ])
    expect(vectors.map(({ ok }) => ok)).toEqual([true, true, true])
  })

  it('R6: takes every shape of simulated evidence, with the root in its bundle or beside it', async () => {
    const init = { label: 'manifest', product: 'Milan', now: NOW, modulusLength: 2_048 } as const
    const authority = await createSimulatedSnpAuthority({ subtle, random }, init)
    const measured = { bytes: new Uint8Array(1) }
    const attester = await simulatedSnpAttester(
      { authority, subtle },
      {
        subject: { signingKey: 'VLEK', cspId: 'CN=cc-test-1.example.com' },
        tcb: { bootloader: 2, tee: 3, snp: 4, microcode: 255 },
        measurements: { code: measured, configuration: measured, models: measured },
      },
    )
    const { document, collateral } = await attester.attest(new Uint8Array(32), NOW)
    await writeFile(join(directory, 'report.hex'), Buffer.from(document).toString('hex'))
    await writeFile(join(directory, 'bundle'), collateral)
    const snp = { ...entry, evidence: 'report.hex', with: ['bundle'] }
    const { vectors } = await run([
      { ...snp, expect: { verdict: 'accept', assurance: 'simulated' } },
      { ...snp, kind: 'sev-snp', expect: { verdict: 'reject', reason: 'untrusted-root' } },
    ])
    expect(vectors.map(({ actual, ok }) => [actual.reason, ok])).toEqual([
      [undefined, true],
      ['untrusted-root', true],
    ])
  })

  it('judges tokens under the key set that an entry names, and none without', async () => {
    const maa = await createSigner(MAA_ISSUER, 'RS256')
    const gcp = await createSigner(GCP_ISSUER, 'RS256')
    await writeFile(join(directory, 'maa.jwt'), await maa.sign(maaClaims()))
    await writeFile(join(directory, 'gcp.jwt'), await gcp.sign(gcpClaims()))
    await writeFile(join(directory, 'maa.json'), maa.jwks)
    await writeFile(join(directory, 'gcp.json'), gcp.jwks)
    const accepted = { verdict: 'accept', notChecked: ['underlying-evidence'] }
    const { vectors } = await run([
      { ...entry, kind: 'maa', evidence: 'maa.jwt', with: ['maa.json'], expect: accepted },
      { ...entry, kind: 'gcp', evidence: 'gcp.jwt', with: ['gcp.json'], expect: accepted },
      { ...entry, kind: 'gcp', evidence: 'gcp.jwt', with: ['gcp.json'], at: null, expect: accepted },
      { ...entry, kind: 'maa', evidence: 'maa.jwt', with: [], expect: { verdict: 'unappraised', reason: 'no-jwks' } },
      { ...entry, kind: 'gcp', evidence: 'gcp.jwt', with: ['maa.json'], expect: { reason: 'bad-signature' } },
    ])
    expect(vectors.map(({ actual, ok }) => [actual.reason, ok])).toEqual([
      [undefined, true],
      [undefined, true],
      [undefined, true],
      ['no-jwks', true],
      ['bad-signature', true],
    ])
  })

  it('takes the time inside the evidence where an entry has none', async () => {
    const { vectors } = await run([{ ...entry, at: null, expect: { verdict: 'accept' } }])
    expect(vectors).toMatchObject([{ at, ok: true }])
  })

  it('does not accept a document after its own certificates have ended', async () => {
    const later = new Date(NOW + 3 * 3_600_000).toISOString()
    const { vectors } = await run([{ ...entry, at: later, expect: { verdict: 'reject' } }])
    expect(vectors).toMatchObject([{ actual: { verdict: 'reject', reason: 'certificate-expired' }, ok: true }])
  })

  it('goes on after entries that are at fault themselves, and counts them as failed', async () => {
    const { vectors, passed, failed } = await run([
      { ...entry, kind: 'sgx-2', expect: { verdict: 'reject' } },
      { ...entry, evidence: 'absent', expect: { verdict: 'reject' } },
      { ...entry, at: 'noon', expect: { verdict: 'reject' } },
      { ...entry, evidence: 'rubbish', expect: { verdict: 'reject', reason: 'unrecognised-file' } },
      { ...entry, expect: { verdict: 'accept' } },
    ])
    expect(vectors.map(({ actual }) => actual.reason)).toEqual([
      'unknown-kind',
      'unreadable-file',
      'no-time',
      'unrecognised-file',
      undefined,
    ])
    expect([passed, failed]).toEqual([2, 3])
  })

  it('judges what is malformed without a time as what it is', async () => {
    await writeFile(join(directory, 'cut'), simulated.subarray(0, 100))
    const { vectors } = await run([
      { ...entry, kind: 'nitro', evidence: 'cut', at: null, expect: { verdict: 'reject', reason: 'malformed-cose' } },
    ])
    expect(vectors).toMatchObject([{ ok: true }])
  })

  it('goes on after lines that are no entries, and meets nothing where nothing is expected', async () => {
    const { expect: _, ...silent } = entry
    const { vectors, failed } = await run([
      silent,
      { ...entry, at: 1_732_983_768 },
      { ...entry, name: 7 },
      ['entry'],
      { ...entry, expect: { verdict: 'accept' } },
    ])
    expect(vectors.map(({ name, actual, ok }) => [name, actual.verdict, actual.reason, ok])).toEqual([
      ['a', 'accept', undefined, false],
      ['a', 'reject', 'malformed-entry', false],
      ['unnamed', 'reject', 'malformed-entry', false],
      ['unnamed', 'reject', 'malformed-entry', false],
      ['a', 'accept', undefined, true],
    ])
    expect(failed).toBe(4)
  })

  it('is itself refused where it is none', async () => {
    const path = join(directory, 'none.json')
    await writeFile(path, '{"vectors": {}}')
    await expect(runManifest(path)).rejects.toThrow()
  })

  it('expects every member as it is, of notChecked each name', () => {
    const actual: ActualVerdict = { verdict: 'accept', tcbStatus: 'UpToDate', notChecked: ['rim', 'ocsp'] }
    expect(meets({ verdict: 'accept', notChecked: ['ocsp'] }, actual)).toBe(true)
    expect(meets({ verdict: 'accept', notChecked: ['tcb'] }, actual)).toBe(false)
    expect(meets({ verdict: 'accept', tcbStatus: 'OutOfDate' }, actual)).toBe(false)
    expect(meets({ verdict: 'accept', eventLog: 'replay-equals-quote' }, actual)).toBe(false)
  })
})
