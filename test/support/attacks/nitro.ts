import { devnetPolicy, vendorRoots, verifyEvidence } from '../../../src/attestation/index.ts'
import { roleExtensions } from '../../../src/attestation/x509/issue.ts'
import { createMint, crypto, type Deviation, HOUR, judge, NOW } from '../nitroMint.ts'
import { readVector, VECTORS } from '../vectors.ts'
import type { Attack, AttackSuite } from './suite.ts'

const VECTOR = 'tee/nitro/nitro-2024-11-30.cose.bin'
const VECTOR_TIME = Date.parse('2024-11-30T16:22:48Z')

const codeOf = (verdict: string): string => (verdict === 'simulated' ? 'accept' : verdict)

export async function nitroAttacks(): Promise<AttackSuite> {
  const mint = await createMint()
  const other = await createMint()
  const good = await mint.mint()
  const minted =
    (deviation: Deviation, over: Parameters<typeof judge>[2] = {}) =>
    async () =>
      codeOf(await judge(await mint.mint(deviation), [mint.root], over))
  const given =
    (document: Uint8Array, over: Parameters<typeof judge>[2] = {}) =>
    async () =>
      codeOf(await judge(document, [mint.root], over))
  const pcrs = (change: (map: Map<unknown, unknown>) => void): Deviation => ({
    fields: (payload) => change(payload.get('pcrs') as Map<unknown, unknown>),
  })
  const certificate = (position: number, change: NonNullable<Deviation['certificate']>): Deviation => ({
    certificate: (request, at) => (at === position ? change(request, at) : request),
  })
  const twice = new Uint8Array([0xa1, 0x64, 0x70, 0x63, 0x72, 0x73, 0xa2, 0, 0x40, 0, 0x40])

  const attacks: Attack[] = [
    {
      name: 'a document under another root of the same name',
      expected: 'untrusted-root',
      run: given(await other.mint()),
    },
    {
      name: 'a document of a devnet where vendor roots alone count',
      expected: 'untrusted-root',
      run: async () => codeOf(await judge(good, vendorRoots())),
    },
    {
      name: 'an expired leaf',
      expected: 'certificate-expired',
      run: minted(certificate(4, (request) => ({ ...request, notAfter: NOW - 1_000 }))),
    },
    {
      name: 'a CA used as leaf',
      expected: 'leaf-is-ca',
      run: minted(
        certificate(4, (request) => ({ ...request, extensions: roleExtensions({ ca: true, pathLength: undefined }) })),
      ),
    },
    {
      name: 'a leaf used as CA',
      expected: 'not-a-ca',
      run: minted(certificate(3, (request) => ({ ...request, extensions: roleExtensions({ ca: false }) }))),
    },
    { name: 'signed by the CA instead of the leaf', expected: 'bad-signature', run: minted({ signer: 3 }) },
    {
      name: 'debug mode (PCR0 to PCR2 zero)',
      expected: 'debug',
      run: minted(pcrs((map) => [0, 1, 2].map((index) => map.set(index, new Uint8Array(48))))),
    },
    {
      name: 'replayed: report data of another session',
      expected: 'report-data-mismatch',
      run: given(good, { expectedReportData: new Uint8Array(32).fill(1) }),
    },
    { name: 'replayed after an hour', expected: 'evidence-too-old', run: given(good, { now: NOW + HOUR + 1 }) },
    { name: 'dated ahead', expected: 'evidence-from-the-future', run: given(good, { now: NOW - 2_001 }) },
    { name: 'truncated by a byte', expected: 'malformed-cose', run: given(good.slice(0, -1)) },
    { name: 'a byte after the end', expected: 'trailing-bytes', run: given(Uint8Array.of(...good, 0)) },
    { name: '10 MB of it', expected: 'evidence-too-large', run: given(new Uint8Array(10_000_000).fill(0x84)) },
    { name: 'a register twice', expected: 'duplicate-key', run: minted({ payload: () => twice }) },
    {
      name: 'an algorithm other than ES384 in the header',
      expected: 'wrong-algorithm',
      run: minted({ protectedHeader: new Map([[1, -7]]) }),
    },
    {
      name: 'a program that is not on the list',
      expected: 'measurement-refused',
      run: given(good, { policy: devnetPolicy([{ kind: 'nitro', values: { pcr0: `0x${'08'.repeat(48)}` } }]) }),
    },
  ]

  const real = VECTORS !== undefined
  const trustRoots = real ? vendorRoots() : [mint.root]
  const policy = { ...devnetPolicy(), allowUnbound: true }
  return {
    kind: 'nitro',
    document: real ? 'real' : 'minted',
    flips: {
      bytes: real ? await readVector(VECTOR) : good,
      unsigned: [],
      judge: async (document) => {
        const verdict = await verifyEvidence(
          { kind: 'nitro', document },
          { now: real ? VECTOR_TIME : NOW, trustRoots, policy, crypto },
        )
        return verdict.ok ? 'accept' : verdict.error.code
      },
    },
    attacks,
  }
}
