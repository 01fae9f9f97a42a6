import type { Domain } from './eip712.ts'
import { H } from './hash.ts'
import { type Address, type Digest, ZERO_DIGEST } from './hex.ts'
import type { Evidence } from './messages.ts'
import type { SessionGrant } from './objects.ts'

/** What evidence speaks for (R5). `gpuEvidenceDigest` is the zero digest where there is no GPU. */
export interface AttestationBinding {
  readonly chainId: number | bigint
  readonly networkId: Digest
  readonly operator: Address
  readonly sessionKey: Address
  /** X25519 public key, 32 bytes. */
  readonly encryptionKey: Digest
  readonly modelsRoot: Digest
  readonly gpuEvidenceDigest?: Digest
  /** At least 2 deep, at most 1 h old at grant. */
  readonly blockNumber: number | bigint
  readonly blockHash: Digest
}

/** What a peer's evidence speaks for, whether a GPU stands behind it or not. */
export type PeerBinding = Omit<AttestationBinding, 'gpuEvidenceDigest'>

/** What the evidence of a grant must speak for. */
export const bindingOf = (
  { chainId, networkId }: Pick<Domain, 'chainId' | 'networkId'>,
  { operator, sessionKey, encryptionKey, modelsRoot }: SessionKeys,
  { blockNumber, blockHash }: Pick<Evidence, 'blockNumber' | 'blockHash'>,
): PeerBinding => ({
  chainId,
  networkId,
  operator,
  sessionKey,
  encryptionKey,
  modelsRoot,
  blockNumber,
  blockHash,
})

type SessionKeys = Pick<SessionGrant, 'operator' | 'sessionKey' | 'encryptionKey' | 'modelsRoot'>

/** R5: the 32 bytes an attester binds; formats with a longer field pad them with zeros on the right. */
export function reportData(binding: AttestationBinding): Digest {
  return H(
    'OPG/attest/1',
    binding.chainId,
    binding.networkId,
    binding.operator,
    binding.sessionKey,
    binding.encryptionKey,
    binding.modelsRoot,
    binding.gpuEvidenceDigest ?? ZERO_DIGEST,
    binding.blockNumber,
    binding.blockHash,
  )
}

/** R5: the nonce of a GPU's report: the same words without the GPU digest. */
export function gpuNonce(binding: PeerBinding): Digest {
  return H(
    'OPG/attest/1',
    binding.chainId,
    binding.networkId,
    binding.operator,
    binding.sessionKey,
    binding.encryptionKey,
    binding.modelsRoot,
    binding.blockNumber,
    binding.blockHash,
  )
}
