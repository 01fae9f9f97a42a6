import { describeAttacks } from '../../../support/attacks/describe.ts'
import { dstackAttacks } from '../../../support/attacks/dstack.ts'
import { needVectors } from '../../../support/needVectors.ts'
import { VECTORS } from '../../../support/vectors.ts'

needVectors('attacks on tdx-dstack evidence')
if (VECTORS !== undefined) describeAttacks('tdx-dstack', dstackAttacks)
