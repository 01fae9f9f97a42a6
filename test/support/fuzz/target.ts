import {
  type AttestationCrypto,
  type DocumentKind,
  devnetPolicy,
  type EvidenceInput,
  type TrustRoot,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { NOW } from '../nitroMint.ts'

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

const policy = { ...devnetPolicy(), allowUnbound: true }

/** What a devnet would answer if every signature were good. */
export async function judgeRubbish(evidence: EvidenceInput, trustRoots: readonly TrustRoot[]): Promise<string> {
  const verdict = await verifyEvidence(evidence, { now: NOW, trustRoots, policy, crypto: gullibleCrypto })
  return verdict.ok ? 'accept' : verdict.error.code
}
