import type { EvidenceKind } from '../../protocol/index.ts'
import type { Attestation, Attester } from '../attester.ts'
import { concatBytes } from '../bytes.ts'
import { encodeCollateral } from '../collateral.ts'
import { mismatch } from '../errors.ts'
import { padReportData } from '../evidence.ts'
import type { SnpTcb } from '../policy.ts'
import type { Subtle } from '../webcrypto.ts'
import { measuredSha384, type SimulatedMeasurements } from './attester.ts'
import type { IssuedVek, SimulatedSnpAuthority, VekSubject } from './snpAuthority.ts'
import { encodeSnpReport, signSnpReport } from './snpReport.ts'

/** Bytes of CHIP_ID in a report. */
const CHIP_ID_BYTES = 64

export interface SimulatedSnpAttesterInit {
  /** A chip of its own, or a cloud's key, which tells no chip. */
  readonly subject: VekSubject
  readonly tcb: SnpTcb
  /** MEASUREMENT is the code, HOST_DATA the SHA-256 over configuration and models. */
  readonly measurements: SimulatedMeasurements
}

/** An attester in the form of an SEV-SNP guest under a devnet's authority: same bytes, same checks, another root (R6). */
export async function simulatedSnpAttester(
  components: { readonly authority: SimulatedSnpAuthority; readonly subtle: Subtle },
  init: SimulatedSnpAttesterInit,
): Promise<Attester> {
  const { code, configuration, models } = init.measurements
  if (init.subject.signingKey === 'VCEK' && init.subject.chipId.length !== CHIP_ID_BYTES)
    throw mismatch('bad-authority', `a chip id of ${CHIP_ID_BYTES} bytes`, `${init.subject.chipId.length}`)
  const both = concatBytes(measuredSha384(configuration), measuredSha384(models))
  const hostData = new Uint8Array(await components.subtle.digest('SHA-256', both))
  return new SimulatedSnp(components, init, measuredSha384(code), hostData)
}

class SimulatedSnp implements Attester {
  readonly kind: EvidenceKind = 'sev-snp'
  readonly #authority: SimulatedSnpAuthority
  readonly #subtle: Subtle
  readonly #init: SimulatedSnpAttesterInit
  readonly #measurement: Uint8Array
  readonly #hostData: Uint8Array
  #vek: Promise<IssuedVek> | undefined

  constructor(
    components: { readonly authority: SimulatedSnpAuthority; readonly subtle: Subtle },
    init: SimulatedSnpAttesterInit,
    measurement: Uint8Array,
    hostData: Uint8Array,
  ) {
    this.#authority = components.authority
    this.#subtle = components.subtle
    this.#init = init
    this.#measurement = measurement
    this.#hostData = hostData
  }

  async attest(reportData: Uint8Array, now: number): Promise<Attestation> {
    const { subject, tcb } = this.#init
    const { certificate, chain, privateKey } = await this.#vekAt(now)
    const report = encodeSnpReport({
      product: this.#authority.product,
      signingKey: subject.signingKey,
      chipId: this.#chipId(),
      tcb,
      measurement: this.#measurement,
      hostData: this.#hostData,
      reportData: padReportData(this.kind, reportData),
    })
    return {
      document: await signSnpReport(report, privateKey, this.#subtle),
      collateral: encodeCollateral(
        new Map([
          ['amd/vek', certificate],
          ['amd/chain', chain],
        ]),
      ),
    }
  }

  /** Turin's chips have ids of 8 bytes. */
  #chipId(): Uint8Array {
    const { subject } = this.#init
    const bytes = new Uint8Array(CHIP_ID_BYTES)
    if (subject.signingKey === 'VCEK')
      bytes.set(subject.chipId.subarray(0, this.#authority.product === 'Turin' ? 8 : CHIP_ID_BYTES))
    return bytes
  }

  /** The chip's key, for as long as the process runs; made again when making it failed. */
  async #vekAt(now: number): Promise<IssuedVek> {
    this.#vek ??= this.#authority.issueVek(this.#init.subject, this.#init.tcb, now)
    try {
      return await this.#vek
    } catch (error) {
      this.#vek = undefined
      throw error
    }
  }
}
