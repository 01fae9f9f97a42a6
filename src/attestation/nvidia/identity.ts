import { ok, type Result } from '../../protocol/index.ts'
import { context, DerError, DerReader, TAG } from '../der/reader.ts'
import { oidText, unsignedBytes } from '../der/values.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import { type Certificate, nameAttribute, OID } from '../x509/certificate.ts'
import { ARCHITECTURES, type Architecture } from './document.ts'

/** DMTF's name of a device, `manufacturer:product:serial` (DSP0274 1.1, 10.6.1.3). */
const DMTF_DEVICE_INFO = '1.3.6.1.4.1.412.274.1'
/** TCG DICE: Hopper and LS10 write a composite device id under the first, Blackwell a TcbInfo under the second. */
export const DICE_EXTENSIONS = ['2.23.133.5.4.1', '2.23.133.5.4.1.1'] as const
const SHA384 = '2.16.840.1.101.3.4.2.2'

/** Which device a verified chain is of. */
export interface DeviceIdentity {
  /** E.g. `NVIDIA:GH100:48B02DF44660DA06`, or NVIDIA's `ueid` where the leaf does not say. */
  readonly id: string
  /** Every name of the device that may be revoked: the id, the ueid, and the chip's own serial. */
  readonly names: readonly string[]
}

/** Reads a device's leaf and the certificate of its chip above it: `malformed-certificate`, `arch-mismatch`. */
export function identityOf(
  chain: readonly Certificate[],
  architecture: Architecture,
): Result<DeviceIdentity, AttestationError> {
  const [chip, leaf] = chain.slice(-2)
  if (chip === undefined || leaf === undefined) return refuse('malformed-evidence', 'a chip and its leaf', 'neither')
  try {
    const device = deviceInfo(leaf)
    const chips = chipsIn([device, nameAttribute(leaf.subject, 'CN'), nameAttribute(chip.subject, 'CN')])
    const stranger = chips.find((each) => !ARCHITECTURES[architecture].chip.test(each))
    if (stranger !== undefined || chips.length === 0)
      return refuse('arch-mismatch', `a chip of ${architecture}`, stranger ?? 'a chain that names none')
    const ueid = BigInt(`0x${hexOf(unsignedBytes(leaf.serial))}`).toString()
    const serial = nameAttribute(chip.subject, 'serialNumber')
    const names = [device, ueid, serial].filter((name) => name !== undefined)
    return ok({ id: device ?? ueid, names })
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuseCertificate('malformed-certificate', leaf.position, "a device's leaf", cause.message, cause)
  }
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Names of chips that stand in `NVIDIA:GH100:48B02DF44660DA06` or `GH100 A01 GSP BROM`. */
const chipsIn = (names: readonly (string | undefined)[]): string[] =>
  names
    .flatMap((name) => name?.split(/[ :]/) ?? [])
    .filter((word) => Object.values(ARCHITECTURES).some(({ chip }) => chip.test(word)))

function deviceInfo(leaf: Certificate): string | undefined {
  const extension = leaf.extensions.get(OID.subjectAltName)
  if (extension === undefined) return undefined
  const reader = new DerReader(extension.value)
  const names = reader.enter(TAG.sequence)
  reader.end()
  while (!names.done) {
    const name = names.next()
    if (name.tag !== context(0, true)) continue
    const other = new DerReader(name.content)
    if (oidText(other.expect(TAG.oid).content) !== DMTF_DEVICE_INFO) continue
    const text = String.fromCharCode(...other.enter(context(0, true)).expect(TAG.utf8String).content.subarray(0, 128))
    if (!/^[^:]+:[^:]+:[^:]+$/.test(text)) throw new DerError('a device that is not named by maker, product and serial')
    return text
  }
  return undefined
}

/**
 * SHA-384 of the firmware that the leaf's key belongs to, undefined where the leaf does not say. It stands in a composite
 * device id, `{version, key, {hash, digest}}`, or in a TcbInfo with a list of FWIDs, the first of which counts.
 */
export function firmwareIdOf(leaf: Certificate): Result<Uint8Array | undefined, AttestationError> {
  const [extension] = DICE_EXTENSIONS.flatMap((oid) => leaf.extensions.get(oid) ?? [])
  if (extension === undefined) return ok(undefined)
  try {
    return ok(readFirmwareId(extension.value))
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuseCertificate('malformed-certificate', leaf.position, 'a device id of DICE', cause.message, cause)
  }
}

/** `fwids [6]` of DiceTcbInfo (TCG DICE Attestation Architecture 1.1, 6.1.1). */
const FWIDS = context(6, true)

function readFirmwareId(value: Uint8Array): Uint8Array {
  const outer = new DerReader(value)
  const info = outer.enter(TAG.sequence)
  outer.end()
  while (!info.done) {
    const element = info.next()
    if (element.tag === FWIDS) return digestOf(new DerReader(element.content).enter(TAG.sequence))
    if (element.tag === TAG.sequence && info.done) return digestOf(new DerReader(element.content))
  }
  throw new DerError('no FWID')
}

function digestOf(fwid: DerReader): Uint8Array {
  const hash = oidText(fwid.expect(TAG.oid).content)
  const digest = fwid.expect(TAG.octetString).content
  fwid.end()
  if (hash !== SHA384) throw new DerError(`an FWID under ${hash}`)
  return digest
}
