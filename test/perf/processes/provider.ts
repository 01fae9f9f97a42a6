import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type AuthorityPem, importSimulatedAuthority } from '../../../src/attestation/index.ts'
import type { NetworkFile } from '../../../src/chain/index.ts'
import { readModelFolder } from '../../../src/node/modelFolder.ts'
import type { Payee } from '../../../src/protocol/index.ts'
import { decode } from '../../../src/wire/index.ts'
import { type ProviderPeer, random, startProviderPeer } from '../../support/peers.ts'
import { type Books, PAYEE_TABLES, readBooks } from './books.ts'
import { cpuTimes, serveProcess } from './channel.ts'
import { startProfile, stopProfile } from './profile.ts'
import { countSyncs } from './syncs.ts'

/** A provider in a process of its own: the role's factories over real parts. */

export interface ProviderProcessInit {
  readonly network: NetworkFile
  readonly rpc: string
  readonly privateKey: Uint8Array
  readonly authority: AuthorityPem
  readonly directory: string
  readonly modelDirectory: string
  readonly slots: number
  /** Serves payment channels and refuses unpaid jobs. */
  readonly paid: boolean
}

const syncs = countSyncs()
let peer: ProviderPeer | undefined
let lag: ReturnType<typeof monitorEventLoopDelay> | undefined

const started = (): ProviderPeer => {
  if (peer === undefined) throw new RangeError('expected start first')
  return peer
}

const methods = {
  start: async (init: ProviderProcessInit): Promise<readonly string[]> => {
    const authority = await importSimulatedAuthority({ subtle: crypto.subtle, random }, init.authority)
    if (!authority.ok) throw authority.error
    peer = await startProviderPeer({
      ...init,
      authority: authority.value,
      trustRoots: [authority.value.trustRoot],
      models: [await readModelFolder(init.modelDirectory)],
    })
    return peer.host.addresses()
  },
  cpuTimes,
  /** Synced writes of the store so far. */
  syncs,
  payee: (): Payee => {
    const { payee } = started()
    if (payee === undefined) throw new RangeError('expected a provider that is paid')
    return payee
  },
  /** ms of one call to the engine, from inside the process that serves it. */
  direct: async (input: Uint8Array): Promise<number> => {
    const { engine } = started()
    const [model] = engine.models
    if (model === undefined) throw new RangeError('expected a loaded model')
    const begun = performance.now()
    const run = await engine.run({ model, input, parameters: {}, deadline: Date.now() + 60_000, trace: true })
    if (!run.ok) throw run.error
    return performance.now() - begun
  },
  startLag: (): void => {
    lag = monitorEventLoopDelay({ resolution: 1 })
    lag.enable()
  },
  /** ms that the event loop came late, the sampling interval of 1 ms included. */
  stopLag: (): { readonly p50: number; readonly p99: number; readonly max: number } => {
    if (lag === undefined) throw new RangeError('expected startLag first')
    lag.disable()
    return { p50: lag.percentile(50) / 1e6, p99: lag.percentile(99) / 1e6, max: lag.max / 1e6 }
  },
  books: (): Promise<Books> => readBooks(started().store, PAYEE_TABLES),
  /** Receipts that lie under a stored checkpoint. */
  covered: async (): Promise<number> => {
    const { store, operator } = started()
    let covered = 0
    for await (const { value } of store.iterate('checkpoints', { prefix: [operator] })) {
      const signed = decode('SignedCheckpoint', value)
      if (!signed.ok) throw signed.error
      covered += signed.value.checkpoint.count
    }
    return covered
  },
  startProfile,
  stopProfile,
  stop: (): Promise<void> | undefined => peer?.stop(),
}

export type ProviderMethods = typeof methods

serveProcess(methods)
