import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import type { Assurance } from '../assurance.ts'
import { equalBytes } from '../bytes.ts'
import type { Collateral } from '../collateral.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { Check, VerifierContext } from '../evidence.ts'
import type { Certificate } from '../x509/certificate.ts'
import { chainEnd } from '../x509/chain.ts'
import type { DeviceEvidence } from './document.ts'
import { judgeRevocation, parseOcspBundle } from './revocation.ts'
import { parseManifest, type ReferenceManifest, verifyManifest } from './rim.ts'

/** Measures video decoder 0, where the chip has one. */
const NVDEC0_INDEX = 35

interface Manifests {
  readonly driver: ReferenceManifest | undefined
  readonly vbios: ReferenceManifest | undefined
}

interface AppraisedDevice extends DeviceEvidence {
  /** Verified, root first. */
  readonly certificates: readonly Certificate[]
}

export interface Appraisal {
  readonly checked: readonly Check[]
  readonly notChecked: readonly Check[]
  /** Milliseconds since 1970: the end of the shortest-lived collateral. */
  readonly expiresAt: number
}

/**
 * Judges what came with the devices: reference manifests and OCSP responses. `rim` is checked when every version a device
 * reports has its manifest, driver and VBIOS of a GPU, VBIOS of a switch; `ocsp` when every certificate that NVIDIA issued
 * is answered for, those of the manifests too. A device's leaf is issued by its own chip, for which nobody answers.
 */
export async function appraise(
  devices: readonly AppraisedDevice[],
  collateral: Collateral,
  context: VerifierContext,
  { isSwitch, assurance }: { readonly isSwitch: boolean; readonly assurance: Assurance },
): Promise<Result<Appraisal, AttestationError>> {
  const driver = await readManifest(isSwitch ? undefined : collateral.get('nvidia/driver-rim'), assurance, context)
  if (!driver.ok) return driver
  const vbios = await readManifest(collateral.get('nvidia/vbios-rim'), assurance, context)
  if (!vbios.ok) return vbios
  const manifests = { driver: driver.value?.manifest, vbios: vbios.value?.manifest }
  for (const device of devices) {
    const fits = appraiseDevice(device, manifests)
    if (!fits.ok) return fits
  }
  const chains = [driver.value, vbios.value].flatMap((each) => (each === undefined ? [] : [each.chain]))
  const asked = [...devices.map((device) => device.certificates.slice(0, -1)), ...chains]
  const answers = await readAnswers(asked, collateral.get('nvidia/ocsp'), context)
  if (!answers.ok) return answers
  const isMeasured = vbios.value !== undefined && (isSwitch || driver.value !== undefined)
  const done = { rim: isMeasured, ocsp: answers.value.complete }
  if (context.policy.requireGpuAppraisal && !(done.rim && done.ocsp))
    return refuse('collateral-missing', 'manifests and OCSP answers for all there is', JSON.stringify(done))
  const names = ['rim', 'ocsp'] as const
  return ok({
    checked: names.filter((name) => done[name]),
    notChecked: names.filter((name) => !done[name]),
    expiresAt: Math.min(answers.value.expiresAt, ...chains.map(chainEnd)),
  })
}

async function readManifest(
  xml: Uint8Array | undefined,
  assurance: Assurance,
  context: VerifierContext,
): Promise<
  Result<{ readonly manifest: ReferenceManifest; readonly chain: readonly Certificate[] } | undefined, AttestationError>
> {
  if (xml === undefined) return ok(undefined)
  const manifest = parseManifest(xml)
  if (!manifest.ok) return manifest
  const chain = await verifyManifest(manifest.value, assurance, context)
  return chain.ok ? ok({ manifest: manifest.value, chain: chain.value }) : chain
}

async function readAnswers(
  chains: readonly (readonly Certificate[])[],
  bundle: Uint8Array | undefined,
  context: VerifierContext,
): Promise<Result<{ readonly complete: boolean; readonly expiresAt: number }, AttestationError>> {
  if (bundle === undefined) return ok({ complete: false, expiresAt: Number.POSITIVE_INFINITY })
  const responses = parseOcspBundle(bundle)
  return responses.ok ? judgeRevocation(chains, responses.value, context) : responses
}

/**
 * Compares every active reference value with the device's measurement at its index, as NVIDIA's verifier does: one of the
 * alternatives must be met. A manifest must be for the version the device reports, and no index may be in both.
 */
function appraiseDevice(
  { state, report }: DeviceEvidence,
  { driver, vbios }: Manifests,
): Result<undefined, AttestationError> {
  for (const [manifest, version, name] of [
    [driver, state.driver, 'driver'],
    [vbios, state.vbios, 'VBIOS'],
  ] as const) {
    if (manifest === undefined) continue
    if (manifest.version.toUpperCase() !== version?.toUpperCase())
      return refuse('rim-mismatch', `${name} manifest for version ${version}`, manifest.version)
  }
  const both = [...(driver?.golden.keys() ?? [])].find((index) => vbios?.golden.has(index))
  if (both !== undefined)
    return refuse('rim-mismatch', 'each measurement in one manifest', `measurement ${both} in two`)
  for (const [index, values] of [...(driver?.golden ?? []), ...(vbios?.golden ?? [])]) {
    if (index === NVDEC0_INDEX && state.withoutNvdec0) continue
    const measured = report.measurements.get(index)
    if (measured === undefined || !values.some((value) => equalBytes(value, measured)))
      return refuse(
        'rim-mismatch',
        `one of ${values.length} values at ${index}`,
        measured ? bytesToHex(measured) : 'none',
      )
  }
  return ok(undefined)
}
