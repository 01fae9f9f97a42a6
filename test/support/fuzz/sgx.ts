import { intelFuzzTarget } from '../intelFuzz.ts'
import type { FuzzTarget } from './target.ts'

export const sgxFuzzTarget = (): Promise<FuzzTarget> => intelFuzzTarget('sgx')
