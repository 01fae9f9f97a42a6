import { describeAttacks } from '../../../support/attacks/describe.ts'
import { nrasAttacks } from '../../../support/attacks/nras.ts'

describeAttacks('nras', nrasAttacks)
