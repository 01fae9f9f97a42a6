import { afterEach, describe, expect, it } from 'vitest'
import type { Host } from '../../../src/net/index.ts'
import { createDomain, digestOf, H, JOB, RECEIPT } from '../../../src/protocol/index.ts'
import type { InferRequest, InferServerFrame } from '../../../src/wire/index.ts'
import { startBareHost } from '../../support/fixedChain.ts'
import { exchange, useTinyProvider } from '../../support/tinyProvider.ts'
import { DOMAIN, signerOf } from '../../support/votes.ts'
import { addressOf, eventually } from '../net/hosts.ts'

const world = useTinyProvider()
const stops: (() => Promise<void>)[] = []
let strangers = 0
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function stranger(): Promise<Host> {
  strangers += 1
  const host = await startBareHost({ role: 'stranger', index: strangers })
  stops.push(() => host.stop())
  await host.connect(addressOf(world.provider.host))
  return host
}

const ask = async (request: InferRequest, from?: Host): Promise<InferServerFrame[]> =>
  exchange(from ?? (await stranger()), world.provider.host, request)
const refusalIn = (frames: readonly InferServerFrame[]): string => {
  const last = frames.at(-1)
  return last?.kind === 'refusal' ? last.value.code : 'no refusal'
}
const receiptIn = (frames: readonly InferServerFrame[]) => {
  const frame = frames.find(({ kind }) => kind === 'receipt')
  if (frame?.kind !== 'receipt') throw new Error('expected a receipt')
  return frame.value.receipt.receipt
}
const receiptsStored = async (): Promise<number> => {
  let count = 0
  for await (const _ of world.provider.store.iterate('receipts')) count += 1
  return count
}
const reserved = (request: InferRequest) =>
  world.provider.store.get('reservations', [digestOf(DOMAIN, JOB, request.job)])

describe('a job whose signature is not the requester’s', () => {
  it.each([
    ['another signer', (request: InferRequest) => ({ ...request, signature: world.request({ index: 1 }).signature })],
    [
      'bytes that recover to nobody',
      (request: InferRequest) => ({ ...request, signature: `0x${'00'.repeat(65)}` as const }),
    ],
    [
      'another network (R2)',
      () =>
        world.request({ domain: createDomain(DOMAIN.chainId, DOMAIN.verifyingContract, H('test/another-network')) }),
    ],
    [
      'another chain id (R2)',
      () => world.request({ domain: createDomain(1, DOMAIN.verifyingContract, DOMAIN.networkId) }),
    ],
  ])('is refused bad-signature and scored: %s', async (_, forge) => {
    const peer = await stranger()
    const forged = forge(world.request())
    expect(refusalIn(await ask(forged, peer))).toBe('bad-signature')
    await eventually(() => world.provider.host.conduct.score(peer.peerId) <= -19, 'the sender to be scored')
    expect(await reserved(forged)).toBeUndefined()
    expect(world.provider.provider.status().running).toBe(0)
  })
})

describe('a job that cannot be served', () => {
  it.each([
    ['unknown-model', () => world.request({ change: { model: H('test/not-offered') } })],
    ['unknown-terms', () => world.request({ change: { terms: H('test/no-terms') } })],
    ['unknown-grant', () => world.request({ change: { grant: H('test/no-grant') } })],
    ['wrong-provider', () => world.request({ change: { provider: signerOf('provider', 1).address } })],
    ['expired-terms', () => world.request({ change: { createdAt: Date.now() + 120_000 } })],
    ['bad-clock', () => world.request({ change: { createdAt: Date.now() - 120_000 } })],
    ['bad-deadline', () => world.request({ change: { deadline: Date.now() - 1 } })],
    ['bad-input', () => ({ ...world.request(), input: Uint8Array.of(1, 2, 3) })],
    ['bad-parameters', () => ({ ...world.request(), parameters: Uint8Array.of(0x7b, 0x20, 0x7d) })],
  ])('is refused %s; that alone is no offence', async (code, make) => {
    const peer = await stranger()
    const request = make()
    expect(refusalIn(await ask(request, peer))).toBe(code)
    expect(world.provider.host.conduct.score(peer.peerId)).toBe(0)
    expect(world.provider.provider.status().running).toBe(0)
    expect(refusalIn(await ask(world.request(), peer))).toBe('no refusal')
  })

  it('for a model nobody offers ends as no-offer at the requester', async () => {
    const result = await world.asker.requester.request(world.order({ model: H('test/not-offered'), timeoutMs: 200 }))
    expect(result).toMatchObject({ ok: false, error: { code: 'no-offer' } })
  })
})

describe('a job that is replayed (section 4.3)', () => {
  it('gets the same answer, from whomever it comes, and one receipt', async () => {
    const request = world.request()
    const first = receiptIn(await ask(request))
    const before = await receiptsStored()
    const again = receiptIn(await ask(request))
    expect(digestOf(DOMAIN, RECEIPT, again)).toBe(digestOf(DOMAIN, RECEIPT, first))
    expect(await receiptsStored()).toBe(before)
    const next = receiptIn(await ask(world.request()))
    expect(next.sequence).toBe(first.sequence + 1)
  })

  it('at the same time runs once', async () => {
    const before = await receiptsStored()
    const request = world.request()
    const peer = await stranger()
    const answers = await Promise.all([ask(request, peer), ask(request, peer), ask(request)])
    expect(new Set(answers.map((frames) => digestOf(DOMAIN, RECEIPT, receiptIn(frames)))).size).toBe(1)
    expect(await receiptsStored()).toBe(before + 1)
  })

  it('by who does not hold its input is shown no output', async () => {
    const request = world.request()
    const first = receiptIn(await ask(request))
    const frames = await ask({ ...request, input: Uint8Array.of(9) })
    expect(frames.map(({ kind }) => kind)).not.toContain('chunk')
    expect(digestOf(DOMAIN, RECEIPT, receiptIn(frames))).toBe(digestOf(DOMAIN, RECEIPT, first))
  })
})
