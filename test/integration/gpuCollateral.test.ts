import { afterEach, describe, expect, it } from 'vitest'
import { devnetPolicy, verifyEvidence } from '../../src/attestation/index.ts'
import { parseCertificate } from '../../src/attestation/x509/certificate.ts'
import { createCollateralSource, supplied } from '../../src/node/collateral/source.ts'
import { createLogger } from '../../src/node/logger.ts'
import { bytesToBase64, utf8 } from '../../src/protocol/index.ts'
import { crypto, NOW } from '../support/nitroMint.ts'
import { driverManifest, mintAnswer, mintManifest, vbiosManifest } from '../support/nvidiaCollateral.ts'
import { createNvidiaMint, NONCE } from '../support/nvidiaMint.ts'
import { type SimulatedAnswer, type SimulatedVendors, startSimulatedVendors } from '../support/simulatedVendors.ts'
import type { Party } from '../support/testPki.ts'

let vendors: SimulatedVendors | undefined
afterEach(() => vendors?.stop())

describe('collateral of GPUs', () => {
  it('is manifests by the versions of the report and an answer for each certificate, and appraises the GPU', async () => {
    const mint = await createNvidiaMint()
    const device = await mint.device()
    const document = await mint.document({})
    const driver = await mintManifest(mint, driverManifest)
    const vbios = await mintManifest(mint, vbiosManifest)
    const pairs = [device.chain.slice(0, -1), driver.chain, vbios.chain].flatMap((chain) =>
      chain.slice(1).map((certificate, above) => ({ certificate, issuer: chain[above] as Party })),
    )
    const rim = (xml: Uint8Array): SimulatedAnswer => ({ bytes: utf8(JSON.stringify({ rim: bytesToBase64(xml) })) })
    const answers = await Promise.all(
      pairs.map(async (pair) => {
        const parsed = parseCertificate(pair.certificate.der, 0)
        if (!parsed.ok) throw parsed.error
        return { serial: parsed.value.serial, bytes: await mintAnswer(pair) }
      }),
    )
    vendors = await startSimulatedVendors((path, body) => {
      if (path === '/rim/v1/rim/NV_GPU_DRIVER_GH100_550.1.2') return rim(driver.xml)
      if (path === '/rim/v1/rim/NV_GPU_VBIOS_G520_0200_885_9600A50001') return rim(vbios.xml)
      const known = answers.find(({ serial }) => Buffer.from(body).includes(Buffer.from(serial)))
      return path === '/ocsp' && known !== undefined ? { bytes: known.bytes } : 404
    })
    const attester = supplied(
      { kind: 'nvidia-gpu', attest: async () => ({ document, collateral: new Uint8Array(0) }) },
      createCollateralSource(
        {
          fetch,
          sleep: async () => undefined,
          jitter: () => 0,
          crypto,
          clock: () => NOW,
          logger: createLogger('silent'),
        },
        { urls: vendors.urls },
      ),
    )
    const { collateral } = await attester.attest(NONCE, NOW)
    const verdict = await verifyEvidence(
      { kind: 'nvidia-gpu', document, collateral },
      {
        now: NOW,
        trustRoots: mint.roots,
        expectedReportData: NONCE,
        policy: { ...devnetPolicy(), requireGpuAppraisal: true },
        crypto,
      },
    )
    if (!verdict.ok) throw verdict.error
    expect(verdict.value.checked).toEqual(expect.arrayContaining(['rim', 'ocsp']))
  })
})
