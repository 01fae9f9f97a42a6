import { devnetPolicy, vendorRoots, verifyEvidence } from '../../../src/attestation/index.ts'
import { NOW } from '../nitroMint.ts'
import {
  answersFor,
  bytesOf,
  driverManifest,
  type ManifestRequest,
  mintManifest,
  ocspBundle,
  vbiosManifest,
} from '../nvidiaCollateral.ts'
import {
  createNvidiaMint,
  type DeviceDeviation,
  type JudgeOptions,
  judgeMinted,
  type NvidiaMint,
} from '../nvidiaMint.ts'
import { rememberingCrypto } from '../rememberingCrypto.ts'
import type { Party } from '../testPki.ts'
import { readVector, VECTORS } from '../vectors.ts'
import type { Attack, AttackSuite, UnsignedRegion } from './suite.ts'

const VECTOR = 'tee/nvidia/hopper_evidence.json'
const VECTOR_TIME = Date.parse('2026-11-20T00:00:00Z')

export async function nvidiaGpuAttacks(): Promise<AttackSuite> {
  const mint = await createNvidiaMint()
  const other = await createNvidiaMint()
  const device = await mint.device()
  const good = await mint.document()
  const answers = await answersFor(device.chain, 1)
  const driver = (await mintManifest(mint, driverManifest)).xml
  const vbios = (await mintManifest(mint, vbiosManifest)).xml
  const whole = new Map([
    ['nvidia/driver-rim', driver],
    ['nvidia/vbios-rim', vbios],
    ['nvidia/ocsp', ocspBundle(answers)],
  ] as const)

  const given = (document: Uint8Array, options?: JudgeOptions) => () => judgeMinted(document, mint, options)
  const minted = (deviation: DeviceDeviation, options?: JudgeOptions) => async () =>
    judgeMinted(await mint.document(deviation), mint, options)
  const manifest =
    (over: Partial<ManifestRequest>, from = mint) =>
    async () => {
      const xml = (await mintManifest(from, { ...driverManifest, ...over })).xml
      return judgeMinted(good, mint, { collateral: new Map([...whole, ['nvidia/driver-rim', xml]]) })
    }
  const answered = (over: Parameters<typeof answersFor>[2]) => async () => {
    const responses = await answersFor(device.chain, 1, over)
    return judgeMinted(good, mint, { collateral: new Map([...whole, ['nvidia/ocsp', ocspBundle(responses)]]) })
  }
  const certificate = (position: number, over: object): DeviceDeviation => ({
    certificate: (request, at) => (at === position ? { ...request, ...over } : request),
  })
  const entry = (over: object): DeviceDeviation => ({ entry: (each) => Object.assign(each, over) })
  const text = Buffer.from(good).toString()

  const attacks: Attack[] = [
    {
      name: 'devices under another root of the same name',
      expected: 'untrusted-root',
      run: given(await other.document()),
    },
    {
      name: 'devices of a devnet where vendor roots alone count',
      expected: 'untrusted-root',
      run: given(good, { trustRoots: vendorRoots() }),
    },
    {
      name: 'an expired leaf',
      expected: 'certificate-expired',
      run: minted(certificate(4, { notAfter: NOW - 1_000 })),
    },
    { name: 'a CA used as leaf', expected: 'leaf-is-ca', run: minted(certificate(4, { ca: true })) },
    { name: 'a leaf used as CA', expected: 'not-a-ca', run: minted(certificate(3, { ca: false })) },
    {
      name: 'a chain without one of its CAs',
      expected: 'malformed-evidence',
      run: minted({ chain: (ders) => ders.toSpliced(2, 1) }),
    },
    {
      name: "another GPU's chain under its own report",
      expected: 'bad-signature',
      run: minted({ chain: () => device.chain.map((party: Party) => party.der), number: 1 }),
    },
    { name: 'signed by the chip instead of the leaf', expected: 'bad-signature', run: minted({ signer: 3 }) },
    {
      name: 'a measurement changed after the signature',
      expected: 'bad-signature',
      run: minted({ signed: (bytes) => bytes.with(60, 0) }),
    },
    {
      name: 'firmware other than the certified one',
      expected: 'fwid-mismatch',
      run: minted({ report: ({ opaque }) => opaque.set(20, new Uint8Array(48)) }),
    },
    {
      name: 'a Blackwell GPU said to be a Hopper',
      expected: 'arch-mismatch',
      run: minted({ arch: 'BLACKWELL', ...entry({ arch: 'HOPPER' }) }),
    },
    {
      name: 'GPU evidence of another host: report data of another session',
      expected: 'report-data-mismatch',
      run: given(good, { expectedReportData: new Uint8Array(32).fill(1) }),
    },
    {
      name: 'a replayed report under a fresh nonce',
      expected: 'nonce-mismatch',
      run: minted(entry({ nonce: '01'.repeat(32) })),
    },
    {
      name: "another host's GPU among ours",
      expected: 'nonce-mismatch',
      run: async () => {
        const borrowed: DeviceDeviation = {
          number: 1,
          report: (parts) => {
            parts.nonce = new Uint8Array(32).fill(1)
          },
        }
        return judgeMinted(await mint.document({}, borrowed), mint)
      },
    },
    {
      name: 'a revoked GPU behind a good one',
      expected: 'chip-revoked',
      run: async () =>
        judgeMinted(await mint.document({}, { number: 1 }), mint, {
          policy: { revokedChips: ['NVIDIA:GH100:48B02D0000000011'] },
        }),
    },
    { name: 'a switch passed off as a GPU', expected: 'malformed-evidence', run: minted({ arch: 'LS10' }) },
    {
      name: 'a driver without its manifest where GPUs must be appraised',
      expected: 'collateral-missing',
      run: given(good, {
        policy: { requireGpuAppraisal: true },
        collateral: new Map([...whole].filter(([name]) => name !== 'nvidia/driver-rim')),
      }),
    },
    {
      name: 'a manifest of another driver',
      expected: 'rim-mismatch',
      run: manifest({ version: '550.1.3' }),
    },
    {
      name: 'a GPU that measures to something else than its manifest',
      expected: 'rim-mismatch',
      run: manifest({ active: new Map([[8, ['11'.repeat(48)]]]) }),
    },
    {
      name: 'a manifest with a value changed',
      expected: 'bad-rim-signature',
      run: manifest({ altered: (xml) => xml.replace('0808', '0809') }),
    },
    { name: 'a manifest under another root', expected: 'untrusted-root', run: manifest({}, other) },
    {
      name: 'an expired manifest',
      expected: 'certificate-expired',
      run: manifest({ certificate: (request, at) => (at === 2 ? { ...request, notAfter: NOW - 1_000 } : request) }),
    },
    {
      name: 'a manifest with a second signature inside',
      expected: 'malformed-rim',
      run: manifest({ altered: (xml) => xml.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '$1$1') }),
    },
    {
      name: 'a manifest with a document type',
      expected: 'malformed-rim',
      run: manifest({ altered: (xml) => `<!DOCTYPE SoftwareIdentity [<!ENTITY e "x">]>${xml}` }),
    },
    {
      name: 'a manifest whose signature covers a part',
      expected: 'malformed-rim',
      run: manifest({ altered: (xml) => xml.replace('URI=""', 'URI="#payload"') }),
    },
    {
      name: 'a GPU whose certificate is on hold',
      expected: 'certificate-revoked',
      run: answered({ status: 'revoked' }),
    },
    { name: 'a stale OCSP answer', expected: 'ocsp-expired', run: answered({ nextUpdate: NOW - 1_000 }) },
    { name: 'an OCSP answer dated ahead', expected: 'ocsp-not-yet-valid', run: answered({ thisUpdate: NOW + 60_000 }) },
    {
      name: 'an OCSP answer by a certificate that is for something else',
      expected: 'ocsp-signer-refused',
      run: answered({ responder: { extensions: [] } }),
    },
    {
      name: 'garbage instead of an OCSP answer',
      expected: 'malformed-ocsp',
      run: given(good, { collateral: new Map([['nvidia/ocsp', ocspBundle([bytesOf('garbage')])]]) }),
    },
    { name: 'truncated by a byte', expected: 'malformed-evidence', run: given(good.slice(0, -1)) },
    { name: 'a byte after the end', expected: 'malformed-evidence', run: given(bytesOf(`${text}.`)) },
    {
      name: 'a byte after the report',
      expected: 'malformed-evidence',
      run: minted({ signed: (bytes) => Uint8Array.of(...bytes, 0) }),
    },
    { name: '10 MB of it', expected: 'evidence-too-large', run: given(new Uint8Array(10_000_000).fill(0x5b)) },
    {
      name: 'a member twice',
      expected: 'duplicate-key',
      run: given(bytesOf(text.replace('"nonce":', '"nonce":"","nonce":'))),
    },
    {
      name: 'a program that is not on the list',
      expected: 'measurement-refused',
      run: given(good, { policy: devnetPolicy([{ kind: 'nvidia-gpu', values: { driver: '0x00' } }]) }),
    },
  ]
  const passes = await judgeMinted(good, mint, { policy: { requireGpuAppraisal: false }, collateral: whole })
  if (passes !== 'accept') throw new RangeError(`expected the good collateral to pass, got ${passes}`)

  return { kind: 'nvidia-gpu', attacks, ...(await nvidiaFlips('nvidia-gpu', VECTOR, mint, good)) }
}

/** Every flip of NVIDIA's document where there are vectors, else of a minted one. */
export async function nvidiaFlips(
  kind: 'nvidia-gpu' | 'nvidia-switch',
  vector: string,
  mint: NvidiaMint,
  good: Uint8Array,
): Promise<Pick<AttackSuite, 'document' | 'flips'>> {
  const real = VECTORS !== undefined
  const bytes = real ? await readVector(vector) : good
  const context = {
    now: real ? VECTOR_TIME : NOW,
    trustRoots: real ? vendorRoots() : mint.roots,
    policy: { ...devnetPolicy(), allowUnbound: true },
    crypto: rememberingCrypto(),
  }
  return {
    document: real ? 'real' : 'minted',
    flips: {
      bytes,
      unsigned: unsignedRegions(bytes),
      judge: async (document) => {
        const verdict = await verifyEvidence({ kind, document }, context)
        return verdict.ok ? 'accept' : verdict.error.code
      },
    },
  }
}

/** Hex says the same in capitals. */
function unsignedRegions(document: Uint8Array): UnsignedRegion[] {
  const text = Buffer.from(document).toString('latin1')
  const from = text.indexOf('"', text.indexOf('"nonce"') + 7) + 1
  return [{ from, to: from + 64, why: "the nonce's hex digits, compared as bytes: they may be capitals" }]
}
