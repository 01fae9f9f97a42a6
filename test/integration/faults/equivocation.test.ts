import { describe, expect, it } from 'vitest'
import { type Host, topicName } from '../../../src/net/index.ts'
import { REASON, type SignedCheckpoint } from '../../../src/protocol/index.ts'
import { orderedProof } from '../../../src/roles/validators/evidence.ts'
import { type EquivocationProof, encode, encodeGossip, maxBytes } from '../../../src/wire/index.ts'
import {
  network,
  recordOf,
  startHost,
  startVerifier,
  stops,
  three,
  type VerifierPeer,
} from '../../support/committeePeers.ts'
import { buildCheckpoint, checkpointDigest, forgedSignature, NOW, PROVIDER } from '../../support/records.ts'
import { castVote, DOMAIN } from '../../support/votes.ts'
import { addressOf, eventually } from '../net/hosts.ts'

const EVIDENCE = topicName(DOMAIN.networkId, 'evidence', 0)
const VOTES = topicName(DOMAIN.networkId, 'vote', 0)

const kept = async ({ store }: VerifierPeer): Promise<number> => {
  let count = 0
  for await (const _ of store.iterate('evidence')) count += 1
  return count
}

async function gossiper(role: string, topic: string, to: Host): Promise<Host> {
  const host = await startHost(role, 0, [addressOf(to)])
  stops.push(() => host.stop())
  const options = { maxBytes: maxBytes('VoteBundle'), queueLength: 16, expectedPerSecond: 1 }
  host.gossip.subscribe(topic, async () => ({ action: 'accept' }), options)
  await eventually(() => to.gossip.meshPeers(topic).includes(host.peerId), 'a mesh')
  return host
}

const rivals = (): readonly [SignedCheckpoint, SignedCheckpoint] => [
  buildCheckpoint([recordOf(0)], { sequence: 4 }),
  buildCheckpoint([recordOf(1)], { sequence: 4 }),
]
const proofOf = ([left, right]: readonly [SignedCheckpoint, SignedCheckpoint]): EquivocationProof =>
  orderedProof('checkpoint', encode('SignedCheckpoint', left), encode('SignedCheckpoint', right))

describe('R9: a provider that signs two checkpoints for one sequence', () => {
  it('is shown with both on the evidence topic, banned by every verifier, and known after a restart', async () => {
    const { provider, verifiers } = await network()
    const proofs: EquivocationProof[] = []
    for (const { evidence } of verifiers) evidence.onEvidence((proof) => proofs.push(proof))
    await eventually(() => verifiers.every(({ host }) => host.gossip.peers(EVIDENCE).length > 0), 'listeners')
    const pair = rivals()
    for (const signed of pair) provider.links.publish(signed, checkpointDigest(signed.checkpoint), [])
    await eventually(() => proofs.length === 3, 'the proof to reach every verifier, once each')
    expect(proofs).toEqual([proofOf(pair), proofOf(pair), proofOf(pair)])
    for (const verifier of verifiers) {
      await eventually(() => verifier.host.conduct.isBanned(provider.host.peerId), 'the ban')
      expect(await kept(verifier)).toBe(1)
    }
    const [first] = verifiers as [VerifierPeer]
    await first.stop()
    const restarted = await startVerifier(0, [], first.directory)
    expect(restarted.host.conduct.isBanned(provider.host.peerId)).toBe(false)
    await restarted.host.connect(addressOf(provider.host)).catch(() => undefined)
    await eventually(() => restarted.host.conduct.isBanned(provider.host.peerId), 'the ban after the restart')
  })
})

describe('R9: a verifier that signs two votes for one round', () => {
  it('is shown with both, and banned', async () => {
    const { provider, verifiers } = await network()
    const liar = verifiers[2] as VerifierPeer
    const accuser = await gossiper('accuser', VOTES, verifiers[0]!.host)
    const overrides = { seenAt: NOW }
    const votes = [
      castVote(three, { member: 2, accepted: [0], overrides }),
      castVote(three, { member: 2, rejected: [[0, REASON.late]], overrides }),
    ]
    const proofs: EquivocationProof[] = []
    verifiers[0]!.evidence.onEvidence((proof) => proofs.push(proof))
    for (const vote of votes) {
      await accuser.gossip.publish(VOTES, encodeGossip('vote', { votes: [vote], openings: [] }))
    }
    await eventually(() => proofs.length === 1, 'a proof')
    expect(proofs[0]?.kind).toBe('vote')
    expect(verifiers[0]!.host.conduct.score(accuser.peerId)).toBe(0)
    await eventually(() => provider.host.conduct.isBanned(liar.host.peerId), 'the provider to ban it too')
    expect(provider.host.conduct.score(verifiers[1]!.host.peerId)).toBe(0)
  })
})

describe('R9: a proof that does not hold', () => {
  const [one, other] = [0, 1] as const
  it.each([
    [
      'bad-signature',
      () => {
        const pair = rivals()
        return proofOf([
          pair[one],
          { ...pair[other], signature: forgedSignature(checkpointDigest(pair[other].checkpoint)) },
        ])
      },
    ],
    ['evidence-place', () => proofOf([rivals()[one], buildCheckpoint([recordOf(1)], { sequence: 5 })])],
    [
      'evidence-same',
      () =>
        proofOf([
          rivals()[one],
          { ...rivals()[one], signature: PROVIDER.sign(checkpointDigest(rivals()[other].checkpoint)) },
        ]),
    ],
  ])(
    'accuses nobody, is not kept, and costs who sent it: %s',
    async (_, make) => {
      const { provider, verifiers } = await network()
      const target = verifiers[0] as VerifierPeer
      const proofs: EquivocationProof[] = []
      target.evidence.onEvidence((proof) => proofs.push(proof))
      const slanderer = await gossiper('slanderer', EVIDENCE, target.host)
      await slanderer.gossip.publish(EVIDENCE, encodeGossip('evidence', make()))
      await eventually(() => target.host.conduct.score(slanderer.peerId) < 0, 'the slanderer to be scored')
      expect(proofs).toEqual([])
      expect(await kept(target)).toBe(0)
      expect(target.host.conduct.score(provider.host.peerId)).toBe(0)
      expect(target.host.connectedPeers()).toContain(provider.host.peerId)
    },
    20_000,
  )
})
