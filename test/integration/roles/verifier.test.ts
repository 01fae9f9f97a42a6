import { describe, expect, it } from 'vitest'
import { type GossipVerdict, topicName } from '../../../src/net/index.ts'
import { opensVote, REASON, type SignedVote, tallyVotes } from '../../../src/protocol/index.ts'
import { decodeGossip, encodeGossip, maxBytes } from '../../../src/wire/index.ts'
import { cheatOf, network, recordOf, startHost, startVerifier, stops, three } from '../../support/committeePeers.ts'
import { buildCheckpoint, checkpointDigest } from '../../support/records.ts'
import { DOMAIN } from '../../support/votes.ts'
import { addressOf, eventually } from '../net/hosts.ts'

describe('three verifiers and a provider over real streams', () => {
  it('R14 R17 certify an honest checkpoint, reject a cheat, and show their work', async () => {
    const { provider } = await network()
    const records = [recordOf(0), cheatOf(1)]
    const signed = buildCheckpoint(records)
    const digest = checkpointDigest(signed.checkpoint)
    provider.held.set(digest, { signed, records })
    provider.links.publish(signed, digest, records)
    await eventually(() => provider.certificates.length === 1, 'a certificate')
    const [certificate] = provider.certificates
    const tally = tallyVotes({ committee: three.seats, count: 2, votes: certificate?.votes ?? [] })
    expect(tally).toMatchObject({ accepted: 0b01n, rejected: 0b10n, final: true })
    expect([...tally.reasons]).toEqual([[1, REASON['output-mismatch']]])
    await eventually(() => provider.bundles.filter(({ openings }) => openings.length > 0).length >= 3, 'opened work')
    for (const { votes, openings } of provider.bundles.filter((bundle) => bundle.openings.length > 0)) {
      expect(opensVote(votes[0]!, openings[0]!)).toBe(true)
      expect(openings[0]?.sketches.map(({ receiptIndex }) => receiptIndex)).toEqual([0, 1])
    }
  })

  it('R10 R14 fetch by themselves what gossip announces', async () => {
    const { provider } = await network()
    const records = [recordOf(0)]
    const signed = buildCheckpoint(records)
    const digest = checkpointDigest(signed.checkpoint)
    provider.held.set(digest, { signed, records })
    const topic = topicName(DOMAIN.networkId, 'checkpoint', 0)
    await eventually(() => provider.host.gossip.peers(topic).length === 3, 'listeners')
    await provider.host.gossip.publish(topic, encodeGossip('checkpoint', signed))
    const voters = (): Set<string> =>
      new Set(provider.bundles.flatMap(({ votes }) => votes.map(({ vote }) => vote.verifier)))
    await eventually(() => voters().size === 3, 'votes of three')
    expect(provider.bundles.every(({ votes }) => votes.every(({ vote }) => vote.accepted === 1n))).toBe(true)
  })

  it('R27 send the same vote after a restart', async () => {
    const { provider, verifiers } = await network()
    const records = [recordOf(0)]
    const signed = buildCheckpoint(records)
    const digest = checkpointDigest(signed.checkpoint)
    provider.held.set(digest, { signed, records })
    provider.links.publish(signed, digest, records)
    const votesOf = (): SignedVote[] =>
      provider.bundles.flatMap(({ votes }) => votes).filter(({ vote }) => vote.verifier === three.seats[0]!.verifier)
    await eventually(() => votesOf().length > 0, 'a vote')
    const [before] = votesOf()
    await verifiers[0]!.stop()
    const restarted = await startVerifier(0, [addressOf(provider.host)], verifiers[0]!.directory)
    const sent: SignedVote[] = []
    const listener = await startHost('requester', 0, [addressOf(restarted.host)])
    stops.push(() => listener.stop())
    const topic = topicName(DOMAIN.networkId, 'vote', 0)
    const hear = async (bytes: Uint8Array): Promise<GossipVerdict> => {
      const bundle = decodeGossip('vote', bytes)
      if (bundle.ok) sent.push(...bundle.value.votes)
      return { action: 'accept' }
    }
    listener.gossip.subscribe(topic, hear, { maxBytes: maxBytes('VoteBundle'), queueLength: 64, expectedPerSecond: 10 })
    await eventually(() => restarted.host.gossip.meshPeers(topic).includes(listener.peerId), 'a listener')
    provider.links.publish(signed, digest, records)
    await eventually(() => sent.length > 0, 'the vote again')
    expect(new Set(sent.map(({ signature }) => signature))).toEqual(new Set([before!.signature]))
  })
})
