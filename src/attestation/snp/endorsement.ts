import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { equalBytes, isZero } from '../bytes.ts'
import { DerError, soleElement, TAG } from '../der/reader.ts'
import { smallInteger } from '../der/values.ts'
import { type AttestationError, refuse, refuseCertificate } from '../errors.ts'
import { SNP_PRODUCTS, type SnpProduct } from '../policy.ts'
import { type Certificate, nameText } from '../x509/certificate.ts'
import { SIGNING_KEYS, type SigningKey, type SnpCpuid, type SnpReport } from './report.ts'
import { TCB_LAYOUT, type TcbComponent, tcbText } from './tcb.ts'

const AMD = '1.3.6.1.4.1.3704.1'

/** Extensions of VCEK and VLEK certificates (AMD 57230, 3.1). */
export const VEK_OID = { productName: `${AMD}.2`, hardwareId: `${AMD}.4`, cspId: `${AMD}.5` } as const

export const VEK_SPL_OID: Readonly<Record<TcbComponent, string>> = {
  bootloader: `${AMD}.3.1`,
  tee: `${AMD}.3.2`,
  snp: `${AMD}.3.3`,
  spl4: `${AMD}.3.4`,
  spl5: `${AMD}.3.5`,
  spl6: `${AMD}.3.6`,
  spl7: `${AMD}.3.7`,
  microcode: `${AMD}.3.8`,
  fmc: `${AMD}.3.9`,
}

/** Bytes of a chip's id in its certificate: Turin's are short, and the report pads them with zeros. */
const HARDWARE_ID_BYTES: Readonly<Record<SnpProduct, number>> = { Milan: 64, Genoa: 64, Turin: 8 }
const MAX_TEXT = 128

/** What AMD certified about the key that signs reports. */
export interface Endorsement {
  readonly product: SnpProduct
  readonly signingKey: SigningKey
  /** A TCB_VERSION in the product's layout: the versions that the key was derived from. */
  readonly tcb: Uint8Array
  /** CHIP_ID of the one chip of a VCEK. */
  readonly chipId: Uint8Array | undefined
  /** The cloud that a VLEK was handed to. */
  readonly cspId: string | undefined
}

/** The sole common name, undefined when there is none or several. */
function commonName(name: Uint8Array): string | undefined {
  const [first, ...more] = nameText(name)
    .split(', ')
    .filter((part) => part.startsWith('CN='))
  return more.length === 0 ? first?.slice(3) : undefined
}

/**
 * Reads the certificate that signs reports and its issuer's name: `malformed-certificate`, `product-mismatch`,
 * `wrong-signing-key` when the two are of different kinds.
 */
export function parseEndorsement(intermediate: Certificate, vek: Certificate): Result<Endorsement, AttestationError> {
  const issuer = commonName(intermediate.subject)
  const [, vlek, name] = /^SEV-(VLEK-)?([A-Za-z]+)$/.exec(issuer ?? '') ?? []
  const product = SNP_PRODUCTS.find((known) => known === name)
  if (product === undefined)
    return refuse('product-mismatch', `an ASK or ASVK of ${SNP_PRODUCTS.join(', ')}`, issuer ?? 'no common name')
  const subject = commonName(vek.subject)
  const signingKey = SIGNING_KEYS.find((key) => subject === `SEV-${key}`)
  if (signingKey === undefined || signingKey !== (vlek === undefined ? 'VCEK' : 'VLEK'))
    return refuse('wrong-signing-key', 'SEV-VCEK under SEV-product, SEV-VLEK under SEV-VLEK-product', `${subject}`)
  try {
    return readExtensions(vek, product, signingKey)
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuseCertificate('malformed-certificate', vek.position, `a ${signingKey}`, cause.message, cause)
  }
}

function readExtensions(
  vek: Certificate,
  product: SnpProduct,
  signingKey: SigningKey,
): Result<Endorsement, AttestationError> {
  const productName = textOf(vek, VEK_OID.productName)
  const [, named] = /^([A-Za-z]+)(?:-[A-Z][0-9])?$/.exec(productName) ?? []
  if (named !== product) return refuse('product-mismatch', `${product}, as its issuer says`, productName)
  const tcb = Uint8Array.from(TCB_LAYOUT[product], (component) => splOf(vek, component))
  for (const [component, oid] of Object.entries(VEK_SPL_OID))
    if (vek.extensions.has(oid) && !TCB_LAYOUT[product].some((known) => known === component))
      splIsZero(vek, component, oid)
  const isVcek = signingKey === 'VCEK'
  if (vek.extensions.has(isVcek ? VEK_OID.cspId : VEK_OID.hardwareId))
    throw new DerError(`an extension that belongs to a ${isVcek ? 'VLEK' : 'VCEK'}`)
  const chipId = isVcek ? chipIdOf(vek, product) : undefined
  const cspId = isVcek ? undefined : textOf(vek, VEK_OID.cspId)
  return ok({ product, signingKey, tcb, chipId, cspId })
}

function extensionOf(vek: Certificate, oid: string): Uint8Array {
  const extension = vek.extensions.get(oid)
  if (extension === undefined) throw new DerError(`no extension ${oid}`)
  return extension.value
}

function textOf(vek: Certificate, oid: string): string {
  const value = extensionOf(vek, oid)
  const { content } = soleElement(value, value[0] === TAG.utf8String ? TAG.utf8String : TAG.ia5String)
  const text = String.fromCharCode(...content.subarray(0, MAX_TEXT))
  if (content.length === 0 || content.length > MAX_TEXT || !/^[\x20-\x7e]+$/.test(text))
    throw new DerError(`extension ${oid} without a short printable text`)
  return text
}

function splOf(vek: Certificate, component: TcbComponent): number {
  const oid = VEK_SPL_OID[component]
  if (component.startsWith('spl') && !vek.extensions.has(oid)) return 0
  const spl = smallInteger(soleElement(extensionOf(vek, oid), TAG.integer).content)
  if (spl > 255) throw new DerError(`a version above 255 in extension ${oid}`)
  return spl
}

/** A version that this product's TCB has no place for may only be zero. */
function splIsZero(vek: Certificate, component: string, oid: string): void {
  if (splOf(vek, component as TcbComponent) !== 0) throw new DerError(`a version that has no place: extension ${oid}`)
}

/** The service writes the bytes bare; newer certificates wrap them in an OCTET STRING. */
function chipIdOf(vek: Certificate, product: SnpProduct): Uint8Array {
  const value = extensionOf(vek, VEK_OID.hardwareId)
  const length = HARDWARE_ID_BYTES[product]
  const id = value.length === length ? value : soleElement(value, TAG.octetString).content
  if (id.length !== length) throw new DerError(`a chip id of ${id.length} bytes`)
  const chipId = new Uint8Array(HARDWARE_ID_BYTES.Milan)
  chipId.set(id)
  return chipId
}

/** Models of each product (combined CPUID family and model): Genoa's include Bergamo and Siena. */
const MODELS: readonly (readonly [product: SnpProduct, family: number, from: number, to: number])[] = [
  ['Milan', 0x19, 0x00, 0x0f],
  ['Genoa', 0x19, 0x10, 0x1f],
  ['Genoa', 0x19, 0xa0, 0xaf],
  ['Turin', 0x1a, 0x00, 0x1f],
]

export const productOf = ({ family, model }: SnpCpuid): SnpProduct | undefined =>
  MODELS.find(([, known, from, to]) => family === known && model >= from && model <= to)?.[0]

/**
 * Whether the certificate speaks of the machine, the versions and the kind of key that the report names:
 * `wrong-signing-key`, `product-mismatch`, `chip-mismatch`, `tcb-mismatch`.
 */
export function checkEndorsement(report: SnpReport, endorsement: Endorsement): Result<undefined, AttestationError> {
  const { product, signingKey, chipId, tcb } = endorsement
  if (report.signingKey !== signingKey) return refuse('wrong-signing-key', report.signingKey, signingKey)
  if (report.maskChipKey && signingKey === 'VCEK')
    return refuse('wrong-signing-key', 'a chip key that is not masked', 'MASK_CHIP_KEY in a report by a VCEK')
  const measured = report.cpuid === undefined ? product : productOf(report.cpuid)
  if (measured !== product)
    return refuse('product-mismatch', product, `${measured} of CPUID ${JSON.stringify(report.cpuid)}`)
  if (chipId !== undefined && !isZero(report.chipId) && !equalBytes(report.chipId, chipId))
    return refuse('chip-mismatch', bytesToHex(report.chipId), bytesToHex(chipId))
  if (!equalBytes(report.reportedTcb, tcb))
    return refuse('tcb-mismatch', tcbText(product, report.reportedTcb), tcbText(product, tcb))
  return ok(undefined)
}

/** The machine as AMD names it; a VLEK without a chip id tells the cloud alone. */
export function instanceIdOf(report: SnpReport, endorsement: Endorsement): string {
  const chipId = isZero(report.chipId) ? endorsement.chipId : report.chipId
  return chipId === undefined ? `amd:csp:${endorsement.cspId}` : `amd:${bytesToHex(chipId).slice(2)}`
}
