import { intelFuzzTarget } from '../intelFuzz.ts'
import type { FuzzTarget } from './target.ts'

export const tdxFuzzTarget = (): Promise<FuzzTarget> => intelFuzzTarget('tdx')
