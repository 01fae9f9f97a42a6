import type { EvidenceKind } from '../../protocol/index.ts'
import type { Attestation, Attester } from '../attester.ts'
import { concatBytes } from '../bytes.ts'
import { padReportData } from '../evidence.ts'
import type { Subtle, WebKeyPair } from '../webcrypto.ts'
import { generateP256 } from '../x509/issue.ts'
import { measuredSha384, type SimulatedMeasurements } from './attester.ts'
import {
  describeBody,
  encodeEnclaveReport,
  encodeQuoteHeader,
  encodeTdReport,
  SIMULATED_QE,
  SIMULATED_QE_AUTH_DATA,
  type SimulatedDomain,
  signQuote,
} from './intelQuote.ts'
import type { IssuedPck, SimulatedTdxAuthority } from './tdxAuthority.ts'

export interface SimulatedTdxAttesterInit {
  /** Of the quote: 4 has the report of the TDX module 1.0, 5 that of 1.5. */
  readonly version: 4 | 5
  /** 16 bytes that stand for the processor package. */
  readonly ppid: Uint8Array
  /** MRTD is the code, RTMR0 its configuration, RTMR1 the models. */
  readonly measurements: SimulatedMeasurements
}

export interface SimulatedTdxAttesterComponents {
  readonly authority: Pick<SimulatedTdxAuthority, 'issuePck' | 'collateralAt'>
  readonly subtle: Subtle
}

/**
 * An attester in the form of an Intel trust domain under a devnet's authority: same bytes, same checks, another root (R6).
 * Its collateral travels with each quote.
 */
export function simulatedTdxAttester(
  components: SimulatedTdxAttesterComponents,
  init: SimulatedTdxAttesterInit,
): Attester {
  return new SimulatedTdx(components, init)
}

/** What one platform signs quotes with. */
interface QuotingKeys {
  readonly pck: IssuedPck
  readonly attestationKeys: WebKeyPair
}

class SimulatedTdx implements Attester {
  readonly kind: EvidenceKind = 'tdx'
  readonly #components: SimulatedTdxAttesterComponents
  readonly #init: Omit<SimulatedTdxAttesterInit, 'measurements'>
  readonly #measured: Omit<SimulatedDomain, 'reportData'>
  #keys: Promise<QuotingKeys> | undefined

  constructor(components: SimulatedTdxAttesterComponents, { measurements, ...init }: SimulatedTdxAttesterInit) {
    const { code, configuration, models } = measurements
    this.#components = components
    this.#init = init
    this.#measured = { mrtd: measuredSha384(code), rtmrs: [measuredSha384(configuration), measuredSha384(models)] }
  }

  async attest(reportData: Uint8Array, now: number): Promise<Attestation> {
    const { authority } = this.#components
    const keys = await this.#keysAt(now)
    return {
      document: await this.#quote(keys, { ...this.#measured, reportData: padReportData(this.kind, reportData) }),
      collateral: await authority.collateralAt(now),
    }
  }

  #quote({ pck, attestationKeys }: QuotingKeys, domain: SimulatedDomain): Promise<Uint8Array> {
    const { version } = this.#init
    const layout = version === 4 ? 'td10' : 'td15'
    const body = encodeTdReport(layout, domain)
    const descriptor = version === 4 ? new Uint8Array(0) : describeBody(layout, body)
    return signQuote(
      {
        version,
        signed: concatBytes(encodeQuoteHeader(version, 'tdx'), descriptor, body),
        attestationKeys,
        qeReport: (bound) => encodeEnclaveReport(SIMULATED_QE.tdx, new Uint8Array(32), bound),
        qeAuthData: SIMULATED_QE_AUTH_DATA,
        pckKey: pck.privateKey,
        certification: { type: 5, data: pck.chain },
      },
      this.#components.subtle,
    )
  }

  /** The platform's keys, for as long as the process runs; made again when making them failed. */
  async #keysAt(now: number): Promise<QuotingKeys> {
    this.#keys ??= this.#makeKeys(now)
    try {
      return await this.#keys
    } catch (error) {
      this.#keys = undefined
      throw error
    }
  }

  async #makeKeys(now: number): Promise<QuotingKeys> {
    const { authority, subtle } = this.#components
    const [pck, attestationKeys] = await Promise.all([authority.issuePck(this.#init.ppid, now), generateP256(subtle)])
    return { pck, attestationKeys }
  }
}
