import { encodeCollateral } from '../../../src/attestation/index.ts'
import { answersFor, bytesOf, driverManifest, mintManifest, ocspBundle } from '../nvidiaCollateral.ts'
import { createNvidiaMint, type DeviceDeviation, type NvidiaMint } from '../nvidiaMint.ts'
import { type FuzzTarget, judgeRubbish } from './target.ts'

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
  return {
    kind,
    seeds: await Promise.all(devices.map((deviations) => mint.document(...deviations))),
    run: (document) => judgeRubbish({ kind, document }, mint.roots),
  }
}

type Item = 'nvidia/driver-rim' | 'nvidia/ocsp'

/** Judges collateral, or a document, under the good rest. */
function judgeWith(mint: NvidiaMint, document: Uint8Array, item?: Item) {
  return async (bytes: Uint8Array): Promise<string> => {
    const collateral = item === undefined || bytes.length === 0 ? new Map() : new Map([[item, bytes]])
    return judgeRubbish({ kind: 'nvidia-gpu', document, collateral: encodeCollateral(collateral) }, mint.roots)
  }
}

/** A report as its bytes, under a good chain. */
export async function nvidiaReportFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createNvidiaMint()
  const { entry } = await mint.device()
  const run = (report: Uint8Array): Promise<string> => {
    const evidence = Buffer.from(report).toString('base64')
    return judgeWith(mint, bytesOf(JSON.stringify([{ ...entry, evidence }])))(report)
  }
  return { kind: 'nvidia-gpu', seeds: [Uint8Array.from(Buffer.from(String(entry.evidence), 'base64'))], run }
}

/** A signed manifest. */
export async function nvidiaRimFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createNvidiaMint()
  const seeds = [(await mintManifest(mint, driverManifest)).xml]
  return { kind: 'nvidia-gpu', seeds, run: judgeWith(mint, await mint.document(), 'nvidia/driver-rim') }
}

/** An OCSP response in its bundle. */
export async function nvidiaOcspFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createNvidiaMint()
  const { chain } = await mint.device()
  const judge = judgeWith(mint, await mint.document(), 'nvidia/ocsp')
  return { kind: 'nvidia-gpu', seeds: await answersFor(chain, 1), run: (response) => judge(ocspBundle([response])) }
}
