import { H } from './hash.ts'
import { type Address, type Digest, ZERO_DIGEST } from './hex.ts'

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
export function gpuNonce(binding: Omit<AttestationBinding, 'gpuEvidenceDigest'>): Digest {
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
