import type { DocumentKind } from '../../../src/attestation/index.ts'

/** Bytes of a document that no signature covers and that change no claim: a flip there may be accepted. */
export interface UnsignedRegion {
  /** Offsets, the end excluded. */
  readonly from: number
  readonly to: number
  readonly why: string
}

export interface Attack {
  /** What the attacker does, e.g. `leaf used as CA`. */
  readonly name: string
  /** The code it must be refused with. */
  readonly expected: string
  /** The code it is refused with, or `accept`. */
  readonly run: () => Promise<string>
}

/** Attacks on one kind of evidence, from a good document of that kind. */
export interface AttackSuite {
  readonly kind: DocumentKind
  readonly document: 'real' | 'minted'
  /** Every single-byte flip of these bytes is refused, or lies in a listed region. */
  readonly flips: {
    readonly bytes: Uint8Array
    readonly unsigned: readonly UnsignedRegion[]
    readonly judge: (bytes: Uint8Array) => Promise<string>
  }
  readonly attacks: readonly Attack[]
}
