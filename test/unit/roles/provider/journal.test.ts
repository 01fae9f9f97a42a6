import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CHECKPOINT, digestOf, H, MODE, type ProviderEffect } from '../../../../src/protocol/index.ts'
import { createProviderJournal, type ProviderJournal } from '../../../../src/roles/provider/journal.ts'
import { openStore, type Store } from '../../../../src/store/index.ts'
import { PaidProvider } from '../../../support/paidProvider.ts'
import { quiet } from '../../../support/peers.ts'
import { entriesOf, jobIdOf, NOW, typed } from '../../../support/protocolWorld.ts'
import { DOMAIN } from '../../../support/votes.ts'

const OUTPUT = Uint8Array.from({ length: 640 }, (_, at) => at % 251)

let directory: string
let store: Store
let journal: ProviderJournal
let provider: PaidProvider

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-journal-'))
  store = await openStore(directory, { clock: Date.now, logger: quiet })
  provider = new PaidProvider()
  journal = createProviderJournal({ store }, { domain: DOMAIN, operator: provider.operator.address })
  await save(provider.show())
})

afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})

async function save(effects: readonly ProviderEffect[]): Promise<ProviderEffect[]> {
  for (const { entries } of typed(effects, 'persist')) await journal.commit(entries)
  return [...effects]
}

async function blocked() {
  const slice = provider.slice(provider.paid(undefined, { maxOutputUnits: 64 }))
  const request = provider.paid(slice, { maxOutputUnits: 64 })
  await save(provider.ask(request))
  const ran = await save(provider.finish(request, { output: OUTPUT, units: 64 }))
  return { request, ran, jobId: jobIdOf(request) }
}

describe('R27: what a provider finds after a crash', () => {
  it('is a job as far as it was released, and the books of its channel', async () => {
    const { request, ran, jobId } = await blocked()
    const progress = entriesOf(ran, 'progress')
    expect(await journal.find(jobId)).toEqual({
      jobId,
      job: request.job,
      heads: progress.map(({ head }) => head),
      chunks: progress.flatMap(({ chunks }) => chunks),
    })
    const account = provider.books.account(provider.channel)
    const stored = { account, jobs: provider.books.unsettled(provider.channel) }
    expect((await journal.history()).channels).toEqual([stored])
    expect(await journal.channel(provider.channel)).toEqual(stored)

    const after = new PaidProvider({ history: await journal.history() })
    await save(after.handle({ type: 'started', now: NOW + 60_000 }))
    expect(after.books.account(after.channel)?.charged).toBe(progress.at(-1)?.head.head.fee)
    expect((await journal.channel(provider.channel))?.account).toEqual(after.books.account(after.channel))
  })

  it('is the receipt alone once the job ended: what was stored of it on the way is gone', async () => {
    const { ran, jobId } = await blocked()
    expect(entriesOf(ran, 'progress').length).toBeGreaterThan(0)
    await save(provider.handle({ type: 'voucher-due', now: NOW + 60_000, jobId }))
    expect(await journal.find(jobId)).toMatchObject({ record: { receipt: { jobId } } })
    const parts = []
    for await (const { key } of store.iterate('progress', { prefix: [jobId] })) parts.push(key)
    expect(parts).toEqual([])
  })

  it('is how a settled job ended, and nothing of it among those that are open', async () => {
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    await save(provider.ask(request))
    expect((await journal.channel(provider.channel))?.jobs).toHaveLength(1)
    await save(provider.finish(request))
    expect((await journal.channel(provider.channel))?.jobs).toEqual([])
    expect(store.has('payeeSettlements', [jobIdOf(request)])).toBe(true)
  })

  it('is a quorum job without the certificate that came after it was paid back: both books end alike (R11, R26)', async () => {
    const request = provider.paid(provider.slice(provider.paid(undefined)), { mode: MODE.quorum })
    await save(provider.ask(request))
    await save(provider.finish(request))
    provider.handle({ type: 'checkpoint-due', now: NOW + 1_500 })
    const seed = { epoch: 1, blockNumber: 90, blockHash: H('test/block'), createdAt: NOW + 1_500 }
    const [published] = typed(await save(provider.handle({ type: 'checkpoint-seed', seed })), 'publish-checkpoint')
    const checkpoint = digestOf(DOMAIN, CHECKPOINT, published!.signed.checkpoint)
    const after = new PaidProvider({ history: await journal.history() })
    await save(after.handle({ type: 'started', now: NOW + 60_000 }))
    expect(after.books.account(after.channel)?.charged).toBe(0n)
    await journal.commit([{ kind: 'certificate', certificate: { checkpoint, votes: [] } }])
    const found = await journal.find(jobIdOf(request))
    expect(found).toMatchObject({ jobId: jobIdOf(request) })
    expect(found).not.toHaveProperty('certified')
  })

  it('is a quorum job with its certificate', async () => {
    const request = provider.paid(provider.slice(provider.paid(undefined)), { mode: MODE.quorum })
    await save(provider.ask(request))
    await save(provider.finish(request))
    provider.handle({ type: 'checkpoint-due', now: NOW + 1_500 })
    const seed = { epoch: 1, blockNumber: 90, blockHash: H('test/block'), createdAt: NOW + 1_500 }
    const closed = await save(provider.handle({ type: 'checkpoint-seed', seed }))
    const [published] = typed(closed, 'publish-checkpoint')
    const certificate = { checkpoint: digestOf(DOMAIN, CHECKPOINT, published!.signed.checkpoint), votes: [] }
    const told = await save(
      provider.handle({ type: 'certified', now: NOW + 2_000, certificate, decided: 1n, accepted: 1n }),
    )
    expect(entriesOf(told, 'certificate')).toHaveLength(1)
    const found = await journal.find(jobIdOf(request))
    expect(found).toMatchObject({ certified: { certificate, signed: published!.signed, receiptProof: [] } })
  })
})
