import { sha384 } from '@noble/hashes/sha2.js'
import type { EvidenceKind } from '../../protocol/index.ts'
import type { Attestation, Attester } from '../attester.ts'
import { NITRO_PCR_BYTES, SIMULATED_LEAF_MARGIN_MS, SIMULATED_LEAF_MS } from '../constants.ts'
import { signSign1 } from '../cose.ts'
import { mismatch } from '../errors.ts'
import { padReportData } from '../evidence.ts'
import { encodeNitroDocument } from '../nitro/document.ts'
import type { Subtle } from '../webcrypto.ts'
import type { IssuedChain, SimulatedAuthority } from './authority.ts'

/** Bytes to be hashed by SHA-384, or that hash, 48 bytes, where the caller has it already. */
export type Measured = { readonly bytes: Uint8Array } | { readonly sha384: Uint8Array }

export interface SimulatedMeasurements {
  /** PCR0: the code that runs. */
  readonly code: Measured
  /** PCR1: its configuration. */
  readonly configuration: Measured
  /** PCR2: the models it serves. */
  readonly models: Measured
}

export interface SimulatedAttesterComponents {
  readonly authority: Pick<SimulatedAuthority, 'issueChain'>
  readonly subtle: Subtle
}

export interface SimulatedAttesterInit {
  /** Letters, digits, dots and dashes. */
  readonly instanceId: string
  readonly measurements: SimulatedMeasurements
}

/** Registers of a Nitro machine; the ones it leaves unused are zero. */
const PCRS = 16

/** An attester in the Nitro format under a devnet's authority: same bytes, same checks, another trust anchor (R6). */
export function simulatedAttester(components: SimulatedAttesterComponents, init: SimulatedAttesterInit): Attester {
  return new Simulated(components, init)
}

class Simulated implements Attester {
  readonly kind: EvidenceKind = 'nitro'
  readonly #components: SimulatedAttesterComponents
  readonly #instanceId: string
  readonly #pcrs: ReadonlyMap<number, Uint8Array>
  #chain: { readonly from: number; readonly issued: Promise<IssuedChain> } | undefined

  constructor(components: SimulatedAttesterComponents, init: SimulatedAttesterInit) {
    const { code, configuration, models } = init.measurements
    const pcrs = new Map<number, Uint8Array>()
    for (const [index, measured] of [code, configuration, models].entries()) pcrs.set(index, measuredSha384(measured))
    for (let index = pcrs.size; index < PCRS; index += 1) pcrs.set(index, new Uint8Array(NITRO_PCR_BYTES))
    this.#components = components
    this.#instanceId = init.instanceId
    this.#pcrs = pcrs
  }

  async attest(reportData: Uint8Array, now: number): Promise<Attestation> {
    const userData = padReportData(this.kind, reportData)
    const { cabundle, certificate, privateKey } = await this.#chainAt(now)
    const payload = encodeNitroDocument({
      moduleId: `${this.#instanceId}-simulated`,
      timestamp: now,
      pcrs: this.#pcrs,
      certificate,
      cabundle,
      publicKey: undefined,
      userData,
      nonce: undefined,
    })
    const document = await signSign1(payload, privateKey, this.#components.subtle)
    return { document, collateral: new Uint8Array(0) }
  }

  async #chainAt(now: number): Promise<IssuedChain> {
    const current = this.#chain
    if (current && now >= current.from && now < current.from + SIMULATED_LEAF_MS - SIMULATED_LEAF_MARGIN_MS)
      return current.issued
    const next = { from: now, issued: this.#components.authority.issueChain(this.#instanceId, now) }
    this.#chain = next
    try {
      return await next.issued
    } catch (error) {
      if (this.#chain === next) this.#chain = undefined
      throw error
    }
  }
}

/** SHA-384 of what is measured; throws `bad-authority` for a hash of another length. */
export function measuredSha384(measured: Measured): Uint8Array {
  const digest = 'bytes' in measured ? sha384(measured.bytes) : measured.sha384
  if (digest.length !== NITRO_PCR_BYTES)
    throw mismatch('bad-authority', `a SHA-384 of ${NITRO_PCR_BYTES} bytes`, `${digest.length} bytes`)
  return digest
}
