import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientChannelStorage } from '@x402/evm/batch-settlement/client'
import { z } from 'zod'
import { isDigest, toError } from '../../protocol/index.ts'
import { writeWhole } from '../home.ts'

const amount = z.string().regex(/^[0-9]+$/)
const schema = z.strictObject({
  chargedCumulativeAmount: amount.optional(),
  balance: amount.optional(),
  totalClaimed: amount.optional(),
  signedMaxClaimable: amount.optional(),
  signature: z.templateLiteral(['0x', z.string().regex(/^[0-9a-fA-F]+$/)]).optional(),
})

/** What a payer knows of its channels, a file each, written whole (R27). Throws TypeError for a file of another form. */
export function channelFiles(directory: string): ClientChannelStorage {
  const fileOf = (key: string): string => {
    const id = key.toLowerCase()
    if (!isDigest(id)) throw new TypeError(`expected a channel id, got ${key}`)
    return join(directory, `${id}.json`)
  }
  return {
    async get(key) {
      let text: string
      try {
        text = await readFile(fileOf(key), 'utf8')
      } catch (thrown) {
        if ((toError(thrown) as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw thrown
      }
      const { data, error } = schema.safeParse(JSON.parse(text))
      if (data === undefined) throw new TypeError(`${fileOf(key)}: expected a channel, got ${error.message}`)
      return data as NonNullable<Awaited<ReturnType<ClientChannelStorage['get']>>>
    },
    set: (key, context) => writeWhole(fileOf(key), `${JSON.stringify(context)}\n`),
    delete: (key) => rm(fileOf(key), { force: true }),
  }
}
