import { devnetPolicy, verifyEvidence } from '../../../src/attestation/index.ts'
import { createMint, NOW } from '../nitroMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

export async function nitroFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createMint()
  const policy = { ...devnetPolicy(), allowUnbound: true }
  return {
    kind: 'nitro',
    seeds: [await mint.mint(), await mint.mint({ fields: (payload) => payload.set('nonce', new Uint8Array(64)) })],
    run: async (document) => {
      const verdict = await verifyEvidence(
        { kind: 'nitro', document },
        { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
      )
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}
