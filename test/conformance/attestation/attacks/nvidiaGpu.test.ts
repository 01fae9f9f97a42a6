import { describeAttacks } from '../../../support/attacks/describe.ts'
import { nvidiaGpuAttacks } from '../../../support/attacks/nvidiaGpu.ts'

describeAttacks('nvidia-gpu', nvidiaGpuAttacks)
