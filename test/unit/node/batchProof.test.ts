import { expect, test } from 'vitest'
import { awaitBatchProof } from '../../../src/node/batchProof.ts'
import {
  batchDigest,
  buildBatch,
  type ReceiptFile,
  type SignedBatch,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { makeReceiptFixture } from '../../support/receiptFixture.ts'
import { crypto, DOMAIN, settledOf, signerOf } from '../../support/settledFixture.ts'

const CREATED_AT = 1_000_000
const settled = settledOf({ createdAt: CREATED_AT })
const verifiers = [0, 1, 2].map((index) => signerOf('verifier', index))

function batchOf(cutoff: number) {
  const draft = { number: 1, previous: ZERO_DIGEST, epoch: 1, settler: signerOf('settler').address }
  const { batch, leaves } = buildBatch(DOMAIN, { ...draft, cutoff, settled: [settled] })
  const digest = batchDigest(DOMAIN, batch)
  const signatures = verifiers.map((signer, seat) => ({ seat, signature: signer.sign(digest) }))
  return { batch, digest, signed: { batch, leaves, signatures }, proposal: { batch, leaves, signatures: [] } }
}

/** A chain whose last batch is this one, and peers that hold it, each as its turn in `answers` says. */
function partsWith(
  { batch, digest }: ReturnType<typeof batchOf>,
  answers: { readonly [peer: string]: readonly SignedBatch[] },
) {
  const asked = new Map<string, number>()
  return {
    domain: DOMAIN,
    chain: {
      lastBatch: async () => ({ number: 1, digest }),
      batch: async (number: number) => (number === 1 ? { batch, digest } : undefined),
    },
    host: { connectedPeers: () => Object.keys(answers) },
    sync: {
      ask: async (peer: string) => {
        const at = asked.get(peer) ?? 0
        asked.set(peer, at + 1)
        return { ok: true, value: { batch: answers[peer]?.at(Math.min(at, answers[peer].length - 1)) } }
      },
    },
  } as unknown as Parameters<typeof awaitBatchProof>[0]
}

async function prove(parts: Parameters<typeof awaitBatchProof>[0]): Promise<ReceiptFile | undefined> {
  const { file } = await makeReceiptFixture()
  const unproven = { ...file, batchProof: { checkpoint: settled.signed, receiptProof: [], votes: settled.votes } }
  return await awaitBatchProof(parts, crypto, unproven, AbortSignal.timeout(90_000))
}

const signersOf = (file: ReceiptFile | undefined) => file?.batchProof?.anchored?.signatures.map(({ signer }) => signer)
const expected = verifiers.map(({ address }) => address)

test('a batch proves a checkpoint that its cut-off lies before: the clocks of chain and provider differ', async () => {
  const batch = batchOf(CREATED_AT - 1_000)
  expect(signersOf(await prove(partsWith(batch, { settler: [batch.signed] })))).toEqual(expected)
})

test('a batch without signatures proves nothing: another peer is asked for them', async () => {
  const batch = batchOf(CREATED_AT + 1_000)
  const parts = partsWith(batch, { verifier: [batch.proposal], settler: [batch.signed] })
  expect(signersOf(await prove(parts))).toEqual(expected)
})

test('signatures that no peer has yet are waited for', async () => {
  const batch = batchOf(CREATED_AT + 1_000)
  const parts = partsWith(batch, { verifier: [batch.proposal, batch.signed] })
  expect(signersOf(await prove(parts))).toEqual(expected)
})
