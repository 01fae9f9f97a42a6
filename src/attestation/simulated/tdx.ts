import type { EvidenceKind, Random } from '../../protocol/index.ts'
import type { Attestation, Attester } from '../attester.ts'
import { concatBytes } from '../bytes.ts'
import { encodeCollateral } from '../collateral.ts'
import { SIMULATED_LIST_MS } from '../constants.ts'
import { mismatch } from '../errors.ts'
import { padReportData } from '../evidence.ts'
import { type TrustRoot, trustRoot } from '../trustRoots.ts'
import type { Subtle, WebKeyPair } from '../webcrypto.ts'
import { generateP256, issueCertificate, issueRevocationList, newSerial } from '../x509/issue.ts'
import { measuredSha384, type SimulatedMeasurements } from './attester.ts'
import { simulatedQeIdentity, simulatedTcbInfo } from './intelCollateral.ts'
import {
  INTEL_ROLES,
  type IntelInit,
  type IntelKeys,
  type IntelRole,
  intelCertificate,
  intelList,
  intelNames,
  intelPem,
  type SimulatedPlatform,
  signIntelJson,
} from './intelPki.ts'
import {
  describeBody,
  encodeEnclaveReport,
  encodeQuoteHeader,
  encodeTdReport,
  SIMULATED_QE,
  SIMULATED_QE_AUTH_DATA,
  signQuote,
} from './intelQuote.ts'

const LABEL = /^[A-Za-z0-9][A-Za-z0-9.-]{0,47}$/
const FMSPC = Uint8Array.of(0x51, 0x4d, 0, 0, 0, 0)
const COMPONENTS = Array.from({ length: 16 }, (_, index) => (index < 8 ? 2 : 0))
const PCESVN = 11

export interface SimulatedTdxComponents {
  readonly subtle: Subtle
  readonly random: Random
}

export interface SimulatedTdxAttesterInit {
  /** Of the quote: 4 has the report of the TDX module 1.0, 5 that of 1.5. */
  readonly version: 4 | 5
  /** MRTD is the code, RTMR0 its configuration, RTMR1 the models. */
  readonly measurements: SimulatedMeasurements
}

/** The devnet's stand-in for Intel and for one platform of its making: whoever holds its keys can make any quote (R6). */
export interface SimulatedTdxAuthority {
  readonly trustRoot: TrustRoot
  attester(init: SimulatedTdxAttesterInit): Attester
}

/** New keys for root, CA, platform and signer of collateral. `label` is letters, digits, dots and dashes; `now` in ms since 1970. */
export async function createSimulatedTdxAuthority(
  components: SimulatedTdxComponents,
  init: { readonly label: string; readonly now: number },
): Promise<SimulatedTdxAuthority> {
  if (!LABEL.test(init.label)) throw mismatch('bad-authority', `a label like ${LABEL.source}`, init.label)
  const { subtle, random } = components
  const pairs = await Promise.all(INTEL_ROLES.map(() => generateP256(subtle)))
  const intel: IntelInit = {
    names: intelNames(init.label),
    keys: Object.fromEntries(INTEL_ROLES.map((role, at) => [role, pairs[at]])) as IntelKeys,
    serials: Object.fromEntries(INTEL_ROLES.map((role) => [role, newSerial(random)])) as IntelInit['serials'],
    platform: { ppid: new Uint8Array(random(16)), fmspc: FMSPC, components: COMPONENTS, pcesvn: PCESVN },
    now: init.now,
  }
  const ders = await Promise.all(INTEL_ROLES.map((role) => issueCertificate(intelCertificate(role, intel), subtle)))
  const certificates = Object.fromEntries(INTEL_ROLES.map((role, at) => [role, ders[at]])) as Certificates
  return new Authority(components, intel, certificates, await generateP256(subtle))
}

type Certificates = Readonly<Record<IntelRole, Uint8Array>>

class Authority implements SimulatedTdxAuthority {
  readonly trustRoot: TrustRoot
  readonly #components: SimulatedTdxComponents
  readonly #intel: IntelInit
  readonly #certificates: Certificates
  readonly #attestationKeys: WebKeyPair
  #collateral: { readonly from: number; readonly bytes: Promise<Uint8Array> } | undefined

  constructor(
    components: SimulatedTdxComponents,
    intel: IntelInit,
    certificates: Certificates,
    attestationKeys: WebKeyPair,
  ) {
    this.#components = components
    this.#intel = intel
    this.#certificates = certificates
    this.#attestationKeys = attestationKeys
    this.trustRoot = trustRoot(intel.names.root, 'intel', certificates.root)
  }

  attester({ version, measurements }: SimulatedTdxAttesterInit): Attester {
    const kind: EvidenceKind = 'tdx'
    const mrtd = measuredSha384(measurements.code)
    const rtmrs = [measuredSha384(measurements.configuration), measuredSha384(measurements.models)]
    return {
      kind,
      attest: async (reportData, now): Promise<Attestation> => ({
        document: await this.#quote(version, { mrtd, rtmrs, reportData: padReportData(kind, reportData) }),
        collateral: await this.#collateralAt(now),
      }),
    }
  }

  #quote(version: 4 | 5, domain: Parameters<typeof encodeTdReport>[1]): Promise<Uint8Array> {
    const layout = version === 4 ? 'td10' : 'td15'
    const body = encodeTdReport(layout, domain)
    const descriptor = version === 4 ? new Uint8Array(0) : describeBody(layout, body)
    const { root, ca, pck } = this.#certificates
    return signQuote(
      {
        version,
        signed: concatBytes(encodeQuoteHeader(version, 'tdx'), descriptor, body),
        attestationKeys: this.#attestationKeys,
        qeReport: (reportData) => encodeEnclaveReport(SIMULATED_QE.tdx, new Uint8Array(32), reportData),
        qeAuthData: SIMULATED_QE_AUTH_DATA,
        pckKey: this.#intel.keys.pck.privateKey,
        certification: { type: 5, data: intelPem(pck, ca, root) },
      },
      this.#components.subtle,
    )
  }

  /** Issued anew when half of its life is over, or when the clock went back. */
  #collateralAt(now: number): Promise<Uint8Array> {
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
    const { root, ca, signer } = this.#certificates
    const intel: IntelInit = { ...this.#intel, now }
    const key = intel.keys.signer.privateKey
    const platform: SimulatedPlatform = intel.platform
    return encodeCollateral(
      new Map([
        ['intel/root-crl', await issueRevocationList(intelList('root', intel), subtle)],
        ['intel/pck-crl', await issueRevocationList(intelList('ca', intel), subtle)],
        ['intel/pck-crl-chain', intelPem(ca, root)],
        ['intel/tcb-info', await signIntelJson('tcbInfo', simulatedTcbInfo('tdx', platform, now), key, subtle)],
        ['intel/tcb-info-chain', intelPem(signer, root)],
        ['intel/qe-identity', await signIntelJson('enclaveIdentity', simulatedQeIdentity('tdx', now), key, subtle)],
        ['intel/qe-identity-chain', intelPem(signer, root)],
      ]),
    )
  }
}
