import { vendorRoots } from '../../../src/attestation/index.ts'
import { NOW } from '../nitroMint.ts'
import { answersFor, bytesOf, mintManifest, ocspBundle, vbiosManifest } from '../nvidiaCollateral.ts'
import { createNvidiaMint, type DeviceDeviation, type JudgeOptions, judgeMinted } from '../nvidiaMint.ts'
import { nvidiaFlips } from './nvidiaGpu.ts'
import type { Attack, AttackSuite } from './suite.ts'

const VECTOR = 'tee/nvidia/switch_evidence_ls10.json'
const kind = 'nvidia-switch'

export async function nvidiaSwitchAttacks(): Promise<AttackSuite> {
  const mint = await createNvidiaMint()
  const other = await createNvidiaMint()
  const arch = 'LS10'
  const good = await mint.document({ arch })
  const text = Buffer.from(good).toString()
  const given = (document: Uint8Array, options?: JudgeOptions) => () =>
    judgeMinted(document, mint, { kind, ...options })
  const minted = (deviation: DeviceDeviation) => async () =>
    judgeMinted(await mint.document({ arch, ...deviation }), mint, { kind })
  const certificate = (position: number, over: object): DeviceDeviation => ({
    certificate: (request, at) => (at === position ? { ...request, ...over } : request),
  })
  const { chain } = await mint.device({ arch })
  const revoked = ocspBundle(await answersFor(chain, 1, { status: 'revoked' }))
  const manifest = (await mintManifest(mint, vbiosManifest)).xml

  const attacks: Attack[] = [
    {
      name: 'switches under another root of the same name',
      expected: 'untrusted-root',
      run: given(await other.document({ arch })),
    },
    {
      name: 'switches of a devnet where vendor roots alone count',
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
    { name: 'signed by the chip instead of the leaf', expected: 'bad-signature', run: minted({ signer: 3 }) },
    { name: 'a GPU passed off as a switch', expected: 'malformed-evidence', run: minted({ arch: 'HOPPER' }) },
    {
      name: "a GPU's report and chain under a switch's name",
      expected: 'malformed-evidence',
      run: minted({ arch: 'HOPPER', entry: (each) => Object.assign(each, { arch }) }),
    },
    {
      name: 'a switch of another host: report data of another session',
      expected: 'report-data-mismatch',
      run: given(good, { expectedReportData: new Uint8Array(32).fill(1) }),
    },
    {
      name: 'a replayed report under a fresh nonce',
      expected: 'nonce-mismatch',
      run: minted({ entry: (each) => Object.assign(each, { nonce: '01'.repeat(32) }) }),
    },
    {
      name: 'a revoked switch',
      expected: 'chip-revoked',
      run: given(good, { policy: { revokedChips: ['NVIDIA:LS_10:48B02D0000000010'] } }),
    },
    {
      name: 'a switch whose certificate is on hold',
      expected: 'certificate-revoked',
      run: given(good, { collateral: new Map([['nvidia/ocsp', revoked]]) }),
    },
    {
      name: 'a manifest of another VBIOS',
      expected: 'rim-mismatch',
      run: given(good, { collateral: new Map([['nvidia/vbios-rim', manifest]]) }),
    },
    { name: 'truncated by a byte', expected: 'malformed-evidence', run: given(good.slice(0, -1)) },
    {
      name: '10 MB of it',
      expected: 'evidence-too-large',
      run: given(new Uint8Array(10_000_000).fill(0x5b)),
    },
    {
      name: 'a member twice',
      expected: 'duplicate-key',
      run: given(bytesOf(text.replace('"arch":', '"arch":"LS10","arch":'))),
    },
  ]
  return { kind, attacks, ...(await nvidiaFlips(kind, VECTOR, mint, good)) }
}
