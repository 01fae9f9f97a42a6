import { describe, expect, it } from 'vitest'
import { type FrameStream, type Host, protocolName } from '../../../src/net/index.ts'
import { type SignedVote, voteDigest } from '../../../src/protocol/index.ts'
import { decode, encode } from '../../../src/wire/index.ts'
import { recordOf, startHost, startProvider, startVerifier, stops, three } from '../../support/committeePeers.ts'
import { buildCheckpoint, checkpointDigest, forgedSignature } from '../../support/records.ts'
import { castVote, DOMAIN } from '../../support/votes.ts'
import { addressOf, eventually } from '../net/hosts.ts'

/** The third seat of the committee, played by a test: what it does with a checkpoint that is pushed to it. */
async function thirdSeat(provider: Host, act: (stream: FrameStream, host: Host) => Promise<void>): Promise<Host> {
  const host = await startHost('verifier', 2, [addressOf(provider)])
  host.handle(protocolName(DOMAIN.networkId, 'records'), async (stream) => {
    for await (const bytes of stream.frames({ timeoutMs: Number.POSITIVE_INFINITY })) {
      const frame = decode('RecordsFrame', bytes)
      if (frame.ok && frame.value.kind === 'push') await act(stream, host)
    }
  })
  stops.push(() => host.stop())
  return host
}

async function pushed(act: (stream: FrameStream, host: Host) => Promise<void>) {
  const provider = await startProvider()
  const bootstrap = [addressOf(provider.host)]
  await Promise.all([startVerifier(0, bootstrap), startVerifier(1, bootstrap)])
  const third = await thirdSeat(provider.host, act)
  await eventually(() => provider.host.connectedPeers().length === 3, 'three verifiers')
  const records = [recordOf(0)]
  const signed = buildCheckpoint(records)
  const digest = checkpointDigest(signed.checkpoint)
  provider.held.set(digest, { signed, records })
  return { provider, third, bootstrap, publish: () => provider.links.publish(signed, digest, records) }
}

const digest = checkpointDigest(buildCheckpoint([]).checkpoint)
const sendVotes = (stream: FrameStream, votes: readonly SignedVote[]): Promise<void> =>
  stream.write(encode('RecordsFrame', { kind: 'votes', value: { votes, openings: [] } }))

describe('a verifier that', () => {
  const FORGERIES: readonly (readonly [string, (checkpoint: `0x${string}`) => SignedVote])[] = [
    [
      'sends a vote with a wrong signature',
      (checkpoint) => {
        const vote = castVote(three, { member: 2, checkpoint, accepted: [0] })
        return { ...vote, signature: forgedSignature(voteDigest(DOMAIN, vote.vote)) }
      },
    ],
    [
      'votes in the name of another',
      (checkpoint) => {
        const vote = castVote(three, { member: 0, checkpoint, rejected: [[0, 1]] })
        return { ...vote, signature: three.signers[2]!.sign(voteDigest(DOMAIN, vote.vote)) }
      },
    ],
    [
      'votes on a seat it does not hold',
      (checkpoint) => castVote(three, { member: 2, checkpoint, accepted: [0], overrides: { seat: 99 } }),
    ],
    [
      'votes on receipts that are not there',
      (checkpoint) => castVote(three, { member: 2, checkpoint, accepted: [0, 7] }),
    ],
  ]

  it.each(FORGERIES)(
    '%s is scored bad-vote; the vote counts for nothing, and an honest one later does',
    async (_, forge) => {
      const records = [recordOf(0)]
      const target = checkpointDigest(buildCheckpoint(records).checkpoint)
      const world = await pushed((stream) => sendVotes(stream, [forge(target)]))
      world.publish()
      await eventually(() => world.provider.host.conduct.score(world.third.peerId) <= -19, 'the forger to be scored')
      await eventually(() => !world.provider.host.connectedPeers().includes(world.third.peerId), 'it to be hung up')
      expect(world.provider.certificates).toEqual([])
      await world.third.stop()
      await startVerifier(2, world.bootstrap)
      await eventually(() => world.provider.certificates.length === 1, 'a certificate of three honest votes')
      const voters = world.provider.certificates[0]!.votes.map(({ vote }) => [vote.verifier, vote.accepted])
      expect(new Map(voters as [string, bigint][])).toEqual(new Map(three.seats.map(({ verifier }) => [verifier, 1n])))
    },
    20_000,
  )

  it('dies with the checkpoint it was pushed is pushed it again when it is back', async () => {
    const world = await pushed((_, host) => host.stop())
    world.publish()
    await eventually(() => !world.provider.host.connectedPeers().includes(world.third.peerId), 'its death')
    expect(world.provider.certificates).toEqual([])
    await startVerifier(2, world.bootstrap)
    await eventually(() => world.provider.certificates.length === 1, 'a certificate')
    expect(world.provider.host.conduct.score(world.third.peerId)).toBe(0)
  })

  it('sends a frame that no verifier sends is scored bad-frame', async () => {
    const world = await pushed((stream) =>
      stream.write(encode('RecordsFrame', { kind: 'end', value: { count: 0, recordsHash: digest } })),
    )
    world.publish()
    await eventually(() => world.provider.host.conduct.score(world.third.peerId) <= -19, 'it to be scored')
  })
})
