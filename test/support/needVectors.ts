import { describe, expect, it } from 'vitest'
import { VECTORS } from './vectors.ts'

/** Where nobody gave the folder of vectors: a test that is skipped and says so, in CI one that fails. */
export function needVectors(title: string): void {
  if (VECTORS !== undefined) return
  describe(title, () => {
    it('SKIPPED: needs OPG_VECTORS', (context) => {
      if (process.env.CI !== undefined) expect.fail('expected OPG_VECTORS to name the folder of vectors, got nothing')
      context.skip('SKIPPED: needs OPG_VECTORS')
    })
  })
}
