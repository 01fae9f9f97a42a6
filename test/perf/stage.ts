import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSimulatedAuthority } from '../../src/attestation/index.ts'
import type { LocalModel } from '../../src/inference/index.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import { DEVNET_SEED, startTestChain } from '../support/devnetChain.ts'
import { random } from '../support/peers.ts'
import { type BenchProcess, startProcess } from './processes/channel.ts'
import type { ProviderMethods } from './processes/provider.ts'
import type { RequesterMethods } from './processes/requester.ts'

/** A chain, a provider and a requester, each a process of its own, connected. */
export interface Stage {
  readonly provider: BenchProcess<ProviderMethods>
  readonly requester: BenchProcess<RequesterMethods>
  stop(): Promise<void>
}

/** `modelAt` writes or names the folder of the one model on sale; it is given a directory that goes with the stage. */
export async function startStage(
  modelAt: (directory: string) => Promise<LocalModel>,
): Promise<Stage & { readonly model: LocalModel }> {
  const directory = await mkdtemp(join(tmpdir(), 'opg-bench-'))
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })]
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step()
  }
  try {
    const model = await modelAt(join(directory, 'model'))
    const chain = await startTestChain()
    stops.push(() => chain.stop())
    const authority = await createSimulatedAuthority(
      { subtle: crypto.subtle, random },
      { label: 'bench', now: Date.now() },
    )
    const common = { network: chain.network, rpc: chain.anvil.url, authority: await authority.exportPem() }
    const provider = startProcess<ProviderMethods>(new URL('processes/provider.ts', import.meta.url), 'provider')
    stops.push(() => provider.stop())
    const bootstrap = await provider.ask('start', {
      ...common,
      privateKey: devnetPrivateKey(DEVNET_SEED, 'provider', 0),
      directory: join(directory, 'provider'),
      modelDirectory: model.directory,
      slots: 64,
    })
    const requester = startProcess<RequesterMethods>(new URL('processes/requester.ts', import.meta.url), 'requester')
    stops.push(() => requester.stop())
    await requester.ask('start', {
      ...common,
      privateKey: devnetPrivateKey(DEVNET_SEED, 'requester', 0),
      directory: join(directory, 'requester'),
      bootstrap,
    })
    return { model, provider, requester, stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}
