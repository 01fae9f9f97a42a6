import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PaymentPayload } from '@x402/core/types'
import { parseAbi, parseEventLogs, toHex } from 'viem'
import { getBlock, getTransaction, getTransactionReceipt, readContract } from 'viem/actions'
import { z } from 'zod'
import type { SpendingBook } from '../../payment/index.ts'
import { type Address, type Digest, isAddress, isDigest, toError } from '../../protocol/index.ts'
import type { ChainSession } from '../chainSession.ts'
import { writeWhole } from '../home.ts'

const PERMIT2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'
const ABI = parseAbi([
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function nonceBitmap(address owner, uint256 word) view returns (uint256)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
])

const address = z.custom<Address>(isAddress)
const amount = z.string().regex(/^[0-9]{1,78}$/)
const schema = z.strictObject({
  id: z.custom<Digest>(isDigest),
  amount,
  /** Whose nonce it is: the token's (EIP-3009) or Permit2's. */
  method: z.enum(['eip3009', 'permit2']),
  asset: address,
  from: address,
  nonce: z.union([z.custom<Digest>(isDigest), amount]),
  /** Seconds since 1970; nobody can use it afterwards. */
  expires: z.int().positive(),
})
/** An authorization that was sent to a server and may be used until it expires. It holds no signature. */
export type Authorization = z.output<typeof schema>

/** The authorization in a payment; undefined for a voucher, which takes nothing out of the wallet. */
export function authorizationOf(
  { payload, accepted }: PaymentPayload,
  { id, amount: most }: { readonly id: Digest; readonly amount: bigint },
): Authorization | undefined {
  const parts = payload as { readonly [name: string]: { readonly [name: string]: unknown } | undefined }
  const [own, permit] = [parts.authorization, parts.permit2Authorization]
  const common = { id, amount: `${most}`, asset: accepted.asset.toLowerCase() }
  const candidate =
    permit !== undefined
      ? { ...common, method: 'permit2', from: permit.from, nonce: `${permit.nonce}`, expires: Number(permit.deadline) }
      : { ...common, method: 'eip3009', from: own?.from, nonce: own?.nonce, expires: Number(own?.validBefore) }
  if (permit === undefined && own === undefined) return undefined
  return schema.parse({ ...candidate, from: String(candidate.from).toLowerCase() })
}

/** Authorizations that are out, a file each, from before they are sent until it is known what became of them (R27). */
export class Authorizations {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  keep(authorization: Authorization): Promise<void> {
    return writeWhole(this.#path(authorization.id), `${JSON.stringify(authorization)}\n`)
  }

  forget(id: Digest): Promise<void> {
    return rm(this.#path(id), { force: true })
  }

  /** Settles or releases what has expired: only then is it certain. */
  async resolve(book: SpendingBook, chain: ChainSession['chain']): Promise<void> {
    const now = Number((await chain.query((client) => getBlock(client, { blockTag: 'safe' }))).timestamp)
    for (const authorization of await this.#all()) {
      if (authorization.expires > now) continue
      const used = await isUsed(authorization, chain)
      const { id } = authorization
      const booked = used ? await book.settle(id, BigInt(authorization.amount)) : await book.release(id)
      // Settled by the process that sent it, which died before it could forget it.
      if (!booked.ok && booked.error.code !== 'reservation-conflict') throw booked.error
      await this.forget(id)
    }
  }

  async #all(): Promise<readonly Authorization[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.json'))
    return await Promise.all(
      names.map(async (name) => {
        const path = join(this.#directory, name)
        const parsed = schema.safeParse(JSON.parse(await readFile(path, 'utf8')))
        if (!parsed.success) throw new TypeError(`${path}: expected an authorization, got ${parsed.error.message}`)
        return parsed.data
      }),
    )
  }

  #path(id: Digest): string {
    return join(this.#directory, `${id}.json`)
  }
}

async function isUsed({ method, asset, from, nonce }: Authorization, chain: ChainSession['chain']): Promise<boolean> {
  if (method === 'eip3009') {
    const args = [from, nonce as Digest] as const
    const call = { address: asset, abi: ABI, functionName: 'authorizationState', args } as const
    return await chain.query((client) => readContract(client, call))
  }
  const number = BigInt(nonce)
  const args = [from, number >> 8n] as const
  const call = { address: PERMIT2, abi: ABI, functionName: 'nonceBitmap', args } as const
  const word = await chain.query((client) => readContract(client, call))
  return ((word >> (number & 255n)) & 1n) === 1n
}

interface Transfer {
  readonly asset: Address
  readonly from: string
  readonly to: string
  /** Of the permit that the transaction used up. */
  readonly nonce: Authorization['nonce'] | undefined
}

/**
 * What the transaction that used a permit moved of a token from one account to another. Unknown when the chain does not
 * show it: another payment's transaction says nothing of a permit that can still be used for all of its amount.
 */
export async function movedBy(
  chain: ChainSession['chain'],
  transaction: string,
  { asset, from, to, nonce }: Transfer,
): Promise<{ readonly amount: bigint } | { readonly unknown: string }> {
  if (!isDigest(transaction)) return { unknown: 'the server named no transaction' }
  if (nonce === undefined) return { unknown: 'the payment has no nonce' }
  try {
    const [{ input }, { logs, status }] = await chain.query((client) =>
      Promise.all([
        getTransaction(client, { hash: transaction }),
        getTransactionReceipt(client, { hash: transaction }),
      ]),
    )
    if (status !== 'success') return { unknown: 'the transaction failed' }
    if (!input.includes(toHex(BigInt(nonce), { size: 32 }).slice(2)))
      return { unknown: 'it is that of another payment' }
    const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase()
    const moved = parseEventLogs({ abi: ABI, eventName: 'Transfer', logs }).filter(
      (log) => same(log.address, asset) && same(log.args.from, from) && same(log.args.to, to),
    )
    return { amount: moved.reduce((sum, { args }) => sum + args.value, 0n) }
  } catch (thrown) {
    return { unknown: toError(thrown).message }
  }
}
