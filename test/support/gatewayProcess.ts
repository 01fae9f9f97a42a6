import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { x402Client } from '@x402/core/client'
import { x402HTTPClient } from '@x402/core/http'
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client'
import { ExactEvmScheme } from '@x402/evm/exact/client'
import { UptoEvmScheme } from '@x402/evm/upto/client'
import type { LocalAccount, PublicClient } from 'viem'
import { type ConfigInput, type Home, writeWhole } from '../../src/node/index.ts'
import { startOpg } from './opg.ts'

/** A server of `opg` in a process of its own. */
export interface ServerProcess {
  readonly url: string
  readonly child: ChildProcess
  /** All of its log so far. */
  log(): string
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Adds sections to a home's configuration. */
export async function configure(home: Home, sections: ConfigInput): Promise<void> {
  const before = JSON.parse(await readFile(home.configFile, 'utf8')) as object
  await writeWhole(home.configFile, JSON.stringify({ ...before, ...sections }))
}

/** Runs `opg gateway` or `opg facilitator` on a home, until it says where it listens. */
export async function startServer(command: 'gateway' | 'facilitator', home: Home): Promise<ServerProcess> {
  const child = startOpg([command, '--home', home.directory, '--port', '0', '--json'])
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let [log, out] = ['', '']
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    log += part
  })
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    out += part
    const end = out.indexOf('\n')
    if (end >= 0) resolve((JSON.parse(out.slice(0, end)) as { readonly url: string }).url)
  })
  closed.then((status) => reject(new Error(`opg ${command} ended with ${status}: ${out}${log}`)))
  return {
    url: await promise,
    child,
    log: () => log,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return await closed
    },
  }
}

export type Scheme = 'exact' | 'upto' | 'batch-settlement'

/** A stock x402 client of an account that knows one scheme, and pays with any token. */
export function payerOf(
  account: LocalAccount,
  chain: Pick<PublicClient, 'readContract'>,
  network: `eip155:${number}`,
  scheme: Scheme,
): x402Client {
  const signer = {
    address: account.address,
    signTypedData: (message: unknown) => account.signTypedData(message as Parameters<LocalAccount['signTypedData']>[0]),
    readContract: (args: unknown) => chain.readContract(args as Parameters<PublicClient['readContract']>[0]),
  } as never
  const client = new x402Client().setSpendControls({ allowedAssets: true })
  if (scheme === 'exact') return client.register(network, new ExactEvmScheme(signer))
  if (scheme === 'upto') return client.register(network, new UptoEvmScheme(signer))
  return client.register(network, new BatchSettlementEvmScheme(signer, { depositPolicy: { depositMultiplier: 5 } }))
}

export const httpOf = (client: x402Client): x402HTTPClient => new x402HTTPClient(client)
