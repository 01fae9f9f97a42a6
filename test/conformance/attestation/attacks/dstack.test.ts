import { describe, expect, it } from 'vitest'
import { describeAttacks } from '../../../support/attacks/describe.ts'
import { dstackAttacks } from '../../../support/attacks/dstack.ts'
import { VECTORS } from '../../../support/vectors.ts'

if (VECTORS === undefined)
  describe('attacks on tdx-dstack evidence', () => {
    it('SKIPPED: needs OPG_VECTORS', (context) => {
      if (process.env.CI !== undefined) expect.fail('expected OPG_VECTORS to name the folder of vectors, got nothing')
      context.skip('SKIPPED: needs OPG_VECTORS')
    })
  })
else describeAttacks('tdx-dstack', dstackAttacks)
