import 'reflect-metadata'
import { BasicConstraintsExtension, Extension, KeyUsagesExtension, PemConverter } from '@peculiar/x509'
import { bytesToHex, utf8 } from '../../protocol/index.ts'
import { concatBytes } from '../bytes.ts'
import { SIMULATED_LIST_MS, SIMULATED_ROOT_LEAD_MS, SIMULATED_ROOT_MS } from '../constants.ts'
import { SGX_EXTENSION, SGX_EXTENSION_DER } from '../dcap/pck.ts'
import type { SignedName } from '../dcap/signedJson.ts'
import { TAG } from '../der/reader.ts'
import { encodeElement, encodeInteger } from '../der/writer.ts'
import { P256_SHA256, type Subtle, type WebKey, type WebKeyPair } from '../webcrypto.ts'
import { USAGE } from '../x509/certificate.ts'
import type { CertificateRequest, RevocationListRequest } from '../x509/issue.ts'
import { SIMULATED_MARK } from './authority.ts'

/** Who signs in Intel's scheme: the root, its CA of platforms and its signer of collateral, and a platform's PCK. */
export const INTEL_ROLES = ['root', 'ca', 'pck', 'signer'] as const
export type IntelRole = (typeof INTEL_ROLES)[number]
export type IntelKeys = Readonly<Record<IntelRole, WebKeyPair>>

/** What a platform's PCK certificate says of it. */
export interface SimulatedPlatform {
  /** 16 bytes. */
  readonly ppid: Uint8Array
  /** 6 bytes. */
  readonly fmspc: Uint8Array
  /** Security versions of its 16 components. */
  readonly components: readonly number[]
  readonly pcesvn: number
}

const ISSUERS: Readonly<Record<IntelRole, IntelRole>> = { root: 'root', ca: 'root', signer: 'root', pck: 'ca' }
const PCEID = Uint8Array.of(0, 0)

export const intelNames = (label: string): Readonly<Record<IntelRole, string>> => ({
  root: `CN=Root CA OPG ${label} ${SIMULATED_MARK}`,
  ca: 'CN=simulated PCK Platform CA',
  pck: 'CN=simulated PCK Certificate',
  signer: 'CN=simulated TCB Signing',
})

export interface IntelInit {
  readonly names: Readonly<Record<IntelRole, string>>
  readonly keys: IntelKeys
  readonly serials: Readonly<Record<IntelRole, Uint8Array>>
  readonly platform: SimulatedPlatform
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The request of one certificate, with Intel's extensions (PCK Certificate and CRL Profile Specification). */
export function intelCertificate(
  role: IntelRole,
  { names, keys, serials, platform, now }: IntelInit,
): CertificateRequest {
  const ca = role === 'root' || role === 'ca'
  const extensions = [
    new BasicConstraintsExtension(ca, ca ? (role === 'root' ? 1 : 0) : undefined, true),
    new KeyUsagesExtension(ca ? USAGE.keyCertSign | USAGE.cRLSign : USAGE.digitalSignature, true),
  ]
  return {
    subject: names[role],
    issuer: names[ISSUERS[role]],
    notBefore: now - SIMULATED_ROOT_LEAD_MS,
    notAfter: now - SIMULATED_ROOT_LEAD_MS + SIMULATED_ROOT_MS,
    serial: serials[role],
    publicKey: keys[role].publicKey,
    signingKey: keys[ISSUERS[role]].privateKey,
    signingAlgorithm: P256_SHA256,
    extensions: role === 'pck' ? [...extensions, sgxExtension(platform)] : extensions,
  }
}

/** The request of the list of the root, or of the CA of platforms. */
export const intelList = (role: 'root' | 'ca', { names, keys, now }: IntelInit): RevocationListRequest => ({
  issuer: names[role],
  thisUpdate: now - SIMULATED_ROOT_LEAD_MS,
  nextUpdate: now + SIMULATED_LIST_MS,
  revoked: [],
  signingKey: keys[role].privateKey,
  signingAlgorithm: P256_SHA256,
})

/** Everything the SGX extension must hold: PPID, TCB, PCEID, FMSPC and SGX type. */
export function sgxExtension({ ppid, fmspc, components, pcesvn }: SimulatedPlatform): Extension {
  const entry = (arcs: readonly number[], value: Uint8Array): Uint8Array =>
    encodeElement(TAG.sequence, encodeElement(TAG.oid, SGX_EXTENSION_DER, Uint8Array.of(...arcs)), value)
  const tcb = encodeElement(
    TAG.sequence,
    ...components.map((svn, index) => entry([2, index + 1], encodeInteger(svn))),
    entry([2, 17], encodeInteger(pcesvn)),
    entry([2, 18], encodeElement(TAG.octetString, Uint8Array.from(components))),
  )
  const value = encodeElement(
    TAG.sequence,
    entry([1], encodeElement(TAG.octetString, ppid)),
    entry([2], tcb),
    entry([3], encodeElement(TAG.octetString, PCEID)),
    entry([4], encodeElement(TAG.octetString, fmspc)),
    entry([5], encodeElement(TAG.enumerated, Uint8Array.of(0))),
  )
  return new Extension(SGX_EXTENSION, false, value)
}

/** Leaf first, as quotes and the services' headers have it. */
export const intelPem = (...leafFirst: readonly Uint8Array[]): Uint8Array =>
  utf8(leafFirst.map((der) => `${PemConverter.encode(new Uint8Array(der), PemConverter.CertificateTag)}\n`).join(''))

const SIGNED_BY = utf8(',"signature":"')

/** A response as the provisioning service serves it. */
export async function signIntelJson(name: SignedName, body: object, key: WebKey, subtle: Subtle): Promise<Uint8Array> {
  const text = new Uint8Array(utf8(JSON.stringify(body)))
  const signature = new Uint8Array(await subtle.sign(P256_SHA256, key, text))
  return concatBytes(utf8(`{"${name}":`), text, SIGNED_BY, utf8(`${bytesToHex(signature).slice(2)}"}`))
}
