import { describe, expect, it } from 'vitest'
import { type Host, protocolName, topicName } from '../../../src/net/index.ts'
import type { JobRecord, SignedCheckpoint } from '../../../src/protocol/index.ts'
import { fetchRecords } from '../../../src/roles/recordsClient.ts'
import { encode, encodeGossip, type RecordsFrame } from '../../../src/wire/index.ts'
import { network, recordOf, startHost, stops } from '../../support/committeePeers.ts'
import { buildCheckpoint, checkpointDigest } from '../../support/records.ts'
import { DOMAIN } from '../../support/votes.ts'
import { addressOf, eventually } from '../net/hosts.ts'

const TOPIC = topicName(DOMAIN.networkId, 'checkpoint', 0)
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_000))

describe('a provider whose records are not those of its checkpoint', () => {
  it('is scored by every verifier it pushed them to, and nobody votes (R14)', async () => {
    const { provider, verifiers } = await network()
    const signed = buildCheckpoint([recordOf(0)])
    provider.links.publish(signed, checkpointDigest(signed.checkpoint), [recordOf(1)])
    for (const { host } of verifiers) {
      await eventually(() => host.conduct.score(provider.host.peerId) <= -19, 'every verifier to score it')
    }
    await settle()
    expect(verifiers.map(({ verifier }) => verifier.status().voted)).toEqual([0, 0, 0])
    expect(provider.certificates).toEqual([])
  })

  it('is scored by every verifier that asked for them, and nobody votes (R14)', async () => {
    const { provider, verifiers } = await network()
    const signed = buildCheckpoint([recordOf(0)])
    provider.held.set(checkpointDigest(signed.checkpoint), { signed, records: [recordOf(1)] })
    await eventually(() => provider.host.gossip.peers(TOPIC).length === 3, 'listeners')
    await provider.host.gossip.publish(TOPIC, encodeGossip('checkpoint', signed))
    for (const { host } of verifiers) {
      await eventually(() => host.conduct.score(provider.host.peerId) <= -19, 'every verifier to score it')
    }
    expect(verifiers.map(({ verifier }) => verifier.status().voted)).toEqual([0, 0, 0])
  })
})

describe('a push that holds some of the records', () => {
  it('is completed with the missing ones alone (R10)', async () => {
    const { provider } = await network()
    const records = [recordOf(0), recordOf(1), recordOf(2)]
    const signed = buildCheckpoint(records)
    const digest = checkpointDigest(signed.checkpoint)
    provider.held.set(digest, { signed, records })
    provider.links.publish(signed, digest, records.slice(0, 1))
    await eventually(() => provider.certificates.length === 1, 'a certificate')
    expect(provider.asked).toContainEqual({ from: 1, count: 2 })
    expect(provider.asked.every(({ from, count }) => from === 1 && count === 2)).toBe(true)
  })

  it('whose records are of another checkpoint is held against who sent both halves, and forgotten', async () => {
    const { provider, verifiers } = await network()
    const records = [recordOf(0), recordOf(1)]
    const signed = buildCheckpoint(records)
    const digest = checkpointDigest(signed.checkpoint)
    provider.held.set(digest, { signed, records })
    provider.links.publish(signed, digest, [recordOf(5)])
    for (const { host } of verifiers) {
      await eventually(() => host.conduct.score(provider.host.peerId) <= -19, 'every verifier to score it')
    }
  })
})

describe('a fetch of records', () => {
  /** A peer that answers every request for records with these frames. */
  async function serving(frames: () => Iterable<RecordsFrame>): Promise<{ asker: Host; server: Host }> {
    const server = await startHost('provider', 0, [])
    const asker = await startHost('verifier', 0, [])
    stops.push(
      () => server.stop(),
      () => asker.stop(),
    )
    server.handle(protocolName(DOMAIN.networkId, 'records'), async (stream) => {
      await stream.read()
      for (const frame of frames()) await stream.write(encode('RecordsFrame', frame))
    })
    await asker.connect(addressOf(server))
    return { asker, server }
  }
  const fetched = (asker: Host, server: Host, signed: SignedCheckpoint, maxBytes?: number) =>
    fetchRecords(asker, server.peerId, DOMAIN, signed.checkpoint, checkpointDigest(signed.checkpoint), {
      ...(maxBytes === undefined ? {} : { maxBytes }),
    })
  const record = (index: number, of: JobRecord): RecordsFrame => ({
    kind: 'record',
    value: { index, record: of, more: true },
  })

  it('ends as too-large, scored, when parts go on beyond its bytes', async () => {
    const one = recordOf(0)
    const signed = buildCheckpoint([one])
    const { asker, server } = await serving(function* () {
      yield record(0, one)
      for (;;) yield { kind: 'part', value: { index: 0, heads: one.heads, chunks: [], more: true } }
    })
    expect(await fetched(asker, server, signed, 100_000)).toMatchObject({ ok: false, error: { code: 'too-large' } })
    expect(asker.conduct.score(server.peerId)).toBeLessThanOrEqual(-19)
  })

  it('ends as too-large when parts are empty: an endless stream of nothing is not free', async () => {
    const one = recordOf(0)
    const { asker, server } = await serving(function* () {
      yield record(0, one)
      for (;;) yield { kind: 'part', value: { index: 0, heads: [], chunks: [], more: true } }
    })
    const result = await fetched(asker, server, buildCheckpoint([one]), 100_000)
    expect(result).toMatchObject({ ok: false, error: { code: 'too-large' } })
  })

  it.each([
    ['more records than the checkpoint has', [0, 1]],
    ['a record out of its place', [1]],
  ])('ends as bad-records, scored, at %s', async (_, indices) => {
    const { asker, server } = await serving(() => indices.map((index) => record(index, recordOf(index))))
    const result = await fetched(asker, server, buildCheckpoint([recordOf(0)]))
    expect(result).toMatchObject({ ok: false, error: { code: 'bad-records' } })
    expect(asker.conduct.score(server.peerId)).toBeLessThanOrEqual(-19)
  })

  it('ends as unreachable when the stream ends before its terminal frame', async () => {
    const { asker, server } = await serving(() => [record(0, recordOf(0))])
    const result = await fetched(asker, server, buildCheckpoint([recordOf(0)]))
    expect(result).toMatchObject({ ok: false, error: { code: 'unreachable' } })
  })
})
