import {
  CHECKPOINT,
  type Domain,
  digestOf,
  fail,
  hasBit,
  ok,
  RECEIPT,
  type Receipt,
  type Result,
  type Secp256k1,
  type Verdict,
  verifyCertificate,
  verifyMerkleProof,
} from '../../protocol/index.ts'
import type { InferCertificate } from '../../wire/index.ts'
import type { CommitteeLookup } from '../committee.ts'

/** Every vote, the committee and the inclusion are checked here; the provider's word counts for nothing (R11, R14). */
export async function checkCertificate(
  { crypto, committee: lookup }: { readonly crypto: Secp256k1; readonly committee: CommitteeLookup },
  domain: Domain,
  receipt: Receipt | undefined,
  value: InferCertificate,
): Promise<Result<Verdict, string>> {
  if (receipt === undefined) return fail('a certificate before the receipt')
  const { checkpoint, signature } = value.checkpoint
  if (checkpoint.operator !== receipt.provider || checkpoint.grant !== receipt.grant) {
    return fail('the checkpoint is of another operator or grant')
  }
  const index = receipt.sequence - checkpoint.firstSequence
  const digest = digestOf(domain, RECEIPT, receipt)
  if (index < 0 || index >= checkpoint.count) return fail('the receipt is outside the checkpoint')
  if (!verifyMerkleProof('receipt', checkpoint.receiptsRoot, index, digest, value.receiptProof)) {
    return fail('the receipt is not under the checkpoint')
  }
  const checkpointDigest = digestOf(domain, CHECKPOINT, checkpoint)
  if (crypto.recover(checkpointDigest, signature) !== checkpoint.operator) return fail('the checkpoint is not signed')
  const committee = await lookup.committeeOf(checkpoint)
  if (!committee.ok) {
    const { code, expected, got } = committee.error
    return fail(`${code}: expected ${expected}, got ${got}`)
  }
  const tally = verifyCertificate({
    domain,
    crypto,
    committee: committee.value.seats,
    checkpoint: checkpointDigest,
    count: checkpoint.count,
    certificate: value.certificate,
  })
  if (!tally.ok) return fail(`${tally.error.code}: expected ${tally.error.expected}, got ${tally.error.got}`)
  const { accepted, rejected, reasons, votes } = tally.value
  const reason = reasons.get(index)
  return ok({
    status: hasBit(accepted, index) ? 'accepted' : hasBit(rejected, index) ? 'rejected' : 'undecided',
    ...(reason === undefined ? {} : { reason }),
    votes: votes.length,
    committee: committee.value.seats.length,
    replayed: votes.filter(({ vote }) => hasBit(vote.replayed, index)).length,
  })
}
