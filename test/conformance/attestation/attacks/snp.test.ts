import { describeAttacks } from '../../../support/attacks/describe.ts'
import { snpAttacks } from '../../../support/attacks/snp.ts'

describeAttacks('sev-snp', snpAttacks)
