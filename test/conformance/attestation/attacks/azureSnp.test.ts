import { describe, expect, it } from 'vitest'
import { azureSnpAttacks } from '../../../support/attacks/azureSnp.ts'
import { describeAttacks } from '../../../support/attacks/describe.ts'
import { VECTORS } from '../../../support/vectors.ts'

if (VECTORS === undefined)
  describe('attacks on azure-snp-vtpm evidence', () => {
    it('SKIPPED: needs OPG_VECTORS', (context) => {
      if (process.env.CI !== undefined) expect.fail('expected OPG_VECTORS to name the folder of vectors, got nothing')
      context.skip('SKIPPED: needs OPG_VECTORS')
    })
  })
else describeAttacks('azure-snp-vtpm', azureSnpAttacks)
