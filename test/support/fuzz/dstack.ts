import { devnetPolicy, verifyEvidence } from '../../../src/attestation/index.ts'
import { BOOT, createDstackMint, runtimeEvent } from '../dstackMint.ts'
import { NOW } from '../nitroMint.ts'
import { type FuzzTarget, gullibleCrypto } from './target.ts'

/** Answers of dstack's guest agent. */
export async function dstackFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createDstackMint()
  const good = await mint.mint(BOOT)
  const more = await mint.mint([...BOOT, runtimeEvent('é', '00')])
  const policy = { ...devnetPolicy(), allowUnbound: true }
  const encode = (answer: object): Uint8Array => new TextEncoder().encode(JSON.stringify(answer))
  return {
    kind: 'tdx-dstack',
    seeds: [encode(good.answer), encode({ vm_config: '{}', ...more.answer })],
    run: async (document) => {
      const verdict = await verifyEvidence(
        { kind: 'tdx-dstack', document, collateral: good.collateral },
        { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
      )
      return verdict.ok ? 'accept' : verdict.error.code
    },
  }
}
