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

/** Bits flipped in each byte: one in the short form, another for every byte; all eight with ALL_BITS. */
const ALL_BITS = process.env.ALL_BITS !== undefined

/** The document with one byte changed, for every byte. The same buffer each time: judge before taking the next. */
export function* flipsOf(document: Uint8Array): Generator<{ readonly at: number; readonly bytes: Uint8Array }> {
  const bytes = document.slice()
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    for (const bit of ALL_BITS ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]) {
      bytes[at] = byte ^ (1 << bit)
      yield { at, bytes }
    }
    bytes[at] = byte
  }
}
