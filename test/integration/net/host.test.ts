import { Registry } from 'prom-client'
import { afterEach, describe, expect, test } from 'vitest'
import { createNetMetrics, NET_LIMITS, type NetError, protocolName } from '../../../src/net/index.ts'
import { addressOf, codeOf, eventually, Hosts, NETWORK, OTHER_NETWORK, recordingLogger } from './hosts.ts'

const INFER = protocolName(NETWORK, 'infer')
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hosts = new Hosts()

afterEach(() => hosts.stop())

describe('connections', () => {
  test('R1: the PeerId is the secp256k1 key, and connect returns it once both sides agreed', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    const seen: string[] = []
    b.onPeerConnected((peer) => seen.push(peer))
    expect(await a.connect(addressOf(b))).toBe(b.peerId)
    expect(b.peerId).toMatch(/^16Uiu2HA/)
    expect(a.connectedPeers()).toEqual([b.peerId])
    await eventually(() => b.connectedPeers().includes(a.peerId), 'the listener to admit the dialer')
    expect(seen).toEqual([a.peerId])
    const gone: string[] = []
    b.onPeerDisconnected((peer) => gone.push(peer))
    await a.disconnect(b.peerId)
    await eventually(() => gone.includes(a.peerId), 'the listener to notice')
  })

  test('R2: a peer of another network is refused with foreign-network on both sides', async () => {
    const log = recordingLogger()
    const a = await hosts.add('a')
    const b = await hosts.add('b', { networkId: OTHER_NETWORK, logger: log })
    await expect(a.connect(addressOf(b))).rejects.toMatchObject({
      detail: { code: 'foreign-network', peer: b.peerId, expected: NETWORK, got: OTHER_NETWORK },
    })
    expect(a.connectedPeers()).toEqual([])
    expect(b.connectedPeers()).toEqual([])
    await eventually(() => log.lines.some(({ fields }) => fields.code === 'foreign-network'), 'the listener to log it')
    await eventually(() => b.conduct.score(a.peerId) === 0, 'no blame for a mistake')
  })

  test('a dead address is dial-failed, an unknown peer no-address, nonsense invalid-address', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    const dead = addressOf(b)
    await b.stop()
    expect(await codeOf(a.connect(dead))).toBe('dial-failed')
    expect(await codeOf(a.connect('nonsense'))).toBe('invalid-address')
    expect(await codeOf(a.connect('/ip4/127.0.0.1'))).not.toBe('no error')
    expect(await codeOf(a.connect(addressOf(a)))).toBe('invalid-address')
    const stranger = await hosts.add('c', { listen: [] })
    expect(await codeOf(a.openStream(stranger.peerId, INFER))).toBe('no-address')
  })

  test('another identity at a known address is unexpected-peer', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    const c = await hosts.add('c')
    const forged = addressOf(b).replace(b.peerId, c.peerId)
    expect(await codeOf(a.connect(forged))).toBe('unexpected-peer')
  })

  test('a caller that gives up gets aborted, a stopped host not-started', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    const address = addressOf(b)
    const controller = new AbortController()
    controller.abort()
    expect(await codeOf(a.connect(address, { signal: controller.signal }))).toBe('aborted')
    await a.stop()
    expect(await codeOf(a.connect(address))).toBe('not-started')
    expect(await codeOf(a.openStream(b.peerId, INFER))).toBe('not-started')
  })

  test('trap 12: a banned peer is hung up and cannot come back, though its dial seems to succeed', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    await a.connect(addressOf(b))
    await eventually(() => b.connectedPeers().length === 1, 'a connection')
    b.conduct.register({ forgery: { weight: 60 } })
    b.conduct.report(a.peerId, 'forgery')
    expect(b.conduct.isBanned(a.peerId)).toBe(true)
    await eventually(() => a.connectedPeers().length === 0, 'the banned peer to lose its connection')
    expect(await codeOf(a.connect(addressOf(b)))).toMatch(/^(refused|dial-failed|handshake-failed)$/)
    expect(b.connectedPeers()).toEqual([])
    expect(await codeOf(b.connect(addressOf(a)))).toBe('banned')
  })

  test('trap 11: twenty nodes of one machine connect to a devnet host at once', async () => {
    const hub = await hosts.add('hub')
    const nodes = await Promise.all(Array.from({ length: 20 }, (_, index) => hosts.add(`n${index}`, { listen: [] })))
    await Promise.all(nodes.map((node) => node.connect(addressOf(hub))))
    await eventually(() => hub.connectedPeers().length === 20, 'all nodes')
  })

  test('a production host limits the connections of one machine', async () => {
    const hub = await hosts.add('hub', { profile: 'production' })
    const nodes = await Promise.all(Array.from({ length: 12 }, (_, index) => hosts.add(`n${index}`, { listen: [] })))
    const results = await Promise.allSettled(nodes.map((node) => node.connect(addressOf(hub))))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const result of refused) {
      expect(result).toMatchObject({
        reason: { code: expect.stringMatching(/^(dial-failed|handshake-failed|refused)$/) },
      })
    }
  })

  test('a lost bootstrap peer is dialled again', async () => {
    const boot = await hosts.add('boot')
    const address = addressOf(boot)
    const a = await hosts.add('a', { bootstrap: [address] })
    await eventually(() => a.connectedPeers().includes(boot.peerId), 'the first connection')
    await boot.stop()
    await eventually(() => a.connectedPeers().length === 0, 'the loss')
    const port = /tcp\/(\d+)/.exec(address)?.[1]
    await hosts.add('boot', { listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    await eventually(() => a.connectedPeers().includes(boot.peerId), 'the second connection')
  })

  test('metrics count peers, streams and refusals', async () => {
    const registry = new Registry()
    const a = await hosts.add('a', { metrics: createNetMetrics(registry) })
    const b = await hosts.add('b')
    b.handle(INFER, async (stream) => {
      await stream.read()
    })
    await a.connect(addressOf(b))
    const stream = await a.openStream(b.peerId, INFER)
    expect(await registry.getSingleMetricAsString('opg_net_peers')).toContain('opg_net_peers 1')
    expect(await registry.getSingleMetricAsString('opg_net_streams')).toContain('{direction="outbound"} 1')
    await stream.close()
  })
})

describe('streams', () => {
  test('several exchanges follow each other on one stream, both ways', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    b.handle(INFER, async (stream, peer) => {
      expect(peer).toBe(a.peerId)
      for await (const frame of stream.frames()) await stream.write(frame)
    })
    await a.connect(addressOf(b))
    const stream = await a.openStream(b.peerId, INFER)
    for (const size of [0, 1, 127, 128, 16_383, 16_384, 300_000]) {
      const frame = new Uint8Array(size).fill(size % 251)
      await stream.write(frame)
      expect(await stream.read()).toEqual(frame)
    }
    await stream.closeWrite()
    expect(await stream.read()).toBeUndefined()
    await stream.close()
  })

  test('R2: an unserved protocol is unsupported-protocol, and a stream needs no connect before it', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    await a.connect(addressOf(b))
    expect(await codeOf(a.openStream(b.peerId, INFER))).toBe('unsupported-protocol')
    b.handle(INFER, async (stream) => {
      await stream.write(text('hello'))
    })
    await a.disconnect(b.peerId)
    await eventually(() => a.connectedPeers().length === 0, 'the connection to close')
    const stream = await a.openStream(b.peerId, INFER)
    expect(await stream.read()).toEqual(text('hello'))
    await stream.close()
  })

  test('trap 8: streams over the limit read as busy, those under it are served', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    b.handle(
      INFER,
      async (stream) => {
        const frame = await stream.read()
        await held
        if (frame !== undefined) await stream.write(frame)
      },
      { maxInboundStreams: 4 },
    )
    await a.connect(addressOf(b))
    const outcomes: Promise<string>[] = []
    for (let index = 0; index < 10; index += 1) {
      const ask = async (): Promise<string> => {
        const stream = await a.openStream(b.peerId, INFER)
        try {
          await stream.write(text('ask'))
          return (await stream.read()) === undefined ? 'end' : 'answer'
        } finally {
          await stream.close()
        }
      }
      outcomes.push(ask().catch((error: NetError) => error.code))
    }
    let busy = 0
    for (const outcome of outcomes) {
      void outcome.then((result) => {
        if (result === 'busy') busy += 1
      })
    }
    await eventually(() => busy === 6, 'six refusals')
    release()
    expect((await Promise.all(outcomes)).sort()).toEqual([...Array(4).fill('answer'), ...Array(6).fill('busy')])
  })

  test('the total over all peers is limited too', async () => {
    const b = await hosts.add('b')
    const [c, d] = [await hosts.add('c'), await hosts.add('d')]
    b.handle(INFER, (stream) => stream.read().then(() => undefined), { maxTotalStreams: 1 })
    await c.connect(addressOf(b))
    await d.connect(addressOf(b))
    const first = await c.openStream(b.peerId, INFER)
    const second = await d.openStream(b.peerId, INFER)
    expect(await codeOf(second.read())).toBe('busy')
    await first.close()
    await second.close()
  })

  test('an oversize frame resets the stream with frame-too-large and costs the sender its standing', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    const codes: string[] = []
    b.handle(INFER, async (stream) => {
      codes.push(await codeOf(stream.read()))
    })
    await a.connect(addressOf(b))
    const stream = await a.openStream(b.peerId, INFER, { maxFrameBytes: 8 * 2 ** 20 })
    const own = await a.openStream(b.peerId, INFER)
    expect(await codeOf(own.write(new Uint8Array(NET_LIMITS.frameBytesInfer.value + 1)))).toBe('frame-too-large')
    await stream.write(new Uint8Array(NET_LIMITS.frameBytesInfer.value + 1)).catch(() => undefined)
    await eventually(() => codes.includes('frame-too-large'), 'the receiver to refuse')
    expect(await codeOf(stream.read())).toMatch(/^(busy|stream-reset|connection-closed)$/)
    expect(b.conduct.score(a.peerId)).toBeLessThanOrEqual(NET_LIMITS.conductDisconnect.value + 0.1)
    await eventually(() => b.connectedPeers().length === 0, 'the sender to be hung up')
  })

  test('a handler that throws resets its stream; other streams go on', async () => {
    const log = recordingLogger()
    const a = await hosts.add('a')
    const b = await hosts.add('b', { logger: log })
    b.handle(INFER, async (stream) => {
      const frame = await stream.read()
      if (frame?.[0] === 1) throw new Error('broken handler')
      await stream.write(frame ?? new Uint8Array())
    })
    await a.connect(addressOf(b))
    const bad = await a.openStream(b.peerId, INFER)
    await bad.write(Uint8Array.of(1))
    expect(await codeOf(bad.read())).toBe('busy')
    const good = await a.openStream(b.peerId, INFER)
    await good.write(Uint8Array.of(2))
    expect(await good.read()).toEqual(Uint8Array.of(2))
    expect(log.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        fields: expect.objectContaining({ code: 'handler-failed', reason: 'broken handler' }),
      }),
    )
  })

  test('trap 9: streams whose user forgot to close them are freed on both sides', async () => {
    const registry = new Registry()
    const a = await hosts.add(
      'a',
      { metrics: createNetMetrics(registry) },
      { tickMs: 20, streamLimits: { idleAfterEnd: 200, linger: 200 } },
    )
    const b = await hosts.add('b', {}, { tickMs: 20, streamLimits: { linger: 200 } })
    b.handle(
      INFER,
      async (stream) => {
        const frame = await stream.read()
        if (frame !== undefined) await stream.write(frame)
      },
      { maxInboundStreams: 64 },
    )
    await a.connect(addressOf(b))
    for (let index = 0; index < 300; index += 1) {
      for (;;) {
        const stream = await a.openStream(b.peerId, INFER)
        const outcome = await stream
          .write(text('x'))
          .then(() => stream.read())
          .then(
            () => 'ok',
            (error: NetError) => error.code,
          )
        if (outcome === 'ok') break
        expect(outcome).toBe('busy')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const open = registry.getSingleMetric('opg_net_streams')
    const sum = async (): Promise<number> =>
      (await open?.get())?.values.reduce((total, { value }) => total + value, 0) ?? -1
    while ((await sum()) > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await sum()).toBe(0)
  })

  test('a dropped connection is connection-closed, never a clean end', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    let code = ''
    b.handle(INFER, async (stream) => {
      await stream.read()
      code = await codeOf(stream.read())
    })
    await a.connect(addressOf(b))
    const stream = await a.openStream(b.peerId, INFER)
    await stream.write(text('x'))
    const pending = codeOf(stream.read())
    await new Promise((resolve) => setTimeout(resolve, 50))
    await a.stop()
    expect(['connection-closed', 'stream-reset', 'busy']).toContain(await pending)
    await eventually(() => code !== '', 'the handler to notice')
    expect(['connection-closed', 'stream-reset']).toContain(code)
  })

  test('R10: bulk streams may have a connection of their own', async () => {
    const a = await hosts.add('a')
    const b = await hosts.add('b')
    const models = protocolName(NETWORK, 'models')
    b.handle(models, async (stream) => {
      for await (const frame of stream.frames()) await stream.write(frame)
    })
    await a.connect(addressOf(b))
    const streams = await Promise.all(
      Array.from({ length: 3 }, () => a.openStream(b.peerId, models, { ownConnection: true })),
    )
    for (const stream of streams) {
      await stream.write(text('piece'))
      expect(await stream.read()).toEqual(text('piece'))
      await stream.close()
    }
    expect(a.connectedPeers()).toEqual([b.peerId])
  })
})
