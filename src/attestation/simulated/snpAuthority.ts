import 'reflect-metadata'
import { BasicConstraintsExtension, Extension, KeyUsagesExtension } from '@peculiar/x509'
import { fail, ok, type Random, type Result } from '../../protocol/index.ts'
import { SIMULATED_ROOT_LEAD_MS, SIMULATED_ROOT_MS } from '../constants.ts'
import { type AttestationError, mismatch } from '../errors.ts'
import { SNP_PRODUCTS, type SnpProduct, type SnpTcb } from '../policy.ts'
import { VEK_OID, VEK_SPL_OID } from '../snp/endorsement.ts'
import type { SigningKey } from '../snp/report.ts'
import { TCB_LAYOUT } from '../snp/tcb.ts'
import { type TrustRoot, trustRoot } from '../trustRoots.ts'
import { PSS_SHA384, type Subtle, type WebKey, type WebKeyPair } from '../webcrypto.ts'
import { nameText, parseCertificate, USAGE } from '../x509/certificate.ts'
import { generateP384, generateRsa, issueCertificate, newSerial } from '../x509/issue.ts'
import { SIMULATED_MARK } from './authority.ts'
import {
  type AuthorityPem,
  certificatePem,
  importPrivateKey,
  pemBlocks,
  privateKeyPem,
  publicKeyOf,
} from './authorityPem.ts'
import { encodeTcb } from './snpReport.ts'

/** AMD's roots and intermediates have keys of this many bits. */
const AMD_MODULUS_BITS = 4_096
/** Milliseconds a simulated VCEK or VLEK lives: as long as a VLEK. */
const VEK_MS = 365 * 86_400_000
const DIGITS = /^[A-Za-z0-9][A-Za-z0-9.-]{0,47}$/

export interface SimulatedSnpComponents {
  readonly subtle: Subtle
  readonly random: Random
}

/** Which key is certified: of one chip (64 bytes, on Turin the first 8), or of a cloud. */
export type VekSubject =
  | { readonly signingKey: 'VCEK'; readonly chipId: Uint8Array }
  | { readonly signingKey: 'VLEK'; readonly cspId: string }

/** A key that signs reports, with its collateral. */
export interface IssuedVek {
  readonly certificate: Uint8Array
  /** ASK or ASVK, then ARK, PEM. */
  readonly chain: Uint8Array
  readonly privateKey: WebKey
}

/** The devnet's stand-in for AMD's key service: whoever holds its keys can make any report (R6). */
export interface SimulatedSnpAuthority {
  readonly product: SnpProduct
  readonly trustRoot: TrustRoot
  /** The files a devnet directory keeps: ARK, ASK and ASVK, and the key of the latter two. */
  exportPem(): Promise<AuthorityPem>
  /** `now` in milliseconds since 1970. */
  issueVek(subject: VekSubject, tcb: SnpTcb, now: number): Promise<IssuedVek>
}

/**
 * A new ARK with an ASK and an ASVK under it, random RSA keys all. `modulusLength` in bits: less than AMD's 4,096 saves
 * seconds where nobody's safety hangs on it.
 */
export async function createSimulatedSnpAuthority(
  components: SimulatedSnpComponents,
  init: { readonly label: string; readonly product: SnpProduct; readonly now: number; readonly modulusLength?: number },
): Promise<SimulatedSnpAuthority> {
  if (!DIGITS.test(init.label)) throw mismatch('bad-authority', `a label like ${DIGITS.source}`, init.label)
  const { subtle } = components
  const keys = await Promise.all([0, 1].map(() => generateRsa(subtle, init.modulusLength ?? AMD_MODULUS_BITS)))
  const [ark, ask] = keys as [WebKeyPair, WebKeyPair]
  const root = `CN=ARK-${init.product} OPG ${init.label} ${SIMULATED_MARK}`
  const issueCa = (subject: string, publicKey: WebKey, pathLength: number): Promise<Uint8Array> =>
    issueCertificate(
      {
        subject,
        issuer: root,
        notBefore: init.now - SIMULATED_ROOT_LEAD_MS,
        notAfter: init.now - SIMULATED_ROOT_LEAD_MS + SIMULATED_ROOT_MS,
        serial: newSerial(components.random),
        publicKey,
        signingKey: ark.privateKey,
        signingAlgorithm: PSS_SHA384,
        extensions: caExtensions(pathLength),
      },
      subtle,
    )
  const arkDer = await issueCa(root, ark.publicKey, 1)
  const intermediates = new Map<SigningKey, Uint8Array>()
  for (const signingKey of ['VCEK', 'VLEK'] as const)
    intermediates.set(signingKey, await issueCa(issuerName(signingKey, init.product), ask.publicKey, 0))
  return new Authority(components, init.product, arkDer, intermediates, ask.privateKey)
}

const INTERMEDIATES = ['VCEK', 'VLEK'] as const

/**
 * Reads what `exportPem` wrote. `bad-authority` when a file is no PEM, the key is not the certificates', or the root does
 * not call itself simulated.
 */
export async function importSimulatedSnpAuthority(
  components: SimulatedSnpComponents,
  pem: AuthorityPem,
): Promise<Result<SimulatedSnpAuthority, AttestationError>> {
  try {
    const [ark, ask, asvk] = pemBlocks(pem.certificate, 3)
    const [pkcs8] = pemBlocks(pem.privateKey, 1)
    const root = nameText(unwrap(parseCertificate(ark ?? NONE, 0)).subject)
    const product = SNP_PRODUCTS.find((name) => root.includes(`ARK-${name} `))
    if (product === undefined || !root.includes(SIMULATED_MARK))
      return fail(mismatch('bad-authority', `an ARK with "${SIMULATED_MARK}"`, root))
    const key = await importPrivateKey(pkcs8 ?? NONE, 'PS384', components.subtle)
    for (const der of [ask, asvk]) {
      const { spki } = unwrap(parseCertificate(der ?? NONE, 1))
      if ((await publicKeyOf(key, { spki, algorithm: 'PS384' }, components)) === undefined)
        return fail(mismatch('bad-authority', 'the private key of the certificates', 'another key'))
    }
    const intermediates = new Map(INTERMEDIATES.map((name, at) => [name, [ask, asvk][at] ?? NONE] as const))
    return ok(new Authority(components, product, ark ?? NONE, intermediates, key))
  } catch (cause) {
    return fail(mismatch('bad-authority', 'three certificates and a PKCS #8 key in PEM', 'other text', cause))
  }
}

const NONE = new Uint8Array(0)

function unwrap<T>(result: Result<T, AttestationError>): T {
  if (!result.ok) throw result.error
  return result.value
}

class Authority implements SimulatedSnpAuthority {
  readonly product: SnpProduct
  readonly trustRoot: TrustRoot
  readonly #components: SimulatedSnpComponents
  readonly #ark: Uint8Array
  readonly #intermediates: ReadonlyMap<SigningKey, Uint8Array>
  readonly #key: WebKey

  constructor(
    components: SimulatedSnpComponents,
    product: SnpProduct,
    ark: Uint8Array,
    intermediates: ReadonlyMap<SigningKey, Uint8Array>,
    key: WebKey,
  ) {
    this.product = product
    this.trustRoot = trustRoot(`simulated ARK-${product}`, 'amd', ark)
    this.#components = components
    this.#ark = ark
    this.#intermediates = intermediates
    this.#key = key
  }

  async exportPem(): Promise<AuthorityPem> {
    const certificates = [this.#ark, ...INTERMEDIATES.map((name) => this.#intermediates.get(name) ?? NONE)]
    return {
      certificate: certificates.map(certificatePem).join(''),
      privateKey: await privateKeyPem(this.#key, this.#components.subtle),
    }
  }

  async issueVek(subject: VekSubject, tcb: SnpTcb, now: number): Promise<IssuedVek> {
    const { subtle } = this.#components
    const keys = await generateP384(subtle)
    const certificate = await issueCertificate(
      {
        subject: `CN=SEV-${subject.signingKey}`,
        issuer: issuerName(subject.signingKey, this.product),
        notBefore: now,
        notAfter: now + VEK_MS,
        serial: newSerial(this.#components.random),
        publicKey: keys.publicKey,
        signingKey: this.#key,
        signingAlgorithm: PSS_SHA384,
        extensions: vekExtensions(this.product, subject, tcb),
      },
      subtle,
    )
    const intermediate = this.#intermediates.get(subject.signingKey) ?? this.#ark
    return { certificate, chain: chainPem(intermediate, this.#ark), privateKey: keys.privateKey }
  }
}

/** AMD's names of the issuers of each kind of key. */
export const issuerName = (signingKey: SigningKey, product: SnpProduct): string =>
  `CN=SEV-${signingKey === 'VLEK' ? 'VLEK-' : ''}${product}`

export const caExtensions = (pathLength: number): Extension[] => [
  new BasicConstraintsExtension(true, pathLength, true),
  new KeyUsagesExtension(USAGE.keyCertSign | USAGE.cRLSign, true),
]

/** What AMD writes into a VCEK or VLEK (AMD 57230, 3.1). */
export function vekExtensions(product: SnpProduct, subject: VekSubject, tcb: SnpTcb): Extension[] {
  const versions = encodeTcb(product, tcb)
  const extensions = [new Extension(VEK_OID.productName, false, text(product))]
  for (const [at, component] of TCB_LAYOUT[product].entries())
    extensions.push(new Extension(VEK_SPL_OID[component], false, integer(versions[at] ?? 0)))
  const last =
    subject.signingKey === 'VCEK'
      ? new Extension(VEK_OID.hardwareId, false, subject.chipId.slice(0, product === 'Turin' ? 8 : 64))
      : new Extension(VEK_OID.cspId, false, text(subject.cspId))
  return [...extensions, last]
}

/** As AMD's key service answers `cert_chain`. */
export const chainPem = (intermediate: Uint8Array, ark: Uint8Array): Uint8Array =>
  new TextEncoder().encode([intermediate, ark].map(certificatePem).join(''))

/** DER of an IA5String below 128 bytes. */
function text(value: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(value)
  if (bytes.length === 0 || bytes.length >= 128) throw mismatch('bad-authority', '1 to 127 letters', value)
  return Uint8Array.of(0x16, bytes.length, ...bytes)
}

/** DER of an INTEGER below 256. */
const integer = (value: number): Uint8Array<ArrayBuffer> =>
  value < 128 ? Uint8Array.of(2, 1, value) : Uint8Array.of(2, 2, 0, value)
