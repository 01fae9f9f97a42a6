import {
  BaseError,
  BlockNotFoundError,
  type Client,
  createClient,
  HttpRequestError,
  http,
  LimitExceededRpcError,
  TimeoutError,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  type Transport,
} from 'viem'
import { getBlock, getChainId, getTransactionReceipt } from 'viem/actions'
import type { Digest } from '../protocol/index.ts'
import { RPC_TIMEOUT_MS } from './constants.ts'
import { ChainError } from './errors.ts'

export type RpcClient = Client<Transport>

/** Every endpoint of one chain. All must tell the same chain (R7); one that answers is enough to go on. */
export interface Rpc {
  /** Runs `action` on the endpoint that answered last, then on the others. Throws `rpc-unreachable`, `rpc-disagreement`. */
  run<T>(action: (client: RpcClient) => Promise<T>): Promise<T>
  /** The chain id of every endpoint. Throws `rpc-unreachable` when one does not answer. */
  chainIds(): Promise<{ readonly endpoint: string; readonly chainId: number }[]>
  /**
   * R7: compares the hash of block `number` over all endpoints that answer and have it; true when at least two agreed,
   * false with nothing to compare. Throws `rpc-disagreement`, and so does every `run` until they agree again.
   */
  compare(number: number): Promise<boolean>
}

interface Endpoint {
  /** Host and port: paths and queries of endpoints hold keys and are never shown. */
  readonly name: string
  readonly client: RpcClient
}

/** Whether nobody answered, as opposed to an answer that is an error. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof BaseError &&
  error.walk(
    (each) => each instanceof HttpRequestError || each instanceof TimeoutError || each instanceof LimitExceededRpcError,
  ) !== null

/** What viem says without the address of the endpoint. */
const withoutUrl = (error: unknown): Error =>
  new Error(error instanceof BaseError ? `${error.shortMessage} ${error.details}` : 'the request failed')

class HttpRpc implements Rpc {
  readonly #endpoints: readonly Endpoint[]
  #preferred = 0
  #disagreement: ChainError | undefined

  constructor(urls: readonly string[]) {
    this.#endpoints = urls.map((url) => ({
      name: new URL(url).host,
      client: createClient({ transport: http(url, { retryCount: 0, timeout: RPC_TIMEOUT_MS, batch: true }) }),
    }))
  }

  async run<T>(action: (client: RpcClient) => Promise<T>): Promise<T> {
    if (this.#disagreement !== undefined) throw this.#disagreement
    let cause: unknown
    for (let tried = 0; tried < this.#endpoints.length; tried += 1) {
      const index = (this.#preferred + tried) % this.#endpoints.length
      const endpoint = this.#endpoints[index] as Endpoint
      try {
        const value = await action(endpoint.client)
        this.#preferred = index
        return value
      } catch (error) {
        if (!isUnreachable(error)) throw error
        cause = error
      }
    }
    throw this.#unreachable(
      this.#endpoints.map((endpoint) => endpoint.name),
      cause,
    )
  }

  chainIds(): Promise<{ readonly endpoint: string; readonly chainId: number }[]> {
    return Promise.all(
      this.#endpoints.map(async ({ name, client }) => {
        try {
          return { endpoint: name, chainId: await getChainId(client) }
        } catch (error) {
          if (isUnreachable(error)) throw this.#unreachable([name], error)
          throw error
        }
      }),
    )
  }

  async compare(number: number): Promise<boolean> {
    if (this.#endpoints.length < 2) return false
    const hashes: { [endpoint: string]: Digest } = {}
    await Promise.all(
      this.#endpoints.map(async ({ name, client }, index) => {
        const hash = await blockHash(client, number)
        if (hash !== undefined) hashes[`${index} ${name}`] = hash
      }),
    )
    const answers = Object.values(hashes)
    if (new Set(answers).size > 1) {
      this.#disagreement = new ChainError(
        { code: 'rpc-disagreement', number, hashes },
        `expected one hash of block ${number}, got ${Object.entries(hashes)
          .map((entry) => entry.join(': '))
          .join(', ')}; one of the endpoints serves another chain or lies`,
      )
      throw this.#disagreement
    }
    if (answers.length < 2) return false
    this.#disagreement = undefined
    return true
  }

  #unreachable(endpoints: readonly string[], cause: unknown): ChainError {
    return new ChainError(
      { code: 'rpc-unreachable', endpoints },
      `expected an answer from ${endpoints.join(' or ')} within ${RPC_TIMEOUT_MS} ms, got none; check the chain endpoint`,
      { cause: withoutUrl(cause) },
    )
  }
}

async function blockHash(client: RpcClient, number: number): Promise<Digest | undefined> {
  try {
    const block = await getBlock(client, { blockNumber: BigInt(number) })
    return block.hash ?? undefined
  } catch (error) {
    if (isUnreachable(error) || isMissingBlock(error)) return undefined
    throw error
  }
}

/** viem throws where the endpoint answered null. */
export const isMissingBlock = (error: unknown): boolean =>
  error instanceof BaseError && error.walk((each) => each instanceof BlockNotFoundError) !== null

/** Undefined while the transaction is in no block. */
export async function fetchReceipt(client: RpcClient, hash: Digest): Promise<TransactionReceipt | undefined> {
  try {
    return await getTransactionReceipt(client, { hash })
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return undefined
    throw error
  }
}

export const createRpc = (urls: readonly string[]): Rpc => new HttpRpc(urls)
