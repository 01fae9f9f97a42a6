import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'
import { afterEach, expect, it } from 'vitest'
import { corking } from '../../../src/net/corking.ts'

const ends: (() => void)[] = []

afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** Hands the connection back as it was given. */
const plain = (): ConnectionEncrypter => {
  const secure = async (connection: MessageStream) => ({ connection }) as SecuredConnection
  return { protocol: '/plain', secureInbound: secure, secureOutbound: secure }
}

const connectionOver = (socket?: Socket) => {
  const sent: Uint8Array[] = []
  const send = (data: Uint8Array): boolean => {
    sent.push(data)
    return socket?.write(data) ?? true
  }
  return { connection: { socket, send } as unknown as MessageStream, sent }
}

it('what one turn sends over TCP leaves together when the turn ends', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  ends.push(() => server.close())
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = new Socket().connect((server.address() as AddressInfo).port, '127.0.0.1')
  ends.push(() => socket.destroy())
  await once(socket, 'connect')
  const [receiver] = (await accepted) as [Socket]
  const { connection } = await corking(plain)(undefined).secureOutbound(connectionOver(socket).connection)
  for (const bytes of ['one ', 'two ']) {
    connection.send(Buffer.from(bytes))
    expect(socket.writableCorked).toBe(1)
  }
  expect(socket.writableLength).toBe(8)
  await turn()
  expect(socket.writableCorked).toBe(0)
  connection.send(Buffer.from('three'))
  socket.end()
  const chunks: Buffer[] = []
  for await (const chunk of receiver) chunks.push(chunk as Buffer)
  expect(Buffer.concat(chunks).toString()).toBe('one two three')
})

it('a connection over anything else is left alone', async () => {
  const { connection, sent } = connectionOver()
  const { send } = connection
  const secured = await corking(plain)(undefined).secureInbound(connection)
  expect(secured.connection.send).toBe(send)
  expect(sent).toEqual([])
})
