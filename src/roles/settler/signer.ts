import { type ChainClient, isChainError } from '../../chain/index.ts'
import {
  type Address,
  type Batch,
  CHECKPOINT,
  type Checkpoint,
  type Clock,
  checkProposal,
  type Digest,
  type Domain,
  digestOf,
  forcedInTurn,
  type Parameters,
  type ProposalContext,
  type ProposalProblem,
  type ProposalRefusal,
  type RefusalCode,
  type Secp256k1,
  type SettledCheckpoint,
  type SignedVote,
  type Signer,
  settlerProblem,
  toError,
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
  readonly chain: Pick<ChainClient, 'signingSet' | 'maturedStake' | 'epochAt' | 'chainNow' | 'lastBatch'>
  readonly sync: Sync
  readonly pool: SettlementPool
  readonly history: BatchHistory
  readonly signer: Signer
  readonly crypto: Pick<Secp256k1, 'recover'>
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
    } catch (thrown) {
      if (!isChainError(thrown)) throw thrown
      logger.warn({ code: thrown.code }, 'a proposal cannot be checked: the chain cannot be read')
      return refuseSync('not-ready', 'this signer cannot read the chain now')
    } finally {
      open -= 1
    }
  }
  return {
    consider,
    start: () => {
      forgetAnchored(components)
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

/** ChainError is thrown where the chain cannot be read. */
async function judge(
  components: BatchSignerComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
  proposal: BatchProposal,
): Promise<SyncFrame> {
  const { chain, history, signer, pool, crypto } = components
  const { domain, parameters } = init
  const { batch, leaves } = proposal.batch
  const now = chain.chainNow()
  const epoch = chain.epochAt(now + parameters.futureTolerance)
  const tip = await history.tip()
  const last = { ...tip, epoch: (await history.batch(tip.number))?.batch.epoch ?? 0 }
  const untimely = followsProblem(batch, last, epoch)
  if (untimely !== undefined) return refuse(untimely)
  if (leaves.length > parameters.batchCheckpoints) return refuseSync('too-much', 'more leaves than a batch may have')
  const unsigned = settlerProblem(domain, crypto, proposal.batch)
  if (unsigned !== undefined) return refuse(unsigned)
  const { digest: anchored } = await chain.lastBatch()
  if (anchored !== tip.digest) return refuseSync('not-ready', 'this signer does not hold the last batch yet')
  const set = await chain.signingSet(batch.epoch)
  const seat = set?.signers.find(({ operator }) => operator === signer.address)
  if (seat === undefined) return refuseSync('not-entitled', 'this node is not in the signing set')
  const settled = await rebuild(pool, proposal)
  if (!Array.isArray(settled)) return refuse(settled)
  const nextSequence = (operator: Address): number => history.nextSequence(operator)
  const held = heldByChainTime(components)
  const forced = await dueForced(components, init, held, batch.cutoff)
  const checked = checkProposal(
    {
      domain,
      now,
      last,
      epoch,
      settlerStaked: (await chain.maturedStake(batch.settler, 'settler', Math.max(batch.epoch, chain.epochAt()))) > 0n,
      maxLeaves: parameters.batchCheckpoints,
      futureTolerance: parameters.futureTolerance,
      signerHold: parameters.signerHold,
      certificateWait: parameters.certificateWait,
      nextSequence,
      held,
      forced: forcedInTurn(forced, settled, nextSequence),
    },
    batch,
    leaves,
    settled,
  )
  if (!checked.ok) return refuse(checked.error)
  await history.keepProposal({ ...proposal.batch, signatures: [] }, checked.value)
  return { kind: 'signature', value: { seat: seat.seat, signature: signer.sign(checked.value) } }
}

/** Before anything is fetched for it: whether the batch is the next one. */
function followsProblem(
  batch: Batch,
  last: { readonly number: number; readonly digest: Digest; readonly epoch: number },
  epoch: number,
): ProposalProblem | undefined {
  if (batch.number !== last.number + 1) {
    return { code: 'wrong-number', expected: `${last.number + 1}`, got: `${batch.number}` }
  }
  if (batch.previous !== last.digest) return { code: 'wrong-previous', expected: last.digest, got: batch.previous }
  const earliest = Math.max(epoch - 1, last.epoch)
  if (batch.epoch >= earliest && batch.epoch <= epoch) return undefined
  return { code: 'wrong-epoch', expected: `${earliest} to ${epoch}`, got: `${batch.epoch}` }
}

/**
 * Forced checkpoints (R20) that a settler had time for: a signer waits for votes on them as a settler does, so that
 * forcing one, which anybody with stake can do with one nobody has records of, stops no batch.
 */
async function dueForced(
  { history, pool }: BatchSignerComponents,
  { domain, parameters }: { readonly domain: Domain; readonly parameters: Parameters },
  held: ProposalContext['held'],
  cutoff: number,
): Promise<{ readonly digest: Digest; readonly checkpoint: Checkpoint }[]> {
  const due = new Set(
    held.filter(({ since }) => since <= cutoff - parameters.signerHold).map(({ settled }) => settled.digest),
  )
  const forced = (await history.forced()).map(({ checkpoint, signature }) => {
    const digest = digestOf(domain, CHECKPOINT, checkpoint)
    pool.addCheckpoint({ checkpoint, signature }, digest)
    return { digest, checkpoint }
  })
  return forced.filter(({ digest }) => due.has(digest))
}

/** A cut-off is a time of the chain; what is held since when is known by this node's clock. */
function heldByChainTime({ chain, clock, pool }: BatchSignerComponents): ProposalContext['held'] {
  const ahead = chain.chainNow() - clock()
  return pool.held().map(({ settled, since }) => ({ settled, since: since + ahead }))
}

/** The pool holds what no batch has; a chain that goes back takes batches away (R22). */
export function forgetAnchored({
  pool,
  history,
  logger,
}: Pick<BatchSignerComponents, 'pool' | 'history' | 'logger'>): void {
  const sweep = (): void => {
    const anchored = pool
      .held()
      .filter(
        ({ settled: { signed } }) => signed.checkpoint.sequence < history.nextSequence(signed.checkpoint.operator),
      )
    pool.forget(anchored.map(({ settled }) => settled.digest))
  }
  history.onAnchored(({ leaves }) => {
    pool.forget(leaves.map(({ checkpoint }) => checkpoint))
    sweep()
  })
  history.onUnanchored(() => {
    pool
      .recall()
      .then(sweep)
      .catch((thrown) => logger.error({ error: toError(thrown).message }, 'settled checkpoints cannot be read'))
  })
  sweep()
}

/** What this signer itself makes of each proposed leaf: its own records, the certificate's votes counted again. */
async function rebuild(
  pool: SettlementPool,
  { batch: { batch, leaves }, certificates }: BatchProposal,
): Promise<SettledCheckpoint[] | ProposalProblem> {
  const votes = new Map<Digest, readonly SignedVote[]>(certificates.map((entry) => [entry.checkpoint, entry.votes]))
  const examined = await Promise.all(
    leaves.map(async (leaf) => ({
      digest: leaf.checkpoint,
      found: await pool.examine(leaf.checkpoint, [batch.settler, leaf.operator]),
    })),
  )
  const settled: SettledCheckpoint[] = []
  for (const { digest, found } of examined) {
    if (found === undefined) {
      return { code: 'receipts-unavailable', expected: `checkpoint ${digest}`, got: 'neither here nor from peers' }
    }
    const cast = votes.get(digest) ?? []
    const tally = found.judge(cast)
    if (tally === undefined) return { code: 'bad-certificate', expected: `valid votes for ${digest}`, got: 'others' }
    if (tally.accepted !== 0n && found.receipts === undefined) {
      return { code: 'receipts-unavailable', expected: `the receipts of ${digest}`, got: 'none here nor from peers' }
    }
    settled.push({ signed: found.signed, digest, ...tally, votes: cast, receipts: found.receipts ?? [] })
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
  'bad-settler-signature': 'bad-signature',
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
