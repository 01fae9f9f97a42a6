import { createHash } from 'node:crypto'
import { createHost, type Host, type HostInit, type HostOverrides, type NetLogger } from '../../../src/net/index.ts'

export const NETWORK = `0x${'11'.repeat(32)}` as const
export const OTHER_NETWORK = `0x${'22'.repeat(32)}` as const

export interface LogLine {
  readonly level: keyof NetLogger
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function recordingLogger(): NetLogger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: keyof NetLogger) => (fields: object, message: string) => {
    lines.push({ level, message, fields: fields as Record<string, unknown> })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Hosts on loopback that are stopped together. */
export class Hosts {
  readonly #hosts: Host[] = []

  async add(seed: string, init: Partial<HostInit> = {}, overrides: HostOverrides = {}): Promise<Host> {
    const host = createHost(
      {
        privateKey: createHash('sha256').update(seed).digest(),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        bootstrap: [],
        networkId: NETWORK,
        profile: 'devnet',
        logger: recordingLogger(),
        clock: Date.now,
        ...init,
      },
      overrides,
    )
    await host.start()
    this.#hosts.push(host)
    return host
  }

  async stop(): Promise<void> {
    await Promise.all(this.#hosts.splice(0).map((host) => host.stop()))
  }
}

export function addressOf(host: Host): string {
  const address = host.addresses()[0]
  if (address === undefined) throw new Error('expected a listening host')
  return address
}

/** Polls until `condition` holds. The bound is for hangs alone and below the test's own, so that it is this that speaks. */
export async function eventually(condition: () => boolean, what: string, withinMs = 90_000): Promise<void> {
  const until = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > until) throw new Error(`expected ${what} within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown)
  }
  return 'no error'
}
