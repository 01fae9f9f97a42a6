import { azureTdxAttacks } from '../../../support/attacks/azureTdx.ts'
import { describeAttacks } from '../../../support/attacks/describe.ts'
import { needVectors } from '../../../support/needVectors.ts'
import { VECTORS } from '../../../support/vectors.ts'

needVectors('attacks on azure-tdx-vtpm evidence')
if (VECTORS !== undefined) describeAttacks('azure-tdx-vtpm', azureTdxAttacks)
