import {
  type AttestationCrypto,
  devnetPolicy,
  type EvidencePolicy,
  productionPolicy,
  vendorRoots,
} from '../attestation/index.ts'
import { type ChainClient, createChainClient, type NetworkFile } from '../chain/index.ts'
import {
  batchDigest,
  type Clock,
  domainOfReceipt,
  fail,
  ok,
  parametersOf,
  type ReceiptFile,
  type ReceiptFinding,
  type ReceiptNotChecked,
  type ReceiptProblem,
  type Result,
  type Secp256k1,
  verifyReceiptFile,
} from '../protocol/index.ts'
import { createCommitteeLookup } from '../roles/index.ts'
import { NodeError } from './errors.ts'
import { evidencePortOf } from './receipts.ts'

export interface ReceiptVerificationComponents {
  readonly crypto: Secp256k1
  /** For signatures of evidence. */
  readonly attestation: AttestationCrypto
  readonly clock: Clock
}

export interface ReceiptVerificationInit {
  /** Whose receipts are meant, with the trust roots of a devnet; without it vendor roots alone count. */
  readonly network?: NetworkFile
  /** Endpoints of its chain: blocks, committee and batch are checked there too. */
  readonly rpc?: readonly string[]
}

/** What was found offline, and on chain where an endpoint was given. */
export interface ReceiptVerdict extends ReceiptFinding {
  /** How deep the batch is (R22). */
  readonly confidence?: string
}

const CHAIN_CHECKS: readonly ReceiptNotChecked[] = ['evidence-block', 'committee-draw', 'batch-on-chain']

/**
 * Checks a receipt file against a network's trust roots and, with `rpc`, its chain (R2, R5, R14, R19). Throws ChainError
 * when the chain cannot be read or is another's.
 */
export async function verifyReceipt(
  components: ReceiptVerificationComponents,
  file: ReceiptFile,
  { network, rpc }: ReceiptVerificationInit,
): Promise<Result<ReceiptVerdict, ReceiptProblem | NodeError>> {
  const foreign = network === undefined ? undefined : foreignProblem(file, network)
  if (foreign !== undefined) return fail(foreign)
  if (network === undefined || rpc === undefined) {
    return await verifyReceiptFile(file, contextOf(components, network))
  }
  const chain = createChainClient({ clock: components.clock, onFault: () => undefined }, { network, rpc })
  try {
    await chain.start()
    return await verifyOnChain(components, chain, file, network)
  } finally {
    await chain.stop()
  }
}

function contextOf(
  { crypto, attestation }: ReceiptVerificationComponents,
  network: NetworkFile | undefined,
  boundAt?: number,
) {
  const trustRoots = [...vendorRoots(), ...(network?.trustRoots ?? [])]
  const policy: EvidencePolicy =
    network?.profile === 'devnet' ? devnetPolicy() : { ...productionPolicy(), measurements: 'any' }
  return {
    crypto,
    parameters: parametersOf(network?.profile ?? 'production'),
    verifyEvidence: evidencePortOf(
      { attestation },
      { trustRoots, policy, ...(boundAt === undefined ? {} : { boundAt }) },
    ),
  }
}

function foreignProblem({ network: claimed }: ReceiptFile, network: NetworkFile): NodeError | undefined {
  const { chainId, networkId, contracts } = network
  const same =
    claimed.networkId === networkId && claimed.chainId === chainId && claimed.stakeManager === contracts.stakeManager
  if (same) return undefined
  return new NodeError(
    { code: 'receipt-foreign', expected: networkId, got: claimed.networkId },
    `expected a receipt of network ${networkId}, it is of ${claimed.networkId}; give its network file with --network`,
  )
}

async function verifyOnChain(
  components: ReceiptVerificationComponents,
  chain: ChainClient,
  file: ReceiptFile,
  network: NetworkFile,
): Promise<Result<ReceiptVerdict, ReceiptProblem | NodeError>> {
  const { blockNumber, blockHash } = file.evidence
  const block = await chain.blockByNumber(blockNumber)
  if (block?.hash !== blockHash) return offChain('evidence block', blockHash, block?.hash)
  const checkpoint = file.batchProof?.checkpoint.checkpoint
  const parameters = parametersOf(network.profile)
  const drawn =
    checkpoint === undefined
      ? undefined
      : await createCommitteeLookup({ chain }, { parameters }).committeeOf(checkpoint)
  if (drawn?.ok === false) return offChain(drawn.error.code, drawn.error.expected, drawn.error.got)
  const verdict = await verifyReceiptFile(file, {
    ...contextOf(components, network, block.timestamp),
    ...(drawn === undefined ? {} : { committee: drawn.value.seats }),
  })
  if (!verdict.ok) return verdict
  const notChecked = verdict.value.notChecked.filter((name) => !CHAIN_CHECKS.includes(name))
  const batch = file.batchProof?.anchored?.batch
  if (batch === undefined) return ok({ ...verdict.value, notChecked })
  const anchored = await chain.batch(batch.number)
  const digest = batchDigest(domainOfReceipt(file), batch)
  if (anchored?.digest !== digest) return offChain(`batch ${batch.number}`, digest, anchored?.digest)
  const confidence = await chain.confidenceOf({ number: anchored.blockNumber, hash: anchored.blockHash })
  return ok({ ...verdict.value, notChecked, ...(confidence === undefined ? {} : { confidence }) })
}

function offChain(what: string, expected: string, got: string | undefined): Result<never, NodeError> {
  const seen = got ?? 'nothing'
  return fail(
    new NodeError(
      { code: 'receipt-off-chain', what, expected, got: seen },
      `${what}: expected ${expected} on chain, got ${seen}`,
    ),
  )
}
