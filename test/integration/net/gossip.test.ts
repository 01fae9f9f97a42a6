import { Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import {
  createNetMetrics,
  type GossipVerdict,
  type Host,
  type MissedMessage,
  NET_LIMITS,
  topicName,
} from '../../../src/net/index.ts'
import { addressOf, codeOf, eventually, Hosts, NETWORK, recordingLogger } from './hosts.ts'

const VOTES = topicName(NETWORK, 'vote', 0)
const OFFERS = topicName(NETWORK, 'offer', 0)
const OPTIONS = { maxBytes: 1_024, queueLength: 64, expectedPerSecond: 10 }
const accept = async (): Promise<GossipVerdict> => ({ action: 'accept' })
const message = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (data: Uint8Array): string => new TextDecoder().decode(data)
const hosts = new Hosts()

afterEach(() => hosts.stop())

async function pair(): Promise<[Host, Host]> {
  const a = await hosts.add('a')
  const b = await hosts.add('b')
  return [a, b]
}

/** Subscribes to the votes; the texts that come are in the set. */
function listen(host: Host): ReadonlySet<string> {
  const heard = new Set<string>()
  host.gossip.subscribe(
    VOTES,
    async (data) => {
      heard.add(textOf(data))
      return { action: 'accept' }
    },
    OPTIONS,
  )
  return heard
}

async function meshed(topic: string, ...members: Host[]): Promise<void> {
  await eventually(() => members.every((host) => host.gossip.meshPeers(topic).length > 0), 'a mesh')
}

test('R8: fourteen nodes on one loopback address deliver every message to every node, and again to a late joiner', async () => {
  const nodes = await Promise.all(Array.from({ length: 14 }, (_, index) => hosts.add(`n${index}`)))
  const received = nodes.map((node) => listen(node))
  for (const [index, node] of nodes.entries()) {
    const others = index === 0 ? nodes.slice(1) : nodes.slice(index + 1, index + 3)
    await Promise.all(others.map((other) => node.connect(addressOf(other))))
  }
  await meshed(VOTES, ...nodes)
  for (const [index, node] of nodes.entries()) await node.gossip.publish(VOTES, message(`vote of ${index}`))
  await eventually(() => received.every((texts) => texts.size === nodes.length - 1), 'every vote at every node')
  for (const node of nodes) for (const other of nodes) expect(node.gossip.score(other.peerId)).toBeGreaterThanOrEqual(0)

  const late = await hosts.add('late')
  const heard = listen(late)
  // Of two neighbours: the first one's mesh is full until its next heartbeat, and who is refused waits a minute (see below).
  await late.connect(addressOf(nodes[0] as Host))
  await late.connect(addressOf(nodes[7] as Host))
  await meshed(VOTES, late)
  await nodes[3]?.gossip.publish(VOTES, message('after the join'))
  await eventually(() => heard.has('after the join'), 'the late joiner to hear')
})

test('R8: a newcomer whose only neighbour has a full mesh hears and is heard all the same', async () => {
  const hub = await hosts.add('hub')
  const heardByHub = listen(hub)
  const early = await Promise.all(
    Array.from({ length: NET_LIMITS.gossipDegreeHigh.value }, (_, index) => hosts.add(`early${index}`)),
  )
  const heardByEarly = early.map((node) => listen(node))
  for (const node of early) await node.connect(addressOf(hub))
  await eventually(() => hub.gossip.meshPeers(VOTES).length === early.length, 'a full mesh')

  const late = await hosts.add('late')
  const heard = listen(late)
  await late.connect(addressOf(hub))
  await eventually(
    () => hub.gossip.peers(VOTES).includes(late.peerId) && late.gossip.peers(VOTES).includes(hub.peerId),
    'both subscriptions',
  )
  await early[3]?.gossip.publish(VOTES, message('to the newcomer'))
  await eventually(() => heard.has('to the newcomer'), 'the newcomer to hear')
  expect(hub.gossip.meshPeers(VOTES)).not.toContain(late.peerId)
  await late.gossip.publish(VOTES, message('from the newcomer'))
  await eventually(
    () => [heardByHub, ...heardByEarly].every((texts) => texts.has('from the newcomer')),
    'everyone to hear the newcomer',
  )
})

test('a message nobody listens to, and the same message twice, have no recipients and no error', async () => {
  const [a, b] = await pair()
  expect(await a.gossip.publish(VOTES, message('alone'))).toEqual({ recipients: 0 })
  b.gossip.subscribe(VOTES, accept, OPTIONS)
  await a.connect(addressOf(b))
  await eventually(() => a.gossip.peers(VOTES).length === 1, 'the subscription')
  expect(await a.gossip.publish(VOTES, message('once'))).toEqual({ recipients: 1 })
  expect(await a.gossip.publish(VOTES, message('once'))).toEqual({ recipients: 0 })
})

test('topics of other networks, oversize messages and double subscriptions are refused by code', async () => {
  const [a] = await pair()
  a.gossip.subscribe(VOTES, accept, OPTIONS)
  expect(() => a.gossip.subscribe(VOTES, accept, OPTIONS)).toThrow(expect.objectContaining({ code: 'topic-taken' }))
  expect(() => a.gossip.subscribe('/opg/elsewhere', accept, OPTIONS)).toThrow(
    expect.objectContaining({ code: 'unknown-topic' }),
  )
  expect(await codeOf(a.gossip.publish(VOTES, new Uint8Array(1_025)))).toBe('message-too-large')
})

test('R9: rejected messages cost the sender its gossip score and its connection; ignored ones cost nothing', async () => {
  const [a, b] = await pair()
  b.conduct.register({ 'bad-vote': { weight: 6 } })
  b.gossip.subscribe(
    VOTES,
    async (data) =>
      textOf(data).startsWith('bad') ? { action: 'reject', code: 'bad-vote' } : { action: 'ignore', code: 'future' },
    OPTIONS,
  )
  a.gossip.subscribe(VOTES, accept, OPTIONS)
  await a.connect(addressOf(b))
  await meshed(VOTES, a, b)
  for (let index = 0; index < 10; index += 1) await a.gossip.publish(VOTES, message(`later ${index}`))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(b.conduct.score(a.peerId)).toBe(0)
  await a.gossip.publish(VOTES, message('bad 0'))
  await eventually(() => b.gossip.score(a.peerId) < 0, 'the gossip score to fall')
  expect(b.connectedPeers()).toEqual([a.peerId])
  for (let index = 1; index < 4; index += 1) await a.gossip.publish(VOTES, message(`bad ${index}`))
  await eventually(() => b.connectedPeers().length === 0, 'the offender to be thrown out')
  expect(b.conduct.isWelcome(a.peerId)).toBe(false)
})

test('R9: an oversize message is rejected before its validator sees it', async () => {
  const [a, b] = await pair()
  let seen = 0
  b.gossip.subscribe(
    VOTES,
    async () => {
      seen += 1
      return { action: 'accept' }
    },
    { ...OPTIONS, maxBytes: 16 },
  )
  a.gossip.subscribe(VOTES, accept, OPTIONS)
  await a.connect(addressOf(b))
  await meshed(VOTES, a, b)
  await a.gossip.publish(VOTES, new Uint8Array(17))
  await eventually(() => b.conduct.score(a.peerId) < 0, 'the sender to be blamed')
  expect(seen).toBe(0)
})

test('R9: the queue before a validator is bounded; what it drops is reported and the next copy is let in', async () => {
  const registry = new Registry()
  const [a, c] = await pair()
  const b = await hosts.add('slow', { metrics: createNetMetrics(registry) })
  const missed: MissedMessage[] = []
  const judged = new Set<string>()
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  b.gossip.subscribe(
    VOTES,
    async (data) => {
      await gate
      judged.add(textOf(data))
      return { action: 'accept' }
    },
    { ...OPTIONS, queueLength: 4, onMissed: (miss) => missed.push(miss) },
  )
  await a.connect(addressOf(b))
  await eventually(() => a.gossip.peers(VOTES).length === 1, 'the subscription')
  const room = NET_LIMITS.gossipValidators.value + 4
  for (let index = 0; index < room + 5; index += 1) await a.gossip.publish(VOTES, message(`vote ${index}`))
  await eventually(() => missed.length === 5, 'five drops')
  expect(missed.every(({ code, from }) => code === 'queue-full' && from === a.peerId)).toBe(true)
  release()
  await eventually(() => judged.size === room, 'the rest to be judged')
  expect(await registry.getSingleMetricAsString('opg_net_gossip_messages_total')).toMatch(/code="queue-full".* 5/)

  await c.connect(addressOf(b))
  await eventually(() => c.gossip.peers(VOTES).includes(b.peerId), 'the second sender to see the subscription')
  const again = missed[0] as MissedMessage
  await c.gossip.publish(VOTES, again.data)
  await eventually(() => judged.has(textOf(again.data)), 'the copy of another peer to be judged')
})

test('R9: a validator that throws or hangs counts as ignore, is logged, and does not stop the topic', async () => {
  const log = recordingLogger()
  const a = await hosts.add('a')
  const b = await hosts.add('b', { logger: log }, { tickMs: 10 })
  const heard: string[] = []
  b.gossip.subscribe(
    VOTES,
    async (data) => {
      if (textOf(data) === 'broken') throw new Error('validator bug')
      heard.push(textOf(data))
      return { action: 'accept' }
    },
    OPTIONS,
  )
  await a.connect(addressOf(b))
  await eventually(() => a.gossip.peers(VOTES).length === 1, 'the subscription')
  await a.gossip.publish(VOTES, message('broken'))
  await a.gossip.publish(VOTES, message('fine'))
  await eventually(() => heard.includes('fine'), 'the next message')
  expect(log.lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      fields: expect.objectContaining({ code: 'validator-failed', reason: 'validator bug' }),
    }),
  )
  expect(b.conduct.score(a.peerId)).toBe(0)
})

test('an ignored message is not delivered again by itself, but is after forget', async () => {
  const [a, b] = await pair()
  const c = await hosts.add('c')
  let count = 0
  b.gossip.subscribe(
    VOTES,
    async () => {
      count += 1
      return { action: 'ignore', code: 'unknown-stake' }
    },
    OPTIONS,
  )
  await a.connect(addressOf(b))
  await c.connect(addressOf(b))
  await eventually(() => a.gossip.peers(VOTES).length === 1 && c.gossip.peers(VOTES).length === 1, 'the subscription')
  await a.gossip.publish(VOTES, message('vote'))
  await eventually(() => count === 1, 'the first delivery')
  await c.gossip.publish(VOTES, message('vote'))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(count).toBe(1)
  expect(b.gossip.forget(VOTES, message('vote'))).toBe(true)
  const d = await hosts.add('d')
  await d.connect(addressOf(b))
  await eventually(() => d.gossip.peers(VOTES).length === 1, 'the subscription')
  await d.gossip.publish(VOTES, message('vote'))
  await eventually(() => count === 2, 'the second delivery')
})

test('unsubscribed topics are neither delivered nor forwarded', async () => {
  const [a, b] = await pair()
  let heard = 0
  b.gossip.subscribe(
    OFFERS,
    async () => {
      heard += 1
      return { action: 'accept' }
    },
    OPTIONS,
  )
  await a.connect(addressOf(b))
  await eventually(() => a.gossip.peers(OFFERS).length === 1, 'the subscription')
  b.gossip.unsubscribe(OFFERS)
  await eventually(() => a.gossip.peers(OFFERS).length === 0, 'the unsubscription')
  await a.gossip.publish(OFFERS, message('offer'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(heard).toBe(0)
})
