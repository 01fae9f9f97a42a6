import { accountOf } from '../../../devnet/deploy.ts'
import { type AuthorityPem, importSimulatedAuthority } from '../../../src/attestation/index.ts'
import type { NetworkFile } from '../../../src/chain/index.ts'
import { type Digest, MODE, PRIVACY, TIER } from '../../../src/protocol/index.ts'
import type { InferenceOrder } from '../../../src/roles/requester/requester.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { type RequesterPeer, random, startRequesterPeer, storedJournal } from '../../support/peers.ts'
import { type Books, PAYER_TABLES, readBooks } from './books.ts'
import { type CpuTimes, cpuBetween, cpuTimes, serveProcess } from './channel.ts'
import { startProfile, stopProfile } from './profile.ts'
import { countSyncs } from './syncs.ts'

/** A requester in a process of its own: the role's factory over real parts, its journal in a store on disk. */

export interface RequesterProcessInit {
  readonly network: NetworkFile
  readonly rpc: string
  readonly privateKey: Uint8Array
  readonly authority: AuthorityPem
  readonly directory: string
  readonly bootstrap: readonly string[]
  /** Key of the wallet that pays; without it jobs are unpaid. */
  readonly wallet?: Uint8Array
}

export interface Order {
  readonly model: Digest
  readonly input: Uint8Array
}

/** ms, of one request. */
export interface RequestTimes {
  readonly firstByte: number
  readonly total: number
}

export interface Load extends Order {
  readonly inFlight: number
  readonly ms: number
}

export interface LoadResult {
  readonly jobs: number
  readonly ms: number
  readonly cpu: CpuTimes
  /** ms of every request. */
  readonly latencies: readonly number[]
}

const REQUEST_TIMEOUT_MS = 60_000

const syncs = countSyncs()
let peer: RequesterPeer | undefined
let store: Store | undefined

async function request({ model, input }: Order): Promise<RequestTimes> {
  if (peer === undefined) throw new RangeError('expected start first')
  const order: InferenceOrder = {
    model,
    input,
    parameters: {},
    tier: TIER.replay,
    privacy: PRIVACY.open,
    mode: MODE.local,
    maxOutputUnits: 1,
    timeoutMs: REQUEST_TIMEOUT_MS,
  }
  let firstByte: number | undefined
  const begun = performance.now()
  const result = await peer.requester.request(order, {
    onChunks: () => {
      firstByte ??= performance.now() - begun
    },
  })
  if (!result.ok) throw new Error(`${result.error.code} (${result.error.cause}): ${result.error.message}`)
  if (firstByte === undefined) throw new RangeError('expected chunks before the answer')
  return { firstByte, total: performance.now() - begun }
}

const methods = {
  start: async (init: RequesterProcessInit): Promise<void> => {
    const authority = await importSimulatedAuthority({ subtle: crypto.subtle, random }, init.authority)
    if (!authority.ok) throw authority.error
    const silent = { info() {}, warn() {}, error() {} }
    store = await openStore(init.directory, { clock: Date.now, logger: silent })
    const wallet = init.wallet === undefined ? {} : { wallet: { account: accountOf(init.wallet), store } }
    const { network, rpc, privateKey, bootstrap } = init
    peer = await startRequesterPeer({
      ...{ network, rpc, privateKey, bootstrap, journal: storedJournal(store), ...wallet },
      trustRoots: [authority.value.trustRoot],
    })
  },
  books: async (): Promise<Books> => {
    if (store === undefined) throw new RangeError('expected start first')
    return await readBooks(store, PAYER_TABLES)
  },
  /** Synced writes of the store so far. */
  syncs,
  request,
  /** Keeps so many requests running until the time is over, and waits for the last ones. */
  load: async ({ inFlight, ms, ...order }: Load): Promise<LoadResult> => {
    const latencies: number[] = []
    const cpu = cpuTimes()
    const begun = performance.now()
    const chains = Array.from({ length: inFlight }, async () => {
      while (performance.now() - begun < ms) latencies.push((await request(order)).total)
    })
    await Promise.all(chains)
    return { jobs: latencies.length, ms: performance.now() - begun, cpu: cpuBetween(cpu, cpuTimes()), latencies }
  },
  startProfile,
  stopProfile,
  stop: async (): Promise<void> => {
    await peer?.stop()
    await store?.close()
  },
}

export type RequesterMethods = typeof methods

serveProcess(methods)
