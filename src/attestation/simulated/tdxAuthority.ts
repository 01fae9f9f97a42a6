import { fail, ok, type Random, type Result } from '../../protocol/index.ts'
import { encodeCollateral } from '../collateral.ts'
import { SIMULATED_LIST_MS } from '../constants.ts'
import { type AttestationError, mismatch } from '../errors.ts'
import { type TrustRoot, trustRoot } from '../trustRoots.ts'
import type { Subtle, WebKey, WebKeyPair } from '../webcrypto.ts'
import { nameText, parseCertificate } from '../x509/certificate.ts'
import { generateP256, issueCertificate, issueRevocationList, newSerial } from '../x509/issue.ts'
import { SIMULATED_MARK } from './authority.ts'
import {
  type AuthorityPem,
  certificatePem,
  importPrivateKey,
  pemBlocks,
  privateKeyPem,
  publicKeyOf,
} from './authorityPem.ts'
import { simulatedQeIdentity, simulatedTcbInfo } from './intelCollateral.ts'
import {
  type IntelInit,
  type IntelRole,
  intelCertificate,
  intelList,
  intelNames,
  intelPem,
  type SimulatedPlatform,
  signIntelJson,
} from './intelPki.ts'

const LABEL = /^[A-Za-z0-9][A-Za-z0-9.-]{0,47}$/
const PPID_BYTES = 16
/** What every simulated platform has in common: its family and its security versions. */
const PLATFORM = {
  fmspc: Uint8Array.of(0x51, 0x4d, 0, 0, 0, 0),
  components: Array.from({ length: 16 }, (_, index) => (index < 8 ? 2 : 0)),
  pcesvn: 11,
} as const
const NO_PLATFORM: SimulatedPlatform = { ...PLATFORM, ppid: new Uint8Array(PPID_BYTES) }

export interface SimulatedTdxComponents {
  readonly subtle: Subtle
  readonly random: Random
}

/** A platform's certificate with its key, and those above it as quotes carry them. */
export interface IssuedPck {
  /** PCK, its CA and the root, PEM. */
  readonly chain: Uint8Array
  readonly privateKey: WebKey
}

/** The devnet's stand-in for Intel: whoever holds its keys can make any quote (R6). */
export interface SimulatedTdxAuthority {
  readonly trustRoot: TrustRoot
  /** The files a devnet directory keeps: root, CA of platforms and signer of collateral, and their keys in that order. */
  exportPem(): Promise<AuthorityPem>
  /** A new key for the platform of that PPID, 16 bytes, certified. `now` in ms since 1970. Throws `bad-authority`. */
  issuePck(ppid: Uint8Array, now: number): Promise<IssuedPck>
  /** A bundle in force at `now`: revocation lists, TCB info and QE identity; made anew at half of its life. */
  collateralAt(now: number): Promise<Uint8Array>
}

/** Who signs besides platforms: those the authority keeps. */
const SIGNERS = ['root', 'ca', 'signer'] as const
type Signer = (typeof SIGNERS)[number]

interface SignerParts {
  readonly certificate: Uint8Array
  readonly keys: WebKeyPair
}
type Signers = Readonly<Record<Signer, SignerParts>>

/** New keys for root, CA and signer of collateral. `label` is letters, digits, dots and dashes; `now` in ms since 1970. */
export async function createSimulatedTdxAuthority(
  components: SimulatedTdxComponents,
  init: { readonly label: string; readonly now: number },
): Promise<SimulatedTdxAuthority> {
  if (!LABEL.test(init.label)) throw mismatch('bad-authority', `a label like ${LABEL.source}`, init.label)
  const { subtle, random } = components
  const keys = byRole(await Promise.all(SIGNERS.map(() => generateP256(subtle))))
  const intel = schemeOf(intelNames(init.label), keys, random, init.now)
  const parts = await Promise.all(
    SIGNERS.map(async (role) => ({
      certificate: await issueCertificate(intelCertificate(role, intel), subtle),
      keys: intel.keys[role],
    })),
  )
  return new Authority(components, byRole(parts), intel.names)
}

/** A PCK's key and platform take their place when it is issued; none is signed by the key that stands there until then. */
function schemeOf(
  names: IntelInit['names'],
  keys: Readonly<Record<Signer, WebKeyPair>>,
  random: Random,
  now: number,
): IntelInit {
  const serial = (): Uint8Array => newSerial(random)
  return {
    names,
    keys: { ...keys, pck: keys.signer },
    serials: { root: serial(), ca: serial(), pck: serial(), signer: serial() },
    platform: NO_PLATFORM,
    now,
  }
}

const byRole = <T>(parts: readonly T[]): Readonly<Record<Signer, T>> =>
  Object.fromEntries(SIGNERS.map((role, at) => [role, parts[at]])) as Record<Signer, T>

/**
 * Reads what `exportPem` wrote. `bad-authority` when a file is no PEM, a key is not its certificate's, or the root does
 * not call itself simulated.
 */
export async function importSimulatedTdxAuthority(
  components: SimulatedTdxComponents,
  pem: AuthorityPem,
): Promise<Result<SimulatedTdxAuthority, AttestationError>> {
  try {
    const certificates = pemBlocks(pem.certificate, SIGNERS.length)
    const keys = pemBlocks(pem.privateKey, SIGNERS.length)
    const parts: SignerParts[] = []
    const names: string[] = []
    for (const [at, der] of certificates.entries()) {
      const parsed = parseCertificate(der, at)
      if (!parsed.ok) return fail(mismatch('bad-authority', 'three P-256 certificates', 'another', parsed.error))
      const privateKey = await importPrivateKey(keys[at] ?? new Uint8Array(0), 'ES256', components.subtle)
      const publicKey = await publicKeyOf(privateKey, { spki: parsed.value.spki, algorithm: 'ES256' }, components)
      if (publicKey === undefined)
        return fail(mismatch('bad-authority', 'the private key of each certificate, in their order', 'another key'))
      parts.push({ certificate: der, keys: { publicKey, privateKey } })
      names.push(nameText(parsed.value.subject))
    }
    const [root = '', ca = '', signer = ''] = names
    if (!root.includes(SIMULATED_MARK))
      return fail(mismatch('bad-authority', `a subject with "${SIMULATED_MARK}"`, root))
    return ok(new Authority(components, byRole(parts), { ...intelNames(''), root, ca, signer }))
  } catch (cause) {
    return fail(mismatch('bad-authority', 'three certificates and their PKCS #8 keys in PEM', 'other text', cause))
  }
}

class Authority implements SimulatedTdxAuthority {
  readonly trustRoot: TrustRoot
  readonly #components: SimulatedTdxComponents
  readonly #signers: Signers
  readonly #names: Readonly<Record<IntelRole, string>>
  #collateral: { readonly from: number; readonly bytes: Promise<Uint8Array> } | undefined

  constructor(components: SimulatedTdxComponents, signers: Signers, names: Readonly<Record<IntelRole, string>>) {
    this.#components = components
    this.#signers = signers
    this.#names = names
    this.trustRoot = trustRoot(names.root, 'intel', signers.root.certificate)
  }

  async exportPem(): Promise<AuthorityPem> {
    const parts = SIGNERS.map((role) => this.#signers[role])
    const keys = parts.map(({ keys }) => privateKeyPem(keys.privateKey, this.#components.subtle))
    return {
      certificate: parts.map(({ certificate }) => certificatePem(certificate)).join(''),
      privateKey: (await Promise.all(keys)).join(''),
    }
  }

  async issuePck(ppid: Uint8Array, now: number): Promise<IssuedPck> {
    if (ppid.length !== PPID_BYTES)
      throw mismatch('bad-authority', `a PPID of ${PPID_BYTES} bytes`, `${ppid.length} bytes`)
    const { subtle } = this.#components
    const pck = await generateP256(subtle)
    const intel = { ...this.#schemeAt(now), platform: { ...PLATFORM, ppid } }
    const request = intelCertificate('pck', { ...intel, keys: { ...intel.keys, pck } })
    const { root, ca } = this.#signers
    const chain = intelPem(await issueCertificate(request, subtle), ca.certificate, root.certificate)
    return { chain, privateKey: pck.privateKey }
  }

  collateralAt(now: number): Promise<Uint8Array> {
    const current = this.#collateral
    if (current !== undefined && now >= current.from && now < current.from + SIMULATED_LIST_MS / 2) return current.bytes
    const next = { from: now, bytes: this.#issueCollateral(now) }
    this.#collateral = next
    next.bytes.catch(() => {
      if (this.#collateral === next) this.#collateral = undefined
    })
    return next.bytes
  }

  async #issueCollateral(now: number): Promise<Uint8Array> {
    const { subtle } = this.#components
    const { root, ca, signer } = this.#signers
    const key = signer.keys.privateKey
    const intel = this.#schemeAt(now)
    const signerChain = intelPem(signer.certificate, root.certificate)
    return encodeCollateral(
      new Map([
        ['intel/root-crl', await issueRevocationList(intelList('root', intel), subtle)],
        ['intel/pck-crl', await issueRevocationList(intelList('ca', intel), subtle)],
        ['intel/pck-crl-chain', intelPem(ca.certificate, root.certificate)],
        ['intel/tcb-info', await signIntelJson('tcbInfo', simulatedTcbInfo('tdx', NO_PLATFORM, now), key, subtle)],
        ['intel/tcb-info-chain', signerChain],
        ['intel/qe-identity', await signIntelJson('enclaveIdentity', simulatedQeIdentity('tdx', now), key, subtle)],
        ['intel/qe-identity-chain', signerChain],
      ]),
    )
  }

  #schemeAt(now: number): IntelInit {
    const { root, ca, signer } = this.#signers
    const keys = { root: root.keys, ca: ca.keys, signer: signer.keys }
    return schemeOf(this.#names, keys, this.#components.random, now)
  }
}
