import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Stands between a gateway and its facilitator, and loses what the test says. */
export interface FacilitatorProxy {
  readonly url: string
  /** What happens to POST /settle: passed on, lost on the way there, or answered to nobody. */
  settle: 'pass' | 'lose-request' | 'lose-answer'
  /** Resolves when the next settlement was asked for, or (`lose-answer`) done. */
  nextSettlement(): Promise<void>
  stop(): Promise<void>
}

export async function startFacilitatorProxy(target: string): Promise<FacilitatorProxy> {
  const waiting: (() => void)[] = []
  const proxy: { settle: FacilitatorProxy['settle'] } = { settle: 'pass' }
  const asked = (): void => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isSettlement = request.url === '/settle'
    const body = Buffer.concat(await request.toArray())
    if (isSettlement && proxy.settle === 'lose-request') return asked()
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { 'content-type': 'application/json' },
      ...(body.length === 0 ? {} : { body }),
    })
    const text = await answer.text()
    if (isSettlement) asked()
    if (isSettlement && proxy.settle === 'lose-answer') return
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nextSettlement: () => new Promise<void>((resolve) => waiting.push(resolve)),
    stop: () => closed(server),
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
