import {
  type Collateral,
  devnetPolicy,
  encodeCollateral,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { roleExtensions } from '../../../src/attestation/x509/issue.ts'
import { crypto, HOUR, NOW } from '../nitroMint.ts'
import { createSnpMint, judgeSnp, MINTED_TCB, type MintedSnp, type SnpDeviation } from '../snpMint.ts'
import { readVector, VECTORS } from '../vectors.ts'
import type { Attack, AttackSuite } from './suite.ts'

const FOLDER = 'tee/sev-snp/'
const REAL_TIME = Date.parse('2026-11-20T00:00:00Z')

const codeOf = (verdict: string): string => (verdict === 'simulated' ? 'accept' : verdict)

/** Attacks on SEV-SNP reports. */
export async function snpAttacks(): Promise<AttackSuite> {
  const mint = await createSnpMint('Milan')
  const other = await createSnpMint('Milan')
  const good = await mint.mint()
  type Over = Parameters<typeof judgeSnp>[2]
  const minted =
    (deviation: SnpDeviation, over: Over = {}) =>
    async () =>
      codeOf(await judgeSnp(await mint.mint(deviation), [mint.root], over))
  const given =
    (evidence: MintedSnp, over: Over = {}) =>
    async () =>
      codeOf(await judgeSnp(evidence, [mint.root], over))
  const certificate = (position: number, change: NonNullable<SnpDeviation['certificate']>): SnpDeviation => ({
    certificate: (request, at) => (at === position ? change(request, at) : request),
  })
  const document = (bytes: Uint8Array): MintedSnp => ({ ...good, document: bytes })
  const floor = { Milan: { ...MINTED_TCB.Milan, microcode: MINTED_TCB.Milan.microcode + 1 } }
  const foreign = new Map(good.collateral)
  foreign.set('amd/vek', (await other.mint()).collateral.get('amd/vek') ?? new Uint8Array(0))

  const attacks: Attack[] = [
    {
      name: 'a report under another root of the same name',
      expected: 'untrusted-root',
      run: given(await other.mint()),
    },
    {
      name: 'a report of a devnet where vendor roots alone count',
      expected: 'untrusted-root',
      run: async () => codeOf(await judgeSnp(good, vendorRoots())),
    },
    {
      name: 'an expired VCEK',
      expected: 'certificate-expired',
      run: minted(certificate(2, (request) => ({ ...request, notAfter: NOW - 1_000 }))),
    },
    {
      name: 'a CA used as VCEK',
      expected: 'leaf-is-ca',
      run: minted({ extensions: (all) => [...all, ...roleExtensions({ ca: true, pathLength: undefined })] }),
    },
    {
      name: 'an end entity used as ASK',
      expected: 'not-a-ca',
      run: minted(certificate(1, (request) => ({ ...request, extensions: roleExtensions({ ca: false }) }))),
    },
    {
      name: 'a VCEK that another authority signed',
      expected: 'bad-certificate-signature',
      run: given({ ...good, collateral: foreign }),
    },
    {
      name: 'the VCEK of another chip',
      expected: 'chip-mismatch',
      run: minted({ vek: { subject: { signingKey: 'VCEK', chipId: new Uint8Array(64).fill(9) } } }),
    },
    {
      name: 'a VCEK of newer versions than the report',
      expected: 'tcb-mismatch',
      run: minted({ vek: { tcb: floor.Milan } }),
    },
    {
      name: 'a report by a VLEK shown with a VCEK',
      expected: 'wrong-signing-key',
      run: minted({ report: (bytes) => bytes.fill(4, 0x48, 0x49) }),
    },
    {
      name: 'versions below the floor under a certificate still good',
      expected: 'tcb-below-floor',
      run: given(good, { policy: { ...devnetPolicy(), tcbFloors: { tcbEvaluationDataNumber: 0, snp: floor } } }),
    },
    {
      name: 'debug (policy bit 19)',
      expected: 'debug',
      run: minted({ report: (bytes) => bytes.fill(0x0b, 0x0a, 0x0b) }),
    },
    {
      name: 'a migration agent (policy bit 18)',
      expected: 'migration-agent',
      run: minted({ report: (bytes) => bytes.fill(0x07, 0x0a, 0x0b) }),
    },
    {
      name: 'a report that the host asked for',
      expected: 'host-requested',
      run: minted({ report: (bytes) => bytes.fill(0xff, 0x30, 0x34) }),
    },
    {
      name: 'a chip on the list of revoked ones',
      expected: 'chip-revoked',
      run: async () => {
        const chip = `amd:${Buffer.from(good.document.subarray(0x1a0, 0x1e0)).toString('hex')}`
        return given(good, { policy: { ...devnetPolicy(), revokedChips: [chip] } })()
      },
    },
    {
      name: 'a revoked ASK',
      expected: 'certificate-revoked',
      run: minted({ crl: { revoked: [new Uint8Array(3).fill(2)] } }),
    },
    {
      name: 'garbage as revocation list',
      expected: 'malformed-crl',
      run: minted({ crl: { bytes: new Uint8Array(64) } }),
    },
    {
      name: 'a stale revocation list',
      expected: 'crl-expired',
      run: minted({ crl: { thisUpdate: NOW - 2 * HOUR, nextUpdate: NOW - HOUR } }),
    },
    { name: 'a revocation list by the ASK', expected: 'bad-crl-signature', run: minted({ crl: { signer: 1 } }) },
    {
      name: 'no VCEK',
      expected: 'collateral-missing',
      run: minted({ collateral: (items) => items.delete('amd/vek') }),
    },
    {
      name: 'replayed: report data of another session',
      expected: 'report-data-mismatch',
      run: given(good, { expectedReportData: new Uint8Array(32).fill(1) }),
    },
    {
      name: 'replayed after an hour',
      expected: 'evidence-too-old',
      run: given(good, { boundAt: NOW, now: NOW + HOUR + 1 }),
    },
    { name: 'truncated by a byte', expected: 'malformed-evidence', run: given(document(good.document.slice(0, -1))) },
    {
      name: 'a byte after the end',
      expected: 'evidence-too-large',
      run: given(document(Uint8Array.of(...good.document, 0))),
    },
    { name: '10 MB of it', expected: 'evidence-too-large', run: given(document(new Uint8Array(10_000_000).fill(2))) },
    {
      name: 'a signature with its bytes moved',
      expected: 'bad-signature',
      run: minted({ signed: (bytes) => bytes.copyWithin(0x2a0, 0x2a1, 0x2d0) }),
    },
    {
      name: 'a program that is not on the list',
      expected: 'measurement-refused',
      run: given(good, {
        policy: devnetPolicy([{ kind: 'sev-snp', values: { measurement: `0x${'08'.repeat(48)}` } }]),
      }),
    },
  ]
  return {
    kind: 'sev-snp',
    document: VECTORS === undefined ? 'minted' : 'real',
    flips: await flips(good, mint.root),
    attacks,
  }
}

async function flips(good: MintedSnp, root: Parameters<typeof judgeSnp>[1][number]): Promise<AttackSuite['flips']> {
  const real = VECTORS !== undefined
  const collateral: Collateral = real
    ? new Map([
        ['amd/vek', await readVector(`${FOLDER}coco-test-vcek.der`)],
        ['amd/chain', await readVector(`${FOLDER}AMD_ask_ark_milan.pem`)],
      ])
    : good.collateral
  const bundle = encodeCollateral(collateral)
  const context = {
    now: real ? REAL_TIME : NOW,
    trustRoots: real ? vendorRoots() : [root],
    policy: { ...devnetPolicy(), allowUnbound: true },
    crypto,
  }
  return {
    bytes: real ? await readVector(`${FOLDER}coco-test-report.bin`) : good.document,
    unsigned: [],
    judge: async (document) => {
      const verdict = await verifyEvidence({ kind: 'sev-snp', document, collateral: bundle }, context)
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}
