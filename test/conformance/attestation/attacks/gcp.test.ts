import { describeAttacks } from '../../../support/attacks/describe.ts'
import { gcpAttacks } from '../../../support/attacks/gcp.ts'

describeAttacks('gcp', gcpAttacks)
