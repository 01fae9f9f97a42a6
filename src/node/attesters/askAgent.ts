import { request } from 'node:http'
import type { AskAgent } from '../../attestation/index.ts'
import { systemError } from './systemError.ts'

/** HTTP over a Unix socket, one request a connection. */
export const askAgent: AskAgent = ({ socket, path, body, timeoutMs, maxBytes }) =>
  new Promise((resolve, reject) => {
    const asked = request({
      socketPath: socket,
      path,
      method: 'POST',
      headers: { host: 'localhost', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      agent: false,
    })
    const give = (code: string, message: string): void => {
      const fault = systemError(code, message)
      reject(fault)
      asked.destroy(fault)
    }
    const timer = setTimeout(() => give('ETIMEDOUT', `no answer after ${timeoutMs} ms`), timeoutMs)
    asked.once('close', () => clearTimeout(timer))
    asked.once('error', reject)
    asked.once('response', (response) => {
      const parts: Buffer[] = []
      let bytes = 0
      response.once('error', reject)
      response.on('data', (part: Buffer) => {
        bytes += part.length
        if (bytes > maxBytes) give('EFBIG', `more than ${maxBytes} bytes`)
        else parts.push(part)
      })
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: new Uint8Array(Buffer.concat(parts)) }),
      )
    })
    asked.end(body)
  })
