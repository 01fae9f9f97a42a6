import { createSealing } from '../../src/attestation/index.ts'
import {
  type Budget,
  formatPayment,
  openSpendingBook,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  type SpendingBook,
  type X402Context,
} from '../../src/payment/index.ts'
import { type ChannelFunds, type Digest, parametersOf } from '../../src/protocol/index.ts'
import type { CommitteeLookup } from '../../src/roles/committee.ts'
import type { KeptJob } from '../../src/roles/requester/keptJob.ts'
import { openPayer, type Payer } from '../../src/roles/requester/payer.ts'
import { createRequester, type Requester } from '../../src/roles/requester/requester.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { type FixedPeer, type FixedProvider, noCommittee, startFixedPeer, trustingGrants } from './fixedChain.ts'
import { CHANNEL_DOMAIN, payeeOf, TOKEN } from './paidProvider.ts'
import { quiet, random } from './peers.ts'
import { crypto, DOMAIN, signerOf } from './votes.ts'

export const X402: X402Context = {
  network: 'eip155:31337',
  domain: CHANNEL_DOMAIN,
  permit2: `0x${'51'.repeat(20)}`,
  permit2Collector: `0x${'50'.repeat(20)}`,
}

const GENEROUS = 10n ** 18n
export const BUDGET: Budget = {
  ...{ perJob: GENEROUS, perDay: GENEROUS, perKey: GENEROUS },
  ...{ maxDeposit: GENEROUS, firstDeposit: 10n ** 12n },
}

export interface PaidRequester extends FixedPeer {
  readonly requester: Requester
  readonly payer: Payer
  readonly budgets: SpendingBook
  readonly store: Store
}

export interface PaidRequesterInit {
  readonly provider: FixedProvider
  readonly chain: { fundsOf(channel: Digest): ChannelFunds }
  /** Of the books; one that was used before goes on with them. */
  readonly storeAt: string
  /** What is kept of jobs, over restarts. */
  readonly kept: Map<Digest, KeptJob>
  readonly index?: number
  readonly budget?: Partial<Budget>
  readonly committee?: CommitteeLookup
}

/** A requester with a wallet, its books in a store of its own, connected to a provider whose chain is `chain`. */
export async function startPaidRequester(init: PaidRequesterInit): Promise<PaidRequester> {
  const { provider, chain, kept, index = 0 } = init
  const signer = signerOf('requester', index)
  const store = await openStore(init.storeAt, { clock: Date.now, logger: quiet })
  const policy = { budgets: new Map([[TOKEN, { ...BUDGET, ...init.budget }]]), hosts: undefined }
  const budgets = await openSpendingBook(store, policy)
  const { splitter, minWithdrawDelay: withdrawDelay } = payeeOf(provider.signer)
  const payer = await openPayer(
    {
      ...{ store, budgets, signer, crypto, clock: Date.now, logger: quiet },
      chain: { splitterOf: async () => splitter, fundsOf: async (channel) => chain.fundsOf(channel) },
      wallet: {
        address: signerOf('owner', index).address,
        authorize: async () => ({
          ...{ method: 'eip3009', validAfter: 0n, validBefore: BigInt(Math.floor(Date.now() / 1_000) + 600) },
          ...{ salt: DOMAIN.networkId, signature: `0x${'11'.repeat(65)}` },
        }),
      },
      frames: {
        payment: async (payment) => {
          const { config } = payment
          const accepted = requirementsJson(
            {
              ...{ asset: config.token, amount: 1n, payTo: config.receiver },
              ...{ receiverAuthorizer: config.receiverAuthorizer, withdrawDelay: config.withdrawDelay },
              ...{ maxTimeoutSeconds: 60, name: 'OPG', version: '1' },
            },
            X402,
          )
          return formatPayment(payment, { accepted, context: X402 })
        },
        required: (bytes) => parsePaymentRequired(bytes, X402),
        settlement: (bytes) => parseSettlement(bytes, X402),
      },
    },
    { domain: CHANNEL_DOMAIN, policy, token: TOKEN, salt: DOMAIN.networkId, withdrawDelay },
  )
  const peer = await startFixedPeer({ role: 'requester', index, bootstrap: [provider.host] })
  const requester = createRequester(
    {
      ...peer,
      ...{ grants: trustingGrants, committee: init.committee ?? noCommittee, payer, signer, crypto, random },
      sealing: createSealing({ subtle: globalThis.crypto.subtle, random }, { networkId: DOMAIN.networkId }),
      journal: {
        saveJob: async (jobId, job) => void kept.set(jobId, job),
        loadJob: async (jobId) => kept.get(jobId),
        saveAnswer: async () => {},
      },
      ...{ clock: Date.now, logger: quiet },
    },
    { domain: DOMAIN, parameters: parametersOf('devnet') },
  )
  return {
    ...{ ...peer, requester, payer, budgets, store },
    stop: async () => {
      await requester.stop()
      await peer.stop()
      await store.close()
    },
  }
}
