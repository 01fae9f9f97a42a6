import { describeAttacks } from '../../../support/attacks/describe.ts'
import { nitroAttacks } from '../../../support/attacks/nitro.ts'

describeAttacks('nitro', nitroAttacks)
