import { z } from 'zod'

/** A whole amount of the smallest unit. */
export const decimal = z.string().regex(/^(?:0|[1-9][0-9]{0,38})$/, 'expected a decimal string of the smallest unit')
export const amount = (text: string, meaning: string) => decimal.default(text).transform(BigInt).describe(meaning)
