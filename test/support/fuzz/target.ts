import type { AttestationCrypto, DocumentKind } from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'

/** One parser under rubbish. */
export interface FuzzTarget {
  readonly kind: DocumentKind
  /** Good documents that mutations start from. */
  readonly seeds: readonly Uint8Array[]
  /** The code it is refused with, or `accept`; a throw is a finding. */
  readonly run: (document: Uint8Array) => Promise<string>
}

/** Says yes to every signature, so that rubbish reaches what lies behind them. For fuzzing parsers only. */
export const gullibleCrypto: AttestationCrypto = { ...nodeAttestationCrypto(), verify: () => true }
