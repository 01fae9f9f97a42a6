import { afterEach, describe, expect, it } from 'vitest'
import { type FrameStream, frameLimit, type Host, isNetError, protocolName } from '../../../src/net/index.ts'
import { H } from '../../../src/protocol/index.ts'
import { decode, encode, type WireType } from '../../../src/wire/index.ts'
import { startBareHost } from '../../support/fixedChain.ts'
import { useTinyProvider } from '../../support/tinyProvider.ts'
import { DOMAIN } from '../../support/votes.ts'
import { addressOf, codeOf, eventually } from '../net/hosts.ts'

const HANG_MS = 90_000

const world = useTinyProvider()
const stops: (() => Promise<void>)[] = []
let strangers = 0
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A peer that speaks libp2p and our hello, and after that whatever a test says. */
async function stranger(): Promise<Host> {
  strangers += 1
  const host = await startBareHost({ role: 'stranger', index: strangers })
  stops.push(() => host.stop())
  await host.connect(addressOf(world.provider.host))
  return host
}

const stillServes = async (): Promise<void> => {
  expect((await world.asker.requester.request(world.order())).ok).toBe(true)
  expect(world.provider.provider.status().running).toBe(0)
}

/** The refusal that comes before the reset, if one does. */
async function lastWord(stream: FrameStream, type: WireType): Promise<string> {
  try {
    const bytes = await stream.read({ timeoutMs: HANG_MS })
    if (bytes === undefined) return 'end'
    const frame = decode(type, bytes)
    if (!frame.ok) throw frame.error
    const { kind, value } = frame.value as { kind: string; value: { code?: string } }
    return kind === 'refusal' ? `refused ${value.code}` : kind
  } catch (thrown) {
    if (!isNetError(thrown)) throw thrown
    return thrown.code
  }
}

const SIDES = [
  ['infer', 'InferServerFrame'],
  ['records', 'RecordsFrame'],
  ['sync', 'SyncFrame'],
] as const
/** A field of protobuf that no frame of any protocol has, empty. */
const RESERVED_NUMBER = Uint8Array.of(0xfa, 0x01, 0)
const FRAMES = [
  ['bytes that are no protobuf', Uint8Array.of(0xff, 0xff)],
  ['nothing', new Uint8Array(0)],
  ['a reserved frame number', RESERVED_NUMBER],
  [
    'a frame cut short',
    encode('SyncFrame', { kind: 'grantRequest', value: { grant: H('test/grant') } }).subarray(0, 20),
  ],
] as const

describe.each(SIDES)('on %s', (name, answers) => {
  const protocol = protocolName(DOMAIN.networkId, name)

  it.each(FRAMES)('%s is refused bad-frame, scored and hung up, and others are served (R10)', async (_, bytes) => {
    const peer = await stranger()
    const stream = await peer.openStream(world.provider.host.peerId, protocol)
    await stream.write(bytes)
    expect(await lastWord(stream, answers)).toBe('refused bad-frame')
    await eventually(() => !world.provider.host.connectedPeers().includes(peer.peerId), 'the stranger to be hung up')
    expect(world.provider.host.conduct.score(peer.peerId)).toBeLessThanOrEqual(-19)
    await stillServes()
  })

  it('a frame above the limit ends the stream before it is read, is scored and hung up', async () => {
    const peer = await stranger()
    const limit = frameLimit(protocol)
    const stream = await peer.openStream(world.provider.host.peerId, protocol, { maxFrameBytes: limit + 1 })
    stream.write(new Uint8Array(limit + 1)).catch(() => undefined)
    expect(['stream-reset', 'busy', 'connection-closed']).toContain(await lastWord(stream, answers))
    await eventually(() => !world.provider.host.connectedPeers().includes(peer.peerId), 'the stranger to be hung up')
    expect(world.provider.host.conduct.score(peer.peerId)).toBeLessThanOrEqual(-19)
    await stillServes()
  })

  it('a later version is unsupported-protocol for who asks, no offence, and version 1 goes on', async () => {
    const peer = await stranger()
    const later = protocol.replace(/\/1$/, '/2')
    expect(await codeOf(peer.openStream(world.provider.host.peerId, later))).toBe('unsupported-protocol')
    expect(world.provider.host.conduct.score(peer.peerId)).toBe(0)
    const stream = await peer.openStream(world.provider.host.peerId, protocol)
    await stream.close()
    await stillServes()
  })

  it('a stream of another network cannot be opened (R2)', async () => {
    const peer = await stranger()
    const foreign = protocolName(H('test/another-network'), name)
    expect(await codeOf(peer.openStream(world.provider.host.peerId, foreign))).toBe('unsupported-protocol')
  })
})

describe('a frame in the wrong place', () => {
  it('is bad-frame: a second job before the first one ended', async () => {
    const peer = await stranger()
    const protocol = protocolName(DOMAIN.networkId, 'infer')
    const stream = await peer.openStream(world.provider.host.peerId, protocol)
    const bytes = encode('InferClientFrame', { kind: 'request', value: world.request() })
    await stream.writeAll([bytes, bytes])
    await eventually(() => world.provider.host.conduct.score(peer.peerId) < 0, 'the offence to be seen')
    await stillServes()
  })

  it('is bad-frame: a records stream that begins with an end', async () => {
    const peer = await stranger()
    const stream = await peer.openStream(world.provider.host.peerId, protocolName(DOMAIN.networkId, 'records'))
    await stream.write(encode('RecordsFrame', { kind: 'end', value: { count: 0, recordsHash: H('test') } }))
    expect(await lastWord(stream, 'RecordsFrame')).toBe('refused bad-frame')
    expect(world.provider.host.conduct.score(peer.peerId)).toBeLessThanOrEqual(-19)
  })
})
