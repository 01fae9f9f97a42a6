import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuthorityPem, createSimulatedAuthority } from '../../src/attestation/index.ts'
import type { LocalModel } from '../../src/inference/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../support/devnetChain.ts'
import { random } from '../support/peers.ts'
import { type BenchProcess, startProcess } from './processes/channel.ts'
import type { ProviderMethods } from './processes/provider.ts'
import type { RequesterMethods } from './processes/requester.ts'

/** A chain and a provider in a process of its own. */
export interface ProviderStage {
  readonly chain: TestChain
  readonly model: LocalModel
  /** For the files of the bench; goes with the stage. */
  readonly directory: string
  readonly authority: AuthorityPem
  readonly provider: BenchProcess<ProviderMethods>
  /** Multiaddrs of the provider. */
  readonly bootstrap: readonly string[]
  /** Runs before the provider stops; the last one given runs first. */
  onStop(step: () => Promise<void>): void
  stop(): Promise<void>
}

/** A chain, a provider and a requester, each a process of its own, connected. */
export interface Stage extends ProviderStage {
  readonly requester: BenchProcess<RequesterMethods>
}

export interface StageOptions {
  /** The provider serves payment channels and refuses unpaid jobs; the requester pays with the test chain's payer. */
  readonly paid?: boolean
}

/** `modelAt` writes or names the folder of the one model on sale; it is given a directory that goes with the stage. */
export async function startProviderStage(
  modelAt: (directory: string) => Promise<LocalModel>,
  { paid = false }: StageOptions = {},
): Promise<ProviderStage> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-bench-'))
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })]
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step()
  }
  try {
    const model = await modelAt(join(directory, 'model'))
    const chain = await startTestChain()
    stops.push(() => chain.stop())
    const simulated = await createSimulatedAuthority(
      { subtle: crypto.subtle, random },
      { label: 'bench', now: Date.now() },
    )
    const authority = await simulated.exportPem()
    const provider = startProcess<ProviderMethods>(new URL('processes/provider.ts', import.meta.url), 'provider')
    stops.push(() => provider.stop())
    const bootstrap = await provider.ask('start', {
      ...{ network: chain.network, rpc: chain.anvil.url, authority, paid },
      privateKey: devnetPrivateKey(DEVNET_SEED, 'provider', 0),
      directory: join(directory, 'provider'),
      modelDirectory: model.directory,
      slots: 64,
    })
    return { chain, model, directory, authority, provider, bootstrap, onStop: (step) => stops.push(step), stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

/** As `startProviderStage`, with a requester. */
export async function startStage(
  modelAt: (directory: string) => Promise<LocalModel>,
  options: StageOptions = {},
): Promise<Stage> {
  const stage = await startProviderStage(modelAt, options)
  try {
    const { chain, authority, directory, bootstrap } = stage
    const requester = startProcess<RequesterMethods>(new URL('processes/requester.ts', import.meta.url), 'requester')
    stage.onStop(() => requester.stop())
    await requester.ask('start', {
      ...{ network: chain.network, rpc: chain.anvil.url, authority, bootstrap },
      privateKey: devnetPrivateKey(DEVNET_SEED, 'requester', 0),
      directory: join(directory, 'requester'),
      ...(options.paid === true ? { wallet: devnetPrivateKey(DEVNET_SEED, 'payer', 0) } : {}),
    })
    return { ...stage, requester }
  } catch (thrown) {
    await stage.stop()
    throw thrown
  }
}
