import type { ChainClient } from '../../chain/index.ts'
import {
  type Certificate,
  CHECKPOINT,
  type Clock,
  checkProposal,
  type Digest,
  type Domain,
  digestOf,
  type Leaf,
  type Parameters,
  type ProposalProblem,
  type ProposalRefusal,
  type RefusalCode,
  type SettledCheckpoint,
  type SignedVote,
  type Signer,
} from '../../protocol/index.ts'
import type { BatchProposal, SyncFrame } from '../../wire/index.ts'
import type { RoleLogger } from '../logger.ts'
import { refuseSync, type Sync } from '../sync.ts'
import type { BatchHistory } from './batchHistory.ts'
import type { SettlementPool } from './pool.ts'

/** Signs proposals as a member of the signing set (R19, R20). */
export interface BatchSigner {
  start(): void
  /** The refusal, or this node's signature; used directly when the settler sits in the set itself. */
  consider(proposal: BatchProposal): Promise<SyncFrame>
}

export interface BatchSignerComponents {
  readonly chain: Pick<ChainClient, 'signingSet' | 'maturedStake' | 'epochAt'>
  readonly sync: Sync
  readonly pool: SettlementPool
  readonly history: BatchHistory
  readonly signer: Signer
  readonly clock: Clock
  readonly logger: RoleLogger
}

/** Proposals looked at together: each may fetch records. */
const MAX_CONCURRENT = 4

export function createBatchSigner(
  components: BatchSignerComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): BatchSigner {
  const { sync, logger } = components
  let open = 0
  const consider = async (proposal: BatchProposal): Promise<SyncFrame> => {
    if (open >= MAX_CONCURRENT) return refuseSync('busy', 'other proposals are being checked; ask again')
    open += 1
    try {
      return await judge(components, init, proposal)
    } finally {
      open -= 1
    }
  }
  return {
    consider,
    start: () => {
      sync.respond('proposal', async (proposal, peer) => {
        const frame = await consider(proposal)
        if (frame.kind === 'refusal') {
          logger.info({ peer, number: proposal.batch.batch.number, code: frame.value.code }, frame.value.message)
        }
        return frame
      })
    },
  }
}

async function judge(
  components: BatchSignerComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
  proposal: BatchProposal,
): Promise<SyncFrame> {
  const { chain, history, signer, clock, pool } = components
  const { batch, leaves } = proposal.batch
  const epoch = chain.epochAt()
  const set = await chain.signingSet(epoch)
  const seat = set?.signers.find(({ operator }) => operator === signer.address)
  if (seat === undefined) return refuseSync('not-entitled', 'this node is not in the signing set')
  const tip = await history.tip()
  if (batch.number !== tip.number + 1) {
    return refuse({ code: 'wrong-number', expected: `${tip.number + 1}`, got: `${batch.number}` })
  }
  const settled = await rebuild(pool, leaves, proposal.certificates)
  if (!Array.isArray(settled)) return refuse(settled)
  const checked = checkProposal(
    {
      domain: init.domain,
      now: clock(),
      last: tip,
      epoch,
      settlerStaked: (await chain.maturedStake(batch.settler, 'settler', epoch)) > 0n,
      maxLeaves: init.parameters.batchCheckpoints,
      futureTolerance: init.parameters.futureTolerance,
      signerHold: init.parameters.signerHold,
      nextSequence: (operator) => history.nextSequence(operator),
      held: pool.held(),
      forced: (await history.forced()).map(({ checkpoint }) => digestOf(init.domain, CHECKPOINT, checkpoint)),
    },
    batch,
    leaves,
    settled,
  )
  if (!checked.ok) return refuse(checked.error)
  await history.keepProposal({ batch, leaves, signatures: [] }, checked.value)
  return { kind: 'signature', value: { seat: seat.seat, signature: signer.sign(checked.value) } }
}

/** What this signer itself makes of each proposed leaf: its own records, the certificate's votes counted again. */
async function rebuild(
  pool: SettlementPool,
  leaves: readonly Leaf[],
  certificates: readonly Certificate[],
): Promise<SettledCheckpoint[] | ProposalProblem> {
  const votes = new Map<Digest, readonly SignedVote[]>(certificates.map((entry) => [entry.checkpoint, entry.votes]))
  const settled: SettledCheckpoint[] = []
  for (const { checkpoint: digest } of leaves) {
    const examined = await pool.examine(digest)
    if (examined === undefined) {
      return {
        code: 'receipts-unavailable',
        expected: `checkpoint ${digest} and its receipts`,
        got: 'neither here nor from peers',
      }
    }
    const cast = votes.get(digest) ?? []
    const tally = examined.judge(cast)
    if (tally === undefined) return { code: 'bad-certificate', expected: `valid votes for ${digest}`, got: 'others' }
    settled.push({ signed: examined.signed, digest, ...tally, votes: cast, receipts: examined.receipts })
  }
  return settled
}

/** The wire's word for each reason; the message carries the exact one. */
const WIRE_CODE: Readonly<Record<ProposalRefusal, RefusalCode>> = {
  'not-a-signer': 'not-entitled',
  'wrong-number': 'stale-batch',
  'wrong-previous': 'stale-batch',
  'wrong-epoch': 'stale-batch',
  'settler-not-staked': 'not-entitled',
  'cutoff-in-future': 'bad-clock',
  'cutoff-regressed': 'bad-clock',
  'empty-batch': 'bad-batch',
  'too-many-leaves': 'too-much',
  'leaf-mismatch': 'bad-batch',
  'batch-mismatch': 'bad-batch',
  'bad-checkpoint': 'bad-batch',
  'bad-certificate': 'bad-batch',
  'receipts-unavailable': 'not-ready',
  'skipped-sequence': 'bad-batch',
  'missing-certified': 'incomplete',
  'missing-forced': 'incomplete',
  busy: 'busy',
}

const refuse = ({ code, expected, got }: ProposalProblem): SyncFrame =>
  refuseSync(WIRE_CODE[code], `${code}: expected ${expected}, got ${got}`)
