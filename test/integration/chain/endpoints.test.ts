import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isChainError } from '../../../src/chain/index.ts'
import { startTestChain, type TestChain } from '../../support/devnetChain.ts'

type Behaviour = 'honest' | 'lying' | 'down'
interface Answer {
  readonly result?: { hash?: string } | string | null
}

/** Passes requests on to a real node; `lying` gives every block another hash, `down` cuts the connection. */
async function startRelay(target: string): Promise<{ url: string; server: Server; behave(as: Behaviour): void }> {
  let behaviour: Behaviour = 'honest'
  const server = createServer(async (request, response) => {
    if (behaviour === 'down') {
      request.socket.destroy()
      return
    }
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const answer = await fetch(target, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const answers = (await answer.json()) as Answer[] | Answer
    for (const { result } of [answers].flat()) {
      if (behaviour !== 'lying' || typeof result !== 'object' || result === null || !('hash' in result)) continue
      result.hash = `0x${'66'.repeat(32)}`
    }
    response.end(JSON.stringify(answers))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    behave(as) {
      behaviour = as
    },
  }
}

describe('two endpoints of one chain (R7)', () => {
  let chain: TestChain
  let relay: Awaited<ReturnType<typeof startRelay>>

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 3 })
    relay = await startRelay(chain.anvil.url)
  })

  afterAll(async () => {
    relay.server.closeAllConnections()
    relay.server.close()
    await chain.stop()
  })

  it('stops at the first block they disagree on, and goes on when they agree again', async () => {
    const client = chain.client({}, { rpc: [chain.anvil.url, relay.url] })
    await client.start()
    relay.behave('lying')
    while (chain.faults.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isChainError(chain.faults[0], 'rpc-disagreement')).toBe(true)
    await expect(client.lastBatch()).rejects.toMatchObject({ code: 'rpc-disagreement' })
    const stuck = client.head().number
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(client.head().number).toBe(stuck)
    relay.behave('honest')
    while (client.head().number <= stuck) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await client.lastBatch()).toMatchObject({ number: 0 })
    await client.stop()
  })

  it('goes on with the other when one is down', async () => {
    relay.behave('honest')
    const client = chain.client({}, { rpc: [relay.url, chain.anvil.url] })
    await client.start()
    const { number } = client.head()
    relay.behave('down')
    relay.server.closeAllConnections()
    while (client.head().number < number + 2) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await client.lastBatch()).toMatchObject({ number: 0 })
    await client.stop()
    const fresh = chain.client({}, { rpc: [relay.url, chain.anvil.url] })
    await expect(fresh.start()).rejects.toMatchObject({ code: 'rpc-unreachable' })
  })
})
