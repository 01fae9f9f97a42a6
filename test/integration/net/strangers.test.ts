import { noise } from '@chainsafe/libp2p-noise'
import { gossipsub } from '@libp2p/gossipsub'
import { RPC } from '@libp2p/gossipsub/message'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, test } from 'vitest'
import { encodeHello, HELLO_PROTOCOL } from '../../../src/net/hello.ts'
import { NET_LIMITS, protocolName, topicName } from '../../../src/net/index.ts'
import { addressOf, codeOf, eventually, Hosts, NETWORK } from './hosts.ts'

const INFER = protocolName(NETWORK, 'infer')
const hosts = new Hosts()
const nodes: Libp2p[] = []

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
  await hosts.stop()
})

/** A libp2p node that is none of ours and keeps no rule. */
async function stranger(): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })
  nodes.push(node)
  return node
}

/** `length | hello`, and more bytes behind it. */
const prefixed = (bytes: Uint8Array): Uint8Array => Uint8Array.from([bytes.length, ...bytes])

test('R2: who never says hello is not served and hung up', async () => {
  const host = await hosts.add('host', {}, { tickMs: 20, helloTimeoutMs: 200 })
  let served = 0
  host.handle(INFER, async () => {
    served += 1
  })
  const node = await stranger()
  const connection = await node.dial(multiaddr(addressOf(host)))
  const stream = await connection.newStream(INFER)
  let status: string = stream.status
  stream.addEventListener('close', () => {
    status = stream.status
  })
  await eventually(() => connection.status !== 'open' && status !== 'open', 'the stranger to be hung up')
  expect(served).toBe(0)
  expect(host.connectedPeers()).toEqual([])
})

test('R2: a hello that is none costs standing and the connection', async () => {
  const host = await hosts.add('host')
  const node = await stranger()
  const connection = await node.dial(multiaddr(addressOf(host)))
  const stream = await connection.newStream(HELLO_PROTOCOL)
  stream.send(prefixed(Uint8Array.of(9, 9, 9)))
  await eventually(() => connection.status !== 'open', 'the connection to close')
  expect(host.conduct.score(node.peerId.toString())).toBeLessThan(0)
})

test('dialling a node that does not speak our hello is invalid-hello', async () => {
  const host = await hosts.add('host')
  const node = await stranger()
  const address = node.getMultiaddrs()[0]?.toString() ?? ''
  expect(await codeOf(host.connect(address))).toBe('invalid-hello')
  expect(host.connectedPeers()).toEqual([])
})

test('an end inside a frame, a broken length and an oversize frame reset the stream with their codes', async () => {
  const host = await hosts.add('host')
  const codes: string[] = []
  host.handle(INFER, async (stream) => {
    codes.push(await codeOf(stream.read()))
  })
  for (const [bytes, code] of [
    [[10, 1, 2, 3], 'unexpected-end'],
    [[0x80, 0x80, 0x80, 0x80, 0x01], 'invalid-length'],
    [[0xff, 0xff, 0xff, 0x7f], 'frame-too-large'],
  ] as const) {
    const node = await stranger()
    const connection = await node.dial(multiaddr(addressOf(host)))
    const hello = await connection.newStream(HELLO_PROTOCOL)
    hello.send(prefixed(encodeHello(NETWORK)))
    await eventually(() => host.connectedPeers().includes(node.peerId.toString()), 'the admission')
    const stream = await connection.newStream(INFER)
    stream.send(Uint8Array.from(bytes))
    await stream.close()
    await eventually(() => codes.length > 0, 'the frame to be judged')
    expect(codes.splice(0)).toEqual([code])
    expect(host.conduct.score(node.peerId.toString())).toBeLessThan(0)
  }
})

test('R8: a peer that did not answer when it was asked who it is, is asked again, and its gossip is heard', async () => {
  const topic = topicName(NETWORK, 'vote', 0)
  const host = await hosts.add('host', {}, { tickMs: 20, identifyRetryMs: 100 })
  const options = { maxBytes: 1_024, queueLength: 16, expectedPerSecond: 1 }
  host.gossip.subscribe(topic, async () => ({ action: 'accept' }), options)
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify({ runOnConnectionOpen: false }), pubsub: gossipsub() },
  })
  nodes.push(node)
  const { handleProtocol } = node.services.identify as unknown as {
    handleProtocol(this: unknown, stream: Stream, connection: Connection): Promise<void>
  }
  let asked = 0
  const answerTheSecond = async (stream: Stream, connection: Connection): Promise<void> => {
    asked += 1
    if (asked === 1) stream.abort(new Error('no answer'))
    else await handleProtocol.call(node.services.identify, stream, connection)
  }
  await node.handle('/ipfs/id/1.0.0', answerTheSecond, { force: true })
  node.services.pubsub.subscribe(topic)
  const connection = await node.dial(multiaddr(addressOf(host)))
  const hello = await connection.newStream(HELLO_PROTOCOL)
  hello.send(prefixed(encodeHello(NETWORK)))
  await eventually(() => host.gossip.peers(topic).includes(node.peerId.toString()), 'its subscription')
  expect(asked).toBe(2)
  expect(host.connectedPeers()).toEqual([node.peerId.toString()])
})

test('R9: a few messages announced and not delivered cost a peer nothing, a habit of it costs its standing in gossip', async () => {
  const topic = topicName(NETWORK, 'vote', 0)
  const host = await hosts.add('host')
  host.gossip.subscribe(topic, async () => ({ action: 'accept' }), {
    maxBytes: 1_024,
    queueLength: 16,
    expectedPerSecond: 1,
  })
  const node = await stranger()
  let isHeard = false
  await node.handle('/meshsub/1.1.0', (stream) => {
    stream.addEventListener('message', () => {
      isHeard = true
    })
  })
  const connection = await node.dial(multiaddr(addressOf(host)))
  const hello = await connection.newStream(HELLO_PROTOCOL)
  hello.send(prefixed(encodeHello(NETWORK)))
  const stream = await connection.newStream('/meshsub/1.1.0')
  await eventually(() => isHeard, 'its subscription')
  const announce = (count: number, from: number): void => {
    for (let id = from; id < from + count; id += 1) {
      const ihave = [{ topicID: topic, messageIDs: [new Uint8Array(20).fill(id)] }]
      const control = { ihave, iwant: [], graft: [], prune: [], idontwant: [] }
      stream.send(prefixed(RPC.encode({ subscriptions: [], messages: [], control })))
    }
  }
  announce(3, 1)
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  expect(host.gossip.score(node.peerId.toString())).toBe(0)
  announce(NET_LIMITS.gossipSlips.value + 4, 11)
  await eventually(() => host.gossip.score(node.peerId.toString()) < 0, 'its score to fall')
})
