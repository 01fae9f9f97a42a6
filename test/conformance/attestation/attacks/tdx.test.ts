import { describeAttacks } from '../../../support/attacks/describe.ts'
import { tdxAttacks } from '../../../support/attacks/tdx.ts'

describeAttacks('tdx', tdxAttacks)
