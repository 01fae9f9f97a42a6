import { describeAttacks } from '../../../support/attacks/describe.ts'
import { sgxAttacks } from '../../../support/attacks/sgx.ts'

describeAttacks('sgx', sgxAttacks)
