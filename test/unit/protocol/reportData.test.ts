import { describe, expect, it } from 'vitest'
import { type AttestationBinding, gpuNonce, H, reportData, ZERO_DIGEST } from '../../../src/protocol/index.ts'

const binding: Required<AttestationBinding> = {
  chainId: 31_337,
  networkId: `0x${'01'.repeat(32)}`,
  operator: `0x${'02'.repeat(20)}`,
  sessionKey: `0x${'03'.repeat(20)}`,
  encryptionKey: `0x${'04'.repeat(32)}`,
  modelsRoot: `0x${'05'.repeat(32)}`,
  gpuEvidenceDigest: `0x${'06'.repeat(32)}`,
  blockNumber: 7,
  blockHash: `0x${'08'.repeat(32)}`,
}

describe('R5: report data', () => {
  it('is H over chain, network, keys, models, GPU evidence and block, in that order', () => {
    const { networkId, operator, sessionKey, encryptionKey, modelsRoot, gpuEvidenceDigest, blockHash } = binding
    const keys = [operator, sessionKey, encryptionKey] as const
    expect(reportData(binding)).toBe(
      H('OPG/attest/1', 31_337n, networkId, ...keys, modelsRoot, gpuEvidenceDigest, 7n, blockHash),
    )
    expect(gpuNonce(binding)).toBe(H('OPG/attest/1', 31_337n, networkId, ...keys, modelsRoot, 7n, blockHash))
  })

  it('takes the zero digest where there is no GPU', () => {
    const { gpuEvidenceDigest: _, ...without } = binding
    expect(reportData(without)).toBe(reportData({ ...binding, gpuEvidenceDigest: ZERO_DIGEST }))
    expect(reportData(without)).not.toBe(gpuNonce(without))
  })

  it('changes with every member', () => {
    const other = `0x${'ff'.repeat(32)}` as const
    const account = `0x${'ff'.repeat(20)}` as const
    const variants: Partial<AttestationBinding>[] = [
      { chainId: 1 },
      { networkId: other },
      { operator: account },
      { sessionKey: account },
      { operator: binding.sessionKey, sessionKey: binding.operator },
      { encryptionKey: other },
      { modelsRoot: other },
      { gpuEvidenceDigest: other },
      { blockNumber: 8 },
      { blockHash: other },
    ]
    const digests = variants.map((variant) => reportData({ ...binding, ...variant }))
    expect(new Set([reportData(binding), ...digests]).size).toBe(variants.length + 1)
  })
})
