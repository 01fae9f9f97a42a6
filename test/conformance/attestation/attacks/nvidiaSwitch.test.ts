import { describeAttacks } from '../../../support/attacks/describe.ts'
import { nvidiaSwitchAttacks } from '../../../support/attacks/nvidiaSwitch.ts'

describeAttacks('nvidia-switch', nvidiaSwitchAttacks)
