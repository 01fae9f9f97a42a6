import { BOOT, createDstackMint, runtimeEvent } from '../dstackMint.ts'
import { type FuzzTarget, judgeRubbish } from './target.ts'

/** Answers of dstack's guest agent. */
export async function dstackFuzzTarget(): Promise<FuzzTarget> {
  const mint = await createDstackMint()
  const good = await mint.mint(BOOT)
  const more = await mint.mint([...BOOT, runtimeEvent('é', '00')])
  const encode = (answer: object): Uint8Array => new TextEncoder().encode(JSON.stringify(answer))
  return {
    kind: 'tdx-dstack',
    seeds: [encode(good.answer), encode({ vm_config: '{}', ...more.answer })],
    run: (document) => judgeRubbish({ kind: 'tdx-dstack', document, collateral: good.collateral }, [mint.root]),
  }
}
