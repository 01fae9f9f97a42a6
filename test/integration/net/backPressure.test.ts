import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { NET_LIMITS, protocolName, topicName } from '../../../src/net/index.ts'
import { addressOf, codeOf, eventually, Hosts, NETWORK } from './hosts.ts'

const INFER = protocolName(NETWORK, 'infer')
const FRAME_BYTES = 256 * 1024
const hosts = new Hosts()
const children: ChildProcess[] = []
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await hosts.stop()
})

/** All that may be in flight from a writer to a reader that does not read: both windows, buffers, one frame, and sockets. */
const IN_FLIGHT =
  NET_LIMITS.streamWindowMax.value +
  NET_LIMITS.streamHighWater.value +
  NET_LIMITS.streamReadBuffer.value +
  2 * FRAME_BYTES +
  4 * 2 ** 20

test('traps 1, 4, 5, 6, 7: a slow reader holds its writer back, time after time, and loses nothing', async () => {
  const a = await hosts.add('a')
  const b = await hosts.add('b')
  let written = 0
  const total = 160
  b.handle(INFER, async (stream) => {
    for (let index = 0; index < total; index += 1) {
      await stream.write(new Uint8Array(FRAME_BYTES).fill(index))
      written += 1
    }
  })
  await a.connect(addressOf(b))
  const stream = await a.openStream(b.peerId, INFER)
  for (let read = 0; read < total; read += 1) {
    if (read < 30) {
      await wait(15)
      expect((written - read) * FRAME_BYTES).toBeLessThan(IN_FLIGHT)
    }
    const frame = await stream.read()
    expect([frame?.length, frame?.[0], frame?.at(-1)]).toEqual([FRAME_BYTES, read, read])
  }
  expect(await stream.read()).toBeUndefined()
  await stream.close()
})

test('a reader that stops for good times its writer out, and the writer keeps serving others', async () => {
  const a = await hosts.add('a')
  const b = await hosts.add('b', {}, { tickMs: 20, streamLimits: { writeTimeout: 400 } })
  const codes: string[] = []
  b.handle(INFER, async (stream) => {
    const request = await stream.read()
    if (request?.[0] === 1) {
      await stream.write(request)
      return
    }
    codes.push(
      await codeOf(
        (async () => {
          for (;;) await stream.write(new Uint8Array(FRAME_BYTES))
        })(),
      ),
    )
  })
  await a.connect(addressOf(b))
  const stuck = await a.openStream(b.peerId, INFER)
  await stuck.write(Uint8Array.of(2))
  await eventually(() => codes.length > 0, 'the writer to give up')
  expect(codes).toEqual(['write-timeout'])
  const other = await a.openStream(b.peerId, INFER)
  await other.write(Uint8Array.of(1))
  expect(await other.read()).toEqual(Uint8Array.of(1))
  await other.close()
  for (;;) {
    const outcome = await codeOf(stuck.read())
    if (outcome === 'no error') continue
    expect(outcome).toBe('stream-reset')
    break
  }
})

test('a stopped gossip subscriber costs bounded memory and is hung up', async () => {
  const topic = topicName(NETWORK, 'vote', 0)
  const a = await hosts.add('a', {}, { tickMs: 50, gossipStuckAfterMs: 500 })
  a.gossip.subscribe(topic, async () => ({ action: 'accept' }), {
    maxBytes: 65_536,
    queueLength: 16,
    expectedPerSecond: 10,
  })
  const child = fork(new URL('gossipSubscriber.ts', import.meta.url), [addressOf(a), topic], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  children.push(child)
  const peer = await new Promise<string>((resolve) => child.once('message', (message) => resolve(String(message))))
  await eventually(() => a.gossip.meshPeers(topic).includes(peer), 'the mesh')
  process.kill(child.pid as number, 'SIGSTOP')
  const before = process.memoryUsage().rss
  for (let index = 0; index < 600; index += 1) {
    await a.gossip.publish(topic, randomBytes(60_000))
    if (index % 50 === 0) await wait(5)
  }
  await eventually(() => !a.connectedPeers().includes(peer), 'the subscriber to be hung up')
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(250)
})
