import 'reflect-metadata'
import { PemConverter } from '@peculiar/x509'
import { fail, ok, type Random, type Result } from '../../protocol/index.ts'
import { SIMULATED_CA_MS, SIMULATED_LEAF_MS, SIMULATED_ROOT_LEAD_MS, SIMULATED_ROOT_MS } from '../constants.ts'
import { type AttestationError, mismatch } from '../errors.ts'
import { type TrustRoot, trustRoot } from '../trustRoots.ts'
import { P384, P384_SHA384, type Subtle, type WebKey } from '../webcrypto.ts'
import { type Certificate, nameText, parseCertificate, USAGE } from '../x509/certificate.ts'
import { generateP384, issueCertificate, newSerial, roleExtensions } from '../x509/issue.ts'
import type { AuthorityPem } from './authorityPem.ts'
import { seededP384 } from './seededKey.ts'

/** In the name of every simulated root, so that nobody who reads a chain is misled. */
export const SIMULATED_MARK = 'SIMULATED - NOT A TEE'

const PROBE_BYTES = 16
const TIERS = ['regional', 'zonal', 'instance'] as const

export interface SimulatedAuthorityComponents {
  readonly subtle: Subtle
  readonly random: Random
}

/** A leaf with its key and everything above it, in the order of a Nitro document. */
export interface IssuedChain {
  readonly cabundle: readonly Uint8Array[]
  readonly certificate: Uint8Array
  readonly privateKey: WebKey
  /** Milliseconds since 1970. */
  readonly notAfter: number
}

/**
 * The devnet's stand-in for a vendor: whoever holds its key can make any evidence. It proves neither isolation nor
 * what code runs, and evidence under it is `simulated` everywhere (R6).
 */
export interface SimulatedAuthority {
  readonly trustRoot: TrustRoot
  /** DER of the root. */
  readonly certificate: Uint8Array
  /** Fresh CA certificates and a leaf for one instance, as a Nitro machine gets them. `now` in ms since 1970. */
  issueChain(instanceId: string, now: number): Promise<IssuedChain>
  exportPem(): Promise<AuthorityPem>
}

export interface SimulatedAuthorityInit {
  /** Letters, digits, dots and dashes. */
  readonly label: string
  /** Milliseconds since 1970. */
  readonly now: number
  /**
   * 32 bytes, for devnets only: the same seed and label have the same P-384 key. A random one without it. The certificate
   * differs all the same, since ECDSA signatures of WebCrypto do: networks pin it by digest once it is made.
   */
  readonly seed?: Uint8Array
}

/** A new authority. Throws AttestationError `bad-authority` for another label or seed. */
export async function createSimulatedAuthority(
  components: SimulatedAuthorityComponents,
  init: SimulatedAuthorityInit,
): Promise<SimulatedAuthority> {
  if (!NAME.test(init.label)) throw mismatch('bad-authority', `a label like ${NAME.source}`, init.label)
  const keys =
    init.seed === undefined
      ? await generateP384(components.subtle)
      : await seededP384(init.seed, `OPG simulated authority ${init.label}`, components.subtle)
  const name = `CN=OPG ${init.label} ${SIMULATED_MARK}`
  const notBefore = wholeSecond(init.now) - SIMULATED_ROOT_LEAD_MS
  const der = await issueCertificate(
    {
      subject: name,
      issuer: name,
      notBefore,
      notAfter: notBefore + SIMULATED_ROOT_MS,
      serial: newSerial(components.random),
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      extensions: roleExtensions({ ca: true, pathLength: undefined }),
    },
    components.subtle,
  )
  const parsed = parseCertificate(der, 0)
  if (!parsed.ok) throw parsed.error
  return new Authority(components, parsed.value, keys.privateKey)
}

/**
 * Reads what `exportPem` wrote. `bad-authority` when a file is no PEM, the key is not the certificate's, or the
 * certificate is no CA or does not call itself simulated.
 */
export async function importSimulatedAuthority(
  components: SimulatedAuthorityComponents,
  pem: AuthorityPem,
): Promise<Result<SimulatedAuthority, AttestationError>> {
  const { subtle } = components
  try {
    const parsed = parseCertificate(soleBlock(pem.certificate), 0)
    if (!parsed.ok) return fail(mismatch('bad-authority', 'a P-384 certificate', 'another', parsed.error))
    const root = parsed.value
    const subject = nameText(root.subject)
    if (!subject.includes(SIMULATED_MARK))
      return fail(mismatch('bad-authority', `a subject with "${SIMULATED_MARK}"`, subject))
    if (!root.isCa || ((root.usages ?? 0) & USAGE.keyCertSign) === 0)
      return fail(mismatch('bad-authority', 'a CA certificate', 'an end entity'))
    const key = await subtle.importKey('pkcs8', soleBlock(pem.privateKey), P384, true, ['sign'])
    const probe = components.random(PROBE_BYTES) as Uint8Array<ArrayBuffer>
    const signature = await subtle.sign(P384_SHA384, key, probe)
    const publicKey = await subtle.importKey('spki', new Uint8Array(root.spki), P384, false, ['verify'])
    if (!(await subtle.verify(P384_SHA384, publicKey, signature, probe)))
      return fail(mismatch('bad-authority', 'the private key of the certificate', 'another key'))
    return ok(new Authority(components, root, key))
  } catch (cause) {
    return fail(mismatch('bad-authority', 'a certificate and a PKCS #8 key in PEM', 'other text', cause))
  }
}

class Authority implements SimulatedAuthority {
  readonly trustRoot: TrustRoot
  readonly certificate: Uint8Array
  readonly #components: SimulatedAuthorityComponents
  readonly #root: Certificate
  readonly #key: WebKey

  constructor(components: SimulatedAuthorityComponents, root: Certificate, key: WebKey) {
    this.#components = components
    this.#root = root
    this.#key = key
    this.certificate = root.der
    this.trustRoot = trustRoot(nameText(root.subject), 'aws', root.der)
  }

  async issueChain(instanceId: string, now: number): Promise<IssuedChain> {
    if (!NAME.test(instanceId)) throw mismatch('bad-authority', `an instance id like ${NAME.source}`, instanceId)
    const { subtle, random } = this.#components
    const notBefore = wholeSecond(now)
    const cabundle: Uint8Array[] = [this.certificate]
    let issuer = nameText(this.#root.subject)
    let signingKey = this.#key
    for (const [above, tier] of TIERS.entries()) {
      const keys = await generateP384(subtle)
      const subject = `CN=${instanceId}.${tier}.simulated`
      cabundle.push(
        await issueCertificate(
          {
            subject,
            issuer,
            notBefore,
            notAfter: notBefore + (SIMULATED_CA_MS[above] ?? SIMULATED_LEAF_MS),
            serial: newSerial(random),
            publicKey: keys.publicKey,
            signingKey,
            extensions: roleExtensions({ ca: true, pathLength: TIERS.length - 1 - above }),
          },
          subtle,
        ),
      )
      issuer = subject
      signingKey = keys.privateKey
    }
    const leaf = await generateP384(subtle)
    const notAfter = notBefore + SIMULATED_LEAF_MS
    const certificate = await issueCertificate(
      {
        subject: `CN=${instanceId}.simulated`,
        issuer,
        notBefore,
        notAfter,
        serial: newSerial(random),
        publicKey: leaf.publicKey,
        signingKey,
        extensions: roleExtensions({ ca: false }),
      },
      subtle,
    )
    return { cabundle, certificate, privateKey: leaf.privateKey, notAfter }
  }

  async exportPem(): Promise<AuthorityPem> {
    const pkcs8 = await this.#components.subtle.exportKey('pkcs8', this.#key)
    return {
      certificate: PemConverter.encode(new Uint8Array(this.certificate), PemConverter.CertificateTag),
      privateKey: PemConverter.encode(pkcs8, PemConverter.PrivateKeyTag),
    }
  }
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,47}$/

const wholeSecond = (time: number): number => Math.floor(time / 1000) * 1000

function soleBlock(pem: string): Uint8Array<ArrayBuffer> {
  const blocks = PemConverter.decode(pem)
  const [der] = blocks
  if (der === undefined || blocks.length !== 1) throw new TypeError(`expected one PEM block, got ${blocks.length}`)
  return new Uint8Array(der)
}
