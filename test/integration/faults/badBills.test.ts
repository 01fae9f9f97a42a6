import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { awaitSettled, reasonsOf, verdictsOf } from '../../../devnet/demo/settlement.ts'
import { type Devnet, startDevnet } from '../../../devnet/supervisor.ts'
import type { OpgNode } from '../../../src/node/index.ts'
import {
  channelIdOf,
  createChannelDomain,
  encodeTensors,
  MODE,
  PRIVACY,
  type RankedOffer,
  REASON,
  TIER,
} from '../../../src/protocol/index.ts'
import type { InferenceOrder, RequestProgress } from '../../../src/roles/index.ts'
import { devnetModel } from '../../support/peers.ts'

const CLASSIFIER = fileURLToPath(new URL('../../../devnet/models/classifier', import.meta.url))
const OVER_BILLER = 'provider-0'
const PAST_THE_SPLITTER = 'provider-1'
/** Bounds of hangs. */
const TIMEOUT_MS = 120_000

let directory: string
let devnet: Devnet
let order: (provider: string) => InferenceOrder
let client: OpgNode

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-bad-bills-'))
  devnet = await startDevnet({
    ...{ directory, seed: 'bills', providers: 0, verifiers: 3, settlers: 1, models: [CLASSIFIER] },
    adversaries: ['overBilling', 'ownReceiver'],
  })
  const { id: model } = await devnetModel('classifier')
  const image = { dtype: 'F32', shape: [1, 8, 8], data: new Float32Array(64).fill(0.5) } as const
  const input = encodeTensors({ image })
  order = (provider) => ({
    ...{ model, input, parameters: {}, tier: TIER.replay, privacy: PRIVACY.committee, mode: MODE.quorum },
    ...{ maxOutputUnits: 1, timeoutMs: TIMEOUT_MS, only: [devnet.node(provider).operator] },
  })
  client = await devnet.requester()
}, 300_000)

afterAll(async () => {
  await client?.stop()
  await devnet?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}, 120_000)

/** Asks one provider, and tells what was seen on the way. */
async function ask(provider: string) {
  const { requester } = client
  if (requester === undefined) throw new RangeError('the client plays no requester')
  const seen: RequestProgress['type'][] = []
  const answer = await requester.request(order(provider), { onProgress: ({ type }) => void seen.push(type) })
  return { answer, seen }
}

/** Agrees with a provider to pay it past its splitter: the channel names the provider itself. */
function collude(): void {
  const { money, parts } = client
  if (money === undefined) throw new RangeError('the client has no wallet')
  const { payer } = money
  const { chainId, contracts } = parts.chain.network
  const domain = createChannelDomain(chainId, contracts.paymentChannels)
  const honest = payer.channelWith.bind(payer)
  const channelWith: typeof payer.channelWith = async (offer: RankedOffer) => {
    const config = { ...(await honest(offer)).config, receiver: offer.signed.offer.operator }
    return { id: channelIdOf(domain, config), config }
  }
  Object.assign(payer, { channelWith })
}

describe('a provider whose bills are not its offer’s', { timeout: 300_000 }, () => {
  it('is refused at its first head and owed nothing; the committee rejects the bill it pushed all the same (R24)', async () => {
    const { answer, seen } = await ask(OVER_BILLER)
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'answer-invalid', cause: 'head-over-ceiling', deliveredChunks: 0, paid: 0n },
    })
    expect(seen).not.toContain('receipt')
    expect(client.money?.payer.ledger.channels()).toMatchObject([{ charged: 0n }])
    const batches = await awaitSettled(client.parts, 1, TIMEOUT_MS, () => undefined)
    expect(verdictsOf(batches.flatMap(({ signed }) => signed.leaves))).toEqual({ verified: 0, rejected: 1 })
    expect(await reasonsOf(client.parts, batches, TIMEOUT_MS)).toEqual(['fee-mismatch'])
  })

  it('past its splitter gets no deposit and no job of an honest requester (R23)', async () => {
    const { answer, seen } = await ask(PAST_THE_SPLITTER)
    expect(answer).toMatchObject({ ok: false, error: { code: 'payment', cause: 'wrong-receiver', paid: 0n } })
    expect(seen).not.toContain('job-sent')
  })

  it('past its splitter is rejected by the committee where a requester goes along with it (R14, R23)', async () => {
    collude()
    const { answer, seen } = await ask(PAST_THE_SPLITTER)
    expect(seen).toContain('job-sent')
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'rejected', verdict: { status: 'rejected', reason: REASON['wrong-receiver'] } },
    })
  })
})
