import { describeAttacks } from '../../../support/attacks/describe.ts'
import { maaAttacks } from '../../../support/attacks/maa.ts'

describeAttacks('maa', maaAttacks)
