import { devnetPolicy, encodeCollateral, verifyEvidence } from '../../../src/attestation/index.ts'
import { NOW } from '../nitroMint.ts'
import { answersFor, bytesOf, driverManifest, mintManifest, ocspBundle, vbiosManifest } from '../nvidiaCollateral.ts'
import { createNvidiaMint, type DeviceDeviation, type NvidiaMint } from '../nvidiaMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

/** Documents of devices; rubbish in base64 gets as far as the report and the chain. */
export async function nvidiaGpuFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createNvidiaMint()
  return targetOf('nvidia-gpu', mint, [{}], [{ arch: 'BLACKWELL' }], [{}, { number: 1 }])
}

export async function nvidiaSwitchFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createNvidiaMint()
  return targetOf('nvidia-switch', mint, [{ arch: 'LS10' }])
}

async function targetOf(
  kind: 'nvidia-gpu' | 'nvidia-switch',
  mint: NvidiaMint,
  ...devices: DeviceDeviation[][]
): Promise<FuzzTarget> {
  const policy = { ...devnetPolicy(), allowUnbound: true }
  return {
    kind,
    seeds: await Promise.all(devices.map((deviations) => mint.document(...deviations))),
    run: async (document) => {
      const context = { now: NOW, trustRoots: mint.roots, policy, crypto: gullibleCrypto }
      const verdict = await verifyEvidence({ kind, document }, context)
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}

/** A report as its bytes, a manifest, an OCSP response: each under a good document's other parts. */
export async function nvidiaPartFuzzTargets(): Promise<FuzzTarget[]> {
  const mint = await createNvidiaMint()
  const { entry, chain } = await mint.device()
  const good = await mint.document()
  const policy = { ...devnetPolicy(), allowUnbound: true }
  const judge = async (document: Uint8Array, collateral: Uint8Array): Promise<string> => {
    const context = { now: NOW, trustRoots: mint.roots, policy, crypto: gullibleCrypto }
    const verdict = await verifyEvidence({ kind: 'nvidia-gpu', document, collateral }, context)
    return verdict.ok ? 'accept' : verdict.error.code
  }
  const item = (name: 'nvidia/driver-rim' | 'nvidia/vbios-rim' | 'nvidia/ocsp', bytes: Uint8Array): Uint8Array =>
    encodeCollateral(new Map([[name, bytes]]))
  return [
    {
      kind: 'nvidia-gpu',
      seeds: [Uint8Array.from(Buffer.from(String(entry.evidence), 'base64'))],
      run: (report) => {
        const evidence = Buffer.from(report).toString('base64')
        return judge(bytesOf(JSON.stringify([{ ...entry, evidence }])), new Uint8Array(0))
      },
    },
    {
      kind: 'nvidia-gpu',
      seeds: [(await mintManifest(mint, driverManifest)).xml],
      run: (xml) => judge(good, item('nvidia/driver-rim', xml.length === 0 ? Uint8Array.of(0) : xml)),
    },
    {
      kind: 'nvidia-gpu',
      seeds: [(await mintManifest(mint, vbiosManifest)).xml],
      run: (xml) => judge(good, item('nvidia/vbios-rim', xml.length === 0 ? Uint8Array.of(0) : xml)),
    },
    {
      kind: 'nvidia-gpu',
      seeds: await answersFor(chain, 1),
      run: (response) => judge(good, item('nvidia/ocsp', ocspBundle([response]))),
    },
  ]
}
