import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { VendorUrls } from '../../src/node/collateral/vendors.ts'

/** What one path answers; a number is a bare status. */
export type SimulatedAnswer =
  | number
  | { readonly bytes: Uint8Array; readonly headers?: Readonly<Record<string, string>> }

export interface SimulatedVendors {
  readonly urls: VendorUrls
  /** Method and path with query of every request, in order. */
  readonly asked: string[]
  stop(): Promise<void>
}

const BASES = {
  intel: '/intel',
  intelRootCrl: '/root.der',
  amd: '/amd',
  nvidiaRim: '/rim',
  nvidiaOcsp: '/ocsp',
} as const

/** A real HTTP server in the place of the vendors', which serves minted, never real, collateral. */
export async function startSimulatedVendors(
  answer: (path: string, body: Uint8Array) => SimulatedAnswer | Promise<SimulatedAnswer>,
): Promise<SimulatedVendors> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(`${request.method} ${path}`)
    void (async () => {
      const given = await answer(path, await bodyOf(request))
      const { bytes, headers } = typeof given === 'number' ? { bytes: new Uint8Array(0), headers: {} } : given
      response.writeHead(typeof given === 'number' ? given : 200, headers)
      response.end(bytes)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const urls = Object.fromEntries(
    Object.entries(BASES).map(([name, base]) => [name, `http://127.0.0.1:${port}${base}`]),
  ) as unknown as VendorUrls
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { urls, asked, stop }
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return new Uint8Array(Buffer.concat(parts))
}
