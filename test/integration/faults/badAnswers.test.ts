import { afterEach, describe, expect, it } from 'vitest'
import {
  digestOf,
  H,
  HEAD,
  type Head,
  MODE,
  PRIVACY,
  RECEIPT,
  type Receipt,
  TIER,
  utf8,
} from '../../../src/protocol/index.ts'
import type { InferenceOrder, RequestProgress } from '../../../src/roles/requester/requester.ts'
import type { InferServerFrame } from '../../../src/wire/index.ts'
import { type FixedRequester, startFixedRequester } from '../../support/fixedChain.ts'
import { type Exchange, type Liar, type LiarInit, startLiar } from '../../support/liar.ts'
import { MODEL } from '../../support/protocolWorld.ts'
import { forgedSignature } from '../../support/records.ts'
import { DOMAIN, signerOf } from '../../support/votes.ts'
import { eventually } from '../net/hosts.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const orderOf = (mode: number): InferenceOrder => ({
  model: MODEL,
  input: utf8('an input'),
  parameters: {},
  tier: TIER.replay,
  privacy: PRIVACY.open,
  mode,
  maxOutputUnits: 1,
  timeoutMs: 90_000,
})

/** No committee sits here, so a quorum job ends uncertified. */
const honestly = ({ frames, write }: Exchange): Promise<void> => {
  const [first] = frames
  if (first?.kind !== 'accepted' || frames.at(-1)?.kind === 'end') return write(...frames)
  return write(...frames, { kind: 'end', value: { jobId: first.value.jobId, outcome: 'uncertified' } })
}

/** A cheap provider that lies, a dear one that does not, and a requester that knows both. */
async function world(
  script: LiarInit['script'],
  price: Partial<Pick<LiarInit, 'perRequest' | 'index'>> = {},
): Promise<{ liar: Liar; honest: Liar; asker: FixedRequester }> {
  const liar = await startLiar({ index: 0, perRequest: 1_000n, ...price, script })
  stops.push(() => liar.stop())
  const honest = await startLiar({ index: 5, perRequest: 2_000n, script: honestly })
  stops.push(() => honest.stop())
  const asker = await startFixedRequester({ bootstrap: [liar.host, honest.host] })
  stops.push(() => asker.stop())
  await eventually(() => asker.offers.live().length === 2, 'two offers')
  return { liar, honest, asker }
}

/** Changes the frames of one kind, each signed anew by the session key where the change asks for it. */
const headsAs =
  (change: (head: Head) => Head): LiarInit['script'] =>
  ({ frames, liar, write }) =>
    write(
      ...frames.map((frame): InferServerFrame => {
        if (frame.kind !== 'head') return frame
        const head = change(frame.value.head)
        return { kind: 'head', value: { head, signature: liar.grant.session.sign(digestOf(DOMAIN, HEAD, head)) } }
      }),
    )

const receiptAs =
  (change: (receipt: Receipt) => Receipt): LiarInit['script'] =>
  ({ frames, liar, write }) =>
    write(
      ...frames.map((frame): InferServerFrame => {
        if (frame.kind !== 'receipt') return frame
        const receipt = change(frame.value.receipt.receipt)
        const signature = liar.grant.session.sign(digestOf(DOMAIN, RECEIPT, receipt))
        return { kind: 'receipt', value: { ...frame.value, receipt: { receipt, signature } } }
      }),
    )

const without =
  (...kinds: readonly InferServerFrame['kind'][]): LiarInit['script'] =>
  ({ frames, write }) =>
    write(...frames.filter(({ kind }) => !kinds.includes(kind)))

/** Drops the third chunk, or everything between the first head and the receipt. */
const cut =
  (from: number, to: number): LiarInit['script'] =>
  ({ frames, write }) =>
    write(...frames.filter((_, index) => index < from || index >= to))

const forgedHead: LiarInit['script'] = ({ frames, write }) =>
  write(
    ...frames.map(
      (frame): InferServerFrame =>
        frame.kind === 'head'
          ? {
              kind: 'head',
              value: { ...frame.value, signature: forgedSignature(digestOf(DOMAIN, HEAD, frame.value.head)) },
            }
          : frame,
    ),
  )

const LIES: readonly (readonly [string, LiarInit['script'], string])[] = [
  ['a wrong head', headsAs((head) => ({ ...head, head: H('test/elsewhere') })), 'head-mismatch'],
  ['a head of another signer', forgedHead, 'head-signature'],
  ['a head above the ceiling', headsAs((head) => ({ ...head, fee: 10n ** 20n })), 'head-over-ceiling'],
  ['a wrong fee', receiptAs((receipt) => ({ ...receipt, fee: receipt.fee + 1n })), 'receipt-fee'],
  [
    'a receipt of other input',
    receiptAs((receipt) => ({ ...receipt, inputHash: H('test/other') })),
    'receipt-mismatch',
  ],
  ['a chain without its third chunk', cut(4, 5), 'chunk-out-of-order'],
  ['a truncated chain', cut(3, 7), 'receipt-heads'],
  ['chunks without heads', without('head'), 'too-many-uncovered-chunks'],
]

describe('a provider that sends', () => {
  it.each(LIES)(
    '%s is told from an honest one, scored, and replaced before anything is handed on',
    async (_, script, code) => {
      const { liar, honest, asker } = await world(script)
      const progress: RequestProgress[] = []
      const delivered: number[] = []
      const result = await asker.requester.request(orderOf(MODE.buffered), {
        onProgress: (step) => progress.push(step),
        onChunks: (chunks) => delivered.push(...chunks.map(({ index }) => index)),
      })
      expect(progress.filter(({ type }) => type === 'failover')).toMatchObject([
        { provider: liar.signer.address, code },
      ])
      expect(result).toMatchObject({ ok: true, value: { receipt: { receipt: { provider: honest.signer.address } } } })
      expect(delivered).toEqual([1, 2, 3, 4])
      expect(asker.host.conduct.score(liar.host.peerId)).toBeLessThanOrEqual(-29)
      expect(asker.host.conduct.score(honest.host.peerId)).toBe(0)
      expect([liar.jobs(), honest.jobs()]).toEqual([1, 1])
    },
  )

  it('a wrong fee in local mode ends with what was handed on, stated (section 4.6)', async () => {
    const { liar, honest, asker } = await world(receiptAs((receipt) => ({ ...receipt, fee: receipt.fee + 1n })))
    const result = await asker.requester.request(orderOf(MODE.local))
    expect(result).toMatchObject({
      ok: false,
      error: {
        code: 'answer-invalid',
        cause: 'receipt-fee',
        provider: liar.signer.address,
        deliveredChunks: 4,
        paid: 0n,
      },
    })
    expect(asker.host.conduct.score(liar.host.peerId)).toBeLessThanOrEqual(-29)
    expect(honest.jobs()).toBe(0)
  })

  it('no receipt, and says that it ended, is scored and replaced', async () => {
    const { liar, honest, asker } = await world(without('receipt'))
    const result = await asker.requester.request(orderOf(MODE.buffered))
    expect(result).toMatchObject({ ok: true, value: { receipt: { receipt: { provider: honest.signer.address } } } })
    expect(asker.host.conduct.score(liar.host.peerId)).toBeLessThanOrEqual(-29)
  })

  it('a whole answer and no terminal frame loses nothing: the receipt was verified', async () => {
    const { liar, honest, asker } = await world(without('end'))
    const result = await asker.requester.request(orderOf(MODE.local))
    expect(result).toMatchObject({ ok: true, value: { receipt: { receipt: { provider: liar.signer.address } } } })
    const again = await asker.requester.request({ ...orderOf(MODE.local), only: [honest.signer.address] })
    expect(again.ok).toBe(true)
  })

  it('bytes that are no frame is scored and replaced', async () => {
    const { liar, honest, asker } = await world(async ({ frames, write, writeBytes }) => {
      await write(...frames.slice(0, 2))
      await writeBytes(Uint8Array.of(0xff, 0xff))
    })
    const result = await asker.requester.request(orderOf(MODE.buffered))
    expect(result).toMatchObject({ ok: true, value: { receipt: { receipt: { provider: honest.signer.address } } } })
    expect(asker.host.conduct.score(liar.host.peerId)).toBeLessThanOrEqual(-19)
  })

  it('bytes that are no frame alone ends as bad-frame', async () => {
    const { liar, asker } = await world(({ writeBytes }) => writeBytes(Uint8Array.of(0xff, 0xff)))
    const result = await asker.requester.request({ ...orderOf(MODE.local), only: [liar.signer.address] })
    expect(result).toMatchObject({ ok: false, error: { code: 'stream-failed', cause: 'bad-frame' } })
  })
})

describe('a provider that dies after the first chunk', () => {
  const die: LiarInit['script'] = async ({ frames, liar, write }) => {
    await write(...frames.slice(0, 3))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await liar.host.stop()
  }

  it.each([
    ['buffered', MODE.buffered],
    ['quorum', MODE.quorum],
  ])('is replaced in silence in %s mode, where nothing was handed on', async (_, mode) => {
    const { honest, asker } = await world(die)
    const chosen: string[] = []
    const result = await asker.requester.request(orderOf(mode), {
      onProgress: (step) => {
        if (step.type === 'job-sent') chosen.push(step.provider)
      },
    })
    expect(chosen).toEqual([signerOf('provider', 0).address, honest.signer.address])
    if (mode === MODE.buffered) expect(result.ok).toBe(true)
    else expect(result).toMatchObject({ ok: false, error: { code: 'undecided', deliveredChunks: 0 } })
  })

  it('ends a local job with what was handed on and a code (section 4.6)', async () => {
    const { liar, honest, asker } = await world(die)
    const delivered: number[] = []
    const result = await asker.requester.request(orderOf(MODE.local), {
      onChunks: (chunks) => delivered.push(...chunks.map(({ index }) => index)),
    })
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'stream-failed', provider: liar.signer.address, deliveredChunks: 1, paid: 0n },
    })
    expect(delivered).toEqual([1])
    expect(honest.jobs()).toBe(0)
  })

  it('is ranked behind another of the same price when it is back, and is not banned for a crash', async () => {
    const [first, second] = [0, 5].sort((a, b) =>
      signerOf('provider', a).address < signerOf('provider', b).address ? -1 : 1,
    ) as [number, number]
    const mortal = await startLiar({ index: first, perRequest: 2_000n, script: die })
    const steady = await startLiar({ index: second, perRequest: 2_000n, script: honestly })
    const asker = await startFixedRequester({ bootstrap: [mortal.host, steady.host] })
    stops.push(
      () => mortal.stop(),
      () => steady.stop(),
      () => asker.stop(),
    )
    await eventually(() => asker.offers.live().length === 2, 'two offers')
    expect((await asker.requester.request(orderOf(MODE.buffered))).ok).toBe(true)
    expect([mortal.jobs(), steady.jobs()]).toEqual([1, 1])
    expect(asker.host.conduct.isWelcome(mortal.host.peerId)).toBe(true)
    expect((await asker.requester.request(orderOf(MODE.buffered))).ok).toBe(true)
    expect([mortal.jobs(), steady.jobs()]).toEqual([1, 2])
  })
})
