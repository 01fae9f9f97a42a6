import { setTimeout as sleep } from 'node:timers/promises'
import {
  anchoredBatch,
  type BatchView,
  fetchBatch,
  fetchLeaf,
  leafProblem,
  leavesProblem,
  listBatches,
  NodeError,
  nodeSecp256k1,
  viewBatch,
} from '../../node/index.ts'
import { batchDigest, countBits, type Leaf, toChecksumAddress } from '../../protocol/index.ts'
import { type CliContext, type CommandResult, locateHome } from '../context.ts'
import { CliError } from '../errors.ts'
import { type LeafView, renderBatch, renderBatches } from '../render/batch.ts'
import { withClient } from '../session.ts'

export interface BatchOptions {
  readonly home?: string
}

const asJson = (value: unknown): CommandResult['json'][string] => value as CommandResult['json'][string]

/** `opg batch list`: what the chain holds. */
export async function batchList(
  options: BatchOptions & { readonly last: number },
  context: CliContext,
): Promise<CommandResult> {
  return await withClient(locateHome(options.home, context), context, {}, async ({ parts }) => {
    const batches: BatchView[] = await listBatches(parts.chain, { last: options.last })
    return { text: renderBatches(batches), json: { batches: asJson(batches) } }
  })
}

/** `opg batch show`: one batch, with its leaves where a peer serves them. */
export async function batchShow(number: number, options: BatchOptions, context: CliContext): Promise<CommandResult> {
  return await withClient(locateHome(options.home, context), context, {}, async ({ parts }) => {
    const anchored = await anchoredBatch(parts.chain, number)
    const view = await viewBatch(parts.chain, anchored)
    const asking = await connected(parts.host, context)
    const signed = await asking(() => fetchBatch(parts, number))
    const held =
      signed !== undefined && batchDigest(parts.domain, signed.batch) === anchored.digest ? signed : undefined
    const leaves = held?.leaves.map(viewLeaf)
    return {
      text: renderBatch(view, leaves),
      json: { batch: asJson(view), ...(leaves === undefined ? {} : { leaves: asJson(leaves) }) },
    }
  })
}

/** `opg batch verify`: leaves, signatures and every certificate, recomputed from the chain and from peers (R14, R19). */
export async function batchVerify(number: number, options: BatchOptions, context: CliContext): Promise<CommandResult> {
  return await withClient(locateHome(options.home, context), context, {}, async ({ parts }) => {
    const { chain, domain, host } = parts
    const crypto = nodeSecp256k1()
    const anchored = await anchoredBatch(chain, number)
    const asking = await connected(host, context)
    const signed = await asking(async () => {
      const found = await fetchBatch(parts, number)
      return found === undefined || found.signatures.length === 0 ? undefined : found
    })
    if (signed === undefined) {
      throw new CliError({
        code: 'leaves-unavailable',
        message: `no connected peer serves the leaves and signatures of batch ${number}`,
        hint: 'a settler or verifier must be reachable',
      })
    }
    const digest = batchDigest(domain, signed.batch)
    if (digest !== anchored.digest) throw invalid(number, anchored.digest, digest)
    const set = await chain.signingSet(anchored.batch.epoch)
    if (set === undefined) throw invalid(number, `a signing set of epoch ${anchored.batch.epoch}`, 'none')
    const problem = leavesProblem({ domain, crypto }, signed, set)
    if (problem !== undefined) throw invalid(number, `${problem.what} ${problem.expected}`, problem.got)
    const unavailable: number[] = []
    let votes = 0
    for (const [at, leaf] of signed.leaves.entries()) {
      context.progress(`leaf ${at + 1} of ${signed.leaves.length}`)
      const found = await asking(() => fetchLeaf(parts, leaf))
      if (found === undefined) {
        unavailable.push(leaf.index)
        continue
      }
      const checked = await leafProblem(parts, crypto, leaf, found)
      if (!checked.ok) throw invalid(number, `${checked.error.what}: ${checked.error.expected}`, checked.error.got)
      votes += checked.value.votes
    }
    if (unavailable.length > 0) {
      throw new CliError({
        code: 'leaves-unavailable',
        message: `signatures and leaves of batch ${number} hold, but connected peers do not serve the votes of leaves ${unavailable.join(', ')}`,
        hint: 'verifiers that voted must be reachable',
      })
    }
    const { signatures, leaves } = signed
    return {
      text: `batch ${number} holds: ${signatures.length} signatures, ${leaves.length} leaves, ${votes} votes recounted`,
      json: { number, digest, signatures: signatures.length, leaves: leaves.length, votes },
    }
  })
}

const invalid = (number: number, expected: string, got: string): NodeError =>
  new NodeError({ code: 'batch-invalid', number, expected, got }, `batch ${number}: expected ${expected}, got ${got}`)

function viewLeaf(leaf: Leaf): LeafView {
  return {
    index: leaf.index,
    operator: toChecksumAddress(leaf.operator),
    sequence: leaf.sequence,
    checkpoint: leaf.checkpoint,
    count: leaf.count,
    accepted: countBits(leaf.accepted),
    rejected: countBits(leaf.rejected),
    acceptedFee: leaf.acceptedFee.toString(),
  }
}

const CONNECT_WAIT_MS = 5_000
const CONNECT_POLL_MS = 50
/** After the first peer others are told of and dialled: what nobody serves is asked for again within this. */
const PEERS_WAIT_MS = 10_000
const ASK_AGAIN_MS = 500

type Asking = <T>(ask: () => Promise<T | undefined>) => Promise<T | undefined>

/** Waits for the first peer. What it resolves with asks until there is an answer, or no time is left for one. */
async function connected(host: { connectedPeers(): string[] }, { signal }: CliContext): Promise<Asking> {
  const until = Date.now() + CONNECT_WAIT_MS
  while (host.connectedPeers().length === 0 && Date.now() < until && !signal.aborted) await sleep(CONNECT_POLL_MS)
  const patience = Date.now() + PEERS_WAIT_MS
  return async (ask) => {
    for (;;) {
      const found = await ask()
      if (found !== undefined || Date.now() >= patience || signal.aborted) return found
      await sleep(ASK_AGAIN_MS)
    }
  }
}
