import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AskAgent, dstackAttester } from '../../../../src/attestation/index.ts'
import { askAgent } from '../../../../src/node/attesters/askAgent.ts'

const REPORT_DATA = new Uint8Array(32).fill(0xcd)
const PADDED = 'cd'.repeat(32) + '00'.repeat(32)

let directory: string
let servers: Server[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-dstack-'))
  servers = []
})
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await rm(directory, { recursive: true, force: true })
})

/** A real HTTP server on a Unix socket; its quotes are signed by nobody. */
async function simulatedAgent(answer: RequestListener, name = 'dstack.sock'): Promise<string> {
  const socket = join(directory, name)
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return socket
}

const answering =
  (body: string | Buffer, status = 200): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }

const quoteOf = (reportData: string): string =>
  JSON.stringify({ quote: `0400${reportData}00`, event_log: '[]', report_data: reportData, vm_config: '{}' })

const short =
  (timeoutMs: number): AskAgent =>
  (request) =>
    askAgent({ ...request, timeoutMs })

describe('an attester by a simulated guest agent', () => {
  for (const [name, path] of [
    ['dstack.sock', '/GetQuote'],
    ['tappd.sock', '/prpc/Tappd.RawQuote?json'],
  ] as const) {
    test(`asks ${path} of ${name} and keeps the answer byte by byte`, async () => {
      const asked: string[] = []
      const spaced = `  ${quoteOf(PADDED.toUpperCase())}\n`
      const socket = await simulatedAgent((request, response) => {
        let body = ''
        request.on('data', (part) => {
          body += part
        })
        request.on('end', () => {
          asked.push(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`)
          response.end(spaced)
        })
      }, name)
      const attester = dstackAttester({ ask: askAgent }, { socket })
      expect(attester.kind).toBe('tdx-dstack')
      const { document, collateral } = await attester.attest(REPORT_DATA, 0)
      expect(new TextDecoder().decode(document)).toBe(spaced)
      expect([collateral.length, asked]).toEqual([0, [`POST ${path} application/json {"report_data":"${PADDED}"}`]])
    })
  }
})

describe('fault: the guest agent', () => {
  const faults: Readonly<Record<string, readonly [RequestListener, string]>> = {
    'answers with an error': [answering('{"error":"busy"}', 500), 'attester-failed'],
    'answers with text': [answering('hello'), 'attester-answer-invalid'],
    'answers with a list': [answering('[]'), 'attester-answer-invalid'],
    'names the quote twice': [answering('{"quote":"00","quote":"00"}'), 'attester-answer-invalid'],
    'quotes in base64': [answering('{"quote":"zz==","event_log":"[]"}'), 'attester-answer-invalid'],
    'leaves the event log out': [answering(`{"quote":"${PADDED}"}`), 'attester-answer-invalid'],
    'quotes for somebody else': [answering(quoteOf('11'.repeat(64))), 'attester-answer-invalid'],
    'answers without end': [answering(Buffer.alloc(300_000, 0x20)), 'attester-failed'],
    'hangs up': [(request) => request.socket.destroy(), 'attester-failed'],
    'hangs up in its answer': [
      (request, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{', () => request.socket.destroy())
      },
      'attester-failed',
    ],
  }
  for (const [name, [answer, code]] of Object.entries(faults)) {
    test(`${name}: ${code}`, async () => {
      const socket = await simulatedAgent(answer)
      await expect(dstackAttester({ ask: askAgent }, { socket }).attest(REPORT_DATA, 0)).rejects.toMatchObject({ code })
    })
  }

  test('never answers: attester-timed-out', async () => {
    const socket = await simulatedAgent(() => undefined)
    const made = dstackAttester({ ask: short(100) }, { socket }).attest(REPORT_DATA, 0)
    await expect(made).rejects.toMatchObject({ code: 'attester-timed-out' })
  })

  test('answers drop by drop: attester-timed-out', async () => {
    const socket = await simulatedAgent((_, response) => {
      response.writeHead(200)
      const drops = setInterval(() => response.write(' '), 10)
      response.once('close', () => clearInterval(drops))
    })
    const made = dstackAttester({ ask: short(200) }, { socket }).attest(REPORT_DATA, 0)
    await expect(made).rejects.toMatchObject({ code: 'attester-timed-out' })
  })

  test('is not there, or is no socket: attester-unavailable', async () => {
    const none = join(directory, 'none.sock')
    await expect(dstackAttester({ ask: askAgent }, { socket: none }).attest(REPORT_DATA, 0)).rejects.toMatchObject({
      code: 'attester-unavailable',
    })
    const file = join(directory, 'file.sock')
    await writeFile(file, '')
    await expect(dstackAttester({ ask: askAgent }, { socket: file }).attest(REPORT_DATA, 0)).rejects.toMatchObject({
      code: 'attester-unavailable',
    })
  })
})
