import { azureSnpAttacks } from '../../../support/attacks/azureSnp.ts'
import { describeAttacks } from '../../../support/attacks/describe.ts'
import { needVectors } from '../../../support/needVectors.ts'
import { VECTORS } from '../../../support/vectors.ts'

needVectors('attacks on azure-snp-vtpm evidence')
if (VECTORS !== undefined) describeAttacks('azure-snp-vtpm', azureSnpAttacks)
