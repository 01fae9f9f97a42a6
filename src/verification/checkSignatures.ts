import { type Address, type Digest, digestOf, HEAD, type JobRecord, OFFER, RECEIPT } from '../protocol/index.ts'
import { type Found, found, type ReceiptContext } from './receiptContext.ts'

/** R3, R4: requester, operator and session key signed what the record says they did. The dearest check, so the last. */
export function checkSignatures(record: JobRecord, context: ReceiptContext): Found {
  const { crypto, domain, grant } = context
  const { sessionKey } = grant.grant
  const signed = (digest: Digest, signature: `0x${string}`, signer: Address): Found => {
    const recovered = crypto.recover(digest, signature)
    return recovered === signer ? undefined : found('bad-signature', signer, recovered ?? 'no signer')
  }
  const wrong =
    signed(record.receipt.jobId, record.jobSignature, record.job.requester) ??
    signed(digestOf(domain, OFFER, record.offer), record.offerSignature, record.offer.operator) ??
    signed(digestOf(domain, RECEIPT, record.receipt), record.receiptSignature, sessionKey)
  if (wrong !== undefined) return wrong
  for (const { head, signature } of record.heads) {
    const forged = signed(digestOf(domain, HEAD, head), signature, sessionKey)
    if (forged !== undefined) return forged
  }
  return undefined
}
