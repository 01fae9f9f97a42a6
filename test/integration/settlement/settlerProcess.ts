import type { ChainClient, NetworkFile } from '../../../src/chain/index.ts'
import type { Sync } from '../../../src/roles/index.ts'
import type { Store, Write } from '../../../src/store/index.ts'
import { decode } from '../../../src/wire/index.ts'
import { startSettlementNode } from '../../support/settlementWorld.ts'

/** Where the process kills itself: between any two steps of settlement. */
export const KILL_POINTS = [
  'settled',
  'proposed',
  'signature-1',
  'signature-2',
  'before-quorum',
  'quorum',
  'sent',
  'anchored',
  'before-followed',
  'followed',
] as const
export type KillPoint = (typeof KILL_POINTS)[number]

export interface SettlerProcessInit {
  readonly network: NetworkFile
  readonly rpc: string
  readonly index: number
  readonly directory: string
  readonly bootstrap: readonly string[]
  readonly killAt?: KillPoint
}

/** A settler in a process of its own, given as JSON in the first argument. Dies by SIGKILL at `killAt`. */
async function main(init: SettlerProcessInit): Promise<void> {
  const die = (point: KillPoint): void => {
    if (init.killAt === point) process.kill(process.pid, 'SIGKILL')
  }
  let signatures = 0
  let isAnchored = false

  const wrapped = <T extends object>(target: T, replaced: Partial<T>): T =>
    new Proxy(target, {
      get: (object, name) => {
        if (name in replaced) return Reflect.get(replaced, name) as unknown
        const value = Reflect.get(object, name) as unknown
        return typeof value === 'function' ? (value.bind(object) as unknown) : value
      },
    })

  const hooks = {
    store: (store: Store): Store =>
      wrapped(store, {
        commit: async (writes) => {
          const quorum = writes.some(isQuorum)
          if (quorum) die(isAnchored ? 'before-followed' : 'before-quorum')
          await store.commit(writes)
          if (writes.some((write) => write.type === 'put' && write.table === 'settled')) die('settled')
          if (quorum) die(isAnchored ? 'followed' : 'quorum')
        },
      }),
    sync: (sync: Sync): Sync =>
      wrapped(sync, {
        ask: (async (...args: Parameters<Sync['ask']>) => {
          if (args[1].kind === 'proposal') die('proposed')
          const answer = await sync.ask(...args)
          if (args[1].kind === 'proposal' && answer.ok) {
            signatures += 1
            if (signatures === 1) die('signature-1')
            if (signatures === 2) die('signature-2')
          }
          return answer
        }) as Sync['ask'],
      }),
    chain: (chain: ChainClient): ChainClient =>
      wrapped(chain, {
        anchor: async (...args) => {
          const anchoring = chain.anchor(...args)
          if (init.killAt === 'sent') {
            while ((await poolSize(init.rpc)) === 0) await new Promise((resolve) => setTimeout(resolve, 5))
            die('sent')
          }
          const sent = await anchoring
          isAnchored = true
          if (sent.ok) die('anchored')
          return sent
        },
      }),
  }
  const node = await startSettlementNode({
    network: init.network,
    rpc: [init.rpc],
    role: 'settler',
    index: init.index,
    directory: init.directory,
    bootstrap: init.bootstrap,
    hooks,
    onLog: ({ level, message, fields }) => {
      if (level === 'error') process.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
    },
  })
  process.stdout.write('ready\n')
  process.once('SIGTERM', () => {
    void node.stop()
  })
}

function isQuorum(write: Write): boolean {
  if (write.type !== 'put' || write.table !== 'batches') return false
  const batch = decode('SignedBatch', write.value)
  return batch.ok && batch.value.signatures.length > 0
}

async function poolSize(rpc: string): Promise<number> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'txpool_status', params: [] })
  const response = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { result } = (await response.json()) as { result: { pending: string } }
  return Number(result.pending)
}

if (import.meta.main) await main(JSON.parse(process.argv[2] as string) as SettlerProcessInit)
