import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { FRAME_LIMITS, NET_LIMITS } from '../../../src/net/constants.ts'
import { messageId } from '../../../src/net/gossipAdapter.ts'
import { SCORE_THRESHOLDS, TOPIC_SCORE_CAP, topicScore } from '../../../src/net/gossipScore.ts'
import {
  decodeHello,
  decodeHelloAnswer,
  encodeHello,
  encodeHelloAnswer,
  HELLO_VERDICTS,
} from '../../../src/net/hello.ts'
import { frameLimit, type GossipKind, protocolName, topicName } from '../../../src/net/names.ts'

const NETWORK = `0x${'ab'.repeat(32)}` as const
const invalid = expect.objectContaining({ code: 'invalid-name' })

describe('names', () => {
  test('R2, R8, R10: topics and protocols hold the whole network id', () => {
    expect(topicName(NETWORK, 'vote', 3)).toBe(`/opg/${NETWORK}/vote/3/1`)
    expect(protocolName(NETWORK, 'infer')).toBe(`/opg/${NETWORK}/infer/1`)
  })

  test('anything else is invalid-name', () => {
    expect(() => topicName(NETWORK, 'receipt' as GossipKind, 0)).toThrow(invalid)
    expect(() => topicName(NETWORK, 'vote', NET_LIMITS.gossipTopicShards.value)).toThrow(invalid)
    expect(() => topicName(NETWORK, 'vote', 0.5)).toThrow(invalid)
    expect(() => topicName('0xab', 'vote', 0)).toThrow(invalid)
    expect(() => protocolName(NETWORK, 'In/fer')).toThrow(invalid)
    expect(() => protocolName(NETWORK.toUpperCase() as typeof NETWORK, 'infer')).toThrow(invalid)
  })

  test('each named protocol has its frame limit, others the default', () => {
    for (const [name, bytes] of FRAME_LIMITS) expect(frameLimit(protocolName(NETWORK, name))).toBe(bytes)
    expect(frameLimit(protocolName(NETWORK, 'other'))).toBe(NET_LIMITS.frameBytesDefault.value)
    expect(frameLimit(protocolName(NETWORK, 'constructor'))).toBe(NET_LIMITS.frameBytesDefault.value)
  })
})

describe('hello', () => {
  test('R2: golden bytes', () => {
    expect(Buffer.from(encodeHello(NETWORK)).toString('hex')).toBe(`01${'ab'.repeat(32)}`)
    expect(Buffer.from(encodeHelloAnswer({ verdict: 'welcome', networkId: NETWORK })).toString('hex')).toBe(
      `0101${'ab'.repeat(32)}`,
    )
  })

  test('decodes what it encodes and nothing else', () => {
    expect(decodeHello(encodeHello(NETWORK))).toBe(NETWORK)
    for (const verdict of Object.keys(HELLO_VERDICTS) as (keyof typeof HELLO_VERDICTS)[]) {
      expect(decodeHelloAnswer(encodeHelloAnswer({ verdict, networkId: NETWORK }))).toEqual({
        verdict,
        networkId: NETWORK,
      })
    }
    const other = encodeHello(NETWORK)
    other[0] = 2
    expect(decodeHello(other)).toBeUndefined()
    expect(decodeHello(encodeHello(NETWORK).subarray(1))).toBeUndefined()
    const unknown = encodeHelloAnswer({ verdict: 'welcome', networkId: NETWORK })
    unknown[1] = 0
    expect(decodeHelloAnswer(unknown)).toBeUndefined()
  })
})

describe('gossip', () => {
  test('R8: a message id is the start of sha256(topic, data)', () => {
    const id = messageId('/topic', Uint8Array.of(1, 2))
    expect(Buffer.from(id)).toEqual(createHash('sha256').update('/topic\x01\x02').digest().subarray(0, 20))
  })

  test('a peer with the best record is graylisted after six rejected messages at the most', () => {
    for (const rate of [0, 0.1, 1, 50, 1_000]) {
      const score = topicScore(rate)
      const best =
        score.timeInMeshCap * score.timeInMeshWeight +
        score.firstMessageDeliveriesCap * score.firstMessageDeliveriesWeight
      expect(best).toBeLessThanOrEqual(TOPIC_SCORE_CAP)
      expect(best + score.invalidMessageDeliveriesWeight * 36).toBeLessThan(SCORE_THRESHOLDS.graylistThreshold)
      expect(score.meshMessageDeliveriesWeight).toBe(0)
    }
  })

  test('a peer at the disconnect threshold of conduct is graylisted by gossip', () => {
    expect(NET_LIMITS.conductDisconnect.value * NET_LIMITS.conductGossipWeight.value + TOPIC_SCORE_CAP).toBeLessThan(
      SCORE_THRESHOLDS.graylistThreshold,
    )
  })
})
