import { z } from 'zod'
import { type Address, type Digest, isAddress, isDigest, TRUST_VENDORS, toChecksumAddress } from '../protocol/index.ts'
import { MAX_BOOTSTRAP, MAX_TRUST_ROOTS } from './constants.ts'

/** Members that the files of a network share. */

const lower = (text: string): Address => text.toLowerCase() as Address

export const digest = z.custom<Digest>(isDigest, 'expected 0x and 64 lower-case hex digits')
/** EIP-55 in the file, lower case inside; all lower case carries no checksum and is taken as it is. */
export const address = z
  .string()
  .refine(
    (text) => isAddress(text.toLowerCase()) && (isAddress(text) || toChecksumAddress(lower(text)) === text),
    'expected an address in its EIP-55 form',
  )
  .transform(lower)
export const positive = z.number().int().positive()
export const networkName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected 1 to 32 of a-z, 0-9 and -')
export const profile = z.enum(['devnet', 'production'])
export const trustRoots = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(100),
      vendor: z.enum(TRUST_VENDORS),
      sha256: digest,
    }),
  )
  .max(MAX_TRUST_ROOTS)
export const bootstrap = z.array(z.string().startsWith('/').max(256)).max(MAX_BOOTSTRAP)

/** What a file says wrong, member by member. */
export const problemsOf = (error: z.ZodError): string[] =>
  error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
