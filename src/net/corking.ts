import { Socket } from 'node:net'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'

/**
 * An encrypter whose connections hand to the system at once what one turn of the event loop writes. Left alone, every frame of
 * the muxer, window updates too, is two writes: two system calls and two packets here, up to two reads there.
 */
export function corking<C>(encrypter: (components: C) => ConnectionEncrypter): (components: C) => ConnectionEncrypter {
  return (components) => {
    const inner = encrypter(components)
    return {
      protocol: inner.protocol,
      secureInbound: (connection, options) => inner.secureInbound(cork(connection), options),
      secureOutbound: (connection, options) => inner.secureOutbound(cork(connection), options),
    }
  }
}

/** Corks a TCP connection's socket at the first write of a turn and uncorks it once the turn's events are handled. */
function cork(connection: MessageStream & { readonly socket?: unknown }): MessageStream {
  const { socket } = connection
  if (!(socket instanceof Socket)) return connection
  const send = connection.send.bind(connection)
  const uncork = (): void => socket.uncork()
  connection.send = (data) => {
    if (socket.writableCorked === 0) {
      socket.cork()
      setImmediate(uncork)
    }
    return send(data)
  }
  return connection
}
