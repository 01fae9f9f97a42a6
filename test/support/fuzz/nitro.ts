import { createMint } from '../nitroMint.ts'
import { type FuzzTarget, judgeRubbish } from './target.ts'

export async function nitroFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createMint()
  return {
    kind: 'nitro',
    seeds: [await mint.mint(), await mint.mint({ fields: (payload) => payload.set('nonce', new Uint8Array(64)) })],
    run: (document) => judgeRubbish({ kind: 'nitro', document }, [mint.root]),
  }
}
