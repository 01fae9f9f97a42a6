import type { Registry } from 'prom-client'
import { type ChainClient, createSplitterLookup } from '../chain/index.ts'
import {
  type ChannelBook,
  type ChannelService,
  type ClaimBatch,
  type Claimer,
  type ClaimSource,
  createClaimer,
  createClaimMetrics,
  formatClaimBatch,
  type Sendings,
  signClaimBatches,
} from '../payment/index.ts'
import { type Address, type ClaimRow, createChannelDomain, PayeeLedger, type Signer } from '../protocol/index.ts'
import type { ChainSession } from './chainSession.ts'
import type { NodeConfig } from './config.ts'
import { nodeSecp256k1 } from './crypto.ts'
import type { NodeLogger } from './logger.ts'

/** What a running provider does with what its channels owe it (R25). */
export interface ProviderClaims extends Pick<Claimer, 'claimAll'> {
  /** Claims of all that is claimable now, signed for watch-towers. */
  signed(): readonly ClaimBatch[]
  stop(): Promise<void>
}

interface Components {
  readonly chain: ChainClient
  readonly sendings: Sendings
  readonly channels: ChannelService
  readonly source: ClaimSource
  /** The provider's operator. */
  readonly signer: Signer
  readonly registry: Registry
  readonly logger: NodeLogger
}

/** Claims as long as the node runs. */
export function startProviderClaims(
  components: Components,
  { splitter, claims }: { readonly splitter: Address; readonly claims: NodeConfig['payments']['claims'] },
): ProviderClaims {
  const { chain, source, signer, registry } = components
  const claimer = createClaimer(
    { ...components, metrics: createClaimMetrics(registry) },
    {
      operator: signer.address,
      splitter,
      policy: {
        etherPrice: claims.etherPrice,
        maxGasShare: claims.maxGasPercent * 10_000,
        maxAgeMs: claims.maxAgeSeconds * 1_000,
      },
    },
  )
  claimer.start()
  return {
    claimAll: () => claimer.claimAll(),
    signed: () =>
      signRows(
        chain,
        signer,
        splitter,
        source.candidates().map(({ row }) => row),
      ),
    stop: () => claimer.stop(),
  }
}

/** The same of a provider that is down, from its books as they lie, as files of text. Throws ChainError. */
export async function signClaimFiles(
  { chain }: Pick<ChainSession, 'chain'>,
  signer: Signer,
  books: readonly ChannelBook[],
): Promise<readonly string[]> {
  const { chainId, contracts } = chain.network
  const splitter = await createSplitterLookup(chain)(signer.address)
  const ledger = new PayeeLedger({
    domain: createChannelDomain(chainId, contracts.paymentChannels),
    crypto: nodeSecp256k1(),
    payee: { operator: signer.address, splitter, token: contracts.opg, minWithdrawDelay: 0 },
    float: 0n,
    maxJobs: 0,
  })
  const rows = books.flatMap(({ account, jobs }) => {
    ledger.load(account, jobs)
    const totalClaimed = ledger.claimable(account.id)
    const { config, voucher } = account
    return voucher === undefined || totalClaimed === 0n ? [] : [{ config, voucher, totalClaimed }]
  })
  return signRows(chain, signer, splitter, rows).map(formatClaimBatch)
}

function signRows(
  chain: Pick<ChainClient, 'network' | 'chainNow'>,
  signer: Signer,
  splitter: Address,
  rows: readonly ClaimRow[],
): readonly ClaimBatch[] {
  const { network } = chain
  const domain = createChannelDomain(network.chainId, network.contracts.paymentChannels)
  return signClaimBatches(rows, signer, { network, domain, splitter, now: chain.chainNow() })
}
