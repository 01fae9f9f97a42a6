/** Why a peer was not served (R10): the closed registry of refusal codes, with what the asker should make of it. A refusal costs nothing. */
export const REFUSALS = {
  busy: 'no slot is free; ask another provider, or again later',
  'rate-limited': 'too many requests from this peer; slow down',
  'shutting-down': 'the node is stopping; ask another',
  'not-serving': 'this node does not play the role that was asked for',
  'bad-frame': 'a frame was malformed, out of limits or out of order',
  'bad-signature': 'the signature does not recover to the address that must have signed',
  'wrong-provider': 'the job names another provider',
  'unknown-model': 'no such model is served',
  'unknown-terms': 'the terms are not under a current offer',
  'expired-terms': 'the terms are past their validity',
  'unknown-grant': 'the grant is unknown or was replaced',
  'expired-grant': 'the grant is past its validity',
  'bad-input': 'the input does not fit the model, its hash, or the size limit',
  'bad-parameters': 'the parameters are not canonical, not known to the model, or do not hash to the job',
  'unsupported-tier': 'the tier is not offered',
  'unsupported-privacy': 'the privacy is not offered',
  'unsupported-mode': 'the answer mode cannot be served, for example no committee stands',
  'seal-required': 'the tier takes sealed input only',
  'unseal-failed': 'the sealed input cannot be opened with the key of this grant',
  'over-ceiling': 'the least fee of this job is above maxFee',
  'output-too-long': 'maxOutputUnits is above the terms',
  'bad-deadline': 'the deadline is past, too near, or more than 10 min ahead',
  'bad-clock': 'createdAt is in the future or too old',
  'duplicate-job': 'another job with this nonce or id is known and differs',
  'payment-required': 'the next slice is not paid: a channel, a voucher, or a higher one is expected',
  'insufficient-funds': 'what the channel holds does not cover the job',
  'unknown-channel': 'the channel is not known here; show its configuration first',
  'bad-channel': 'the channel names another token, authorizer or delay than this provider takes',
  'wrong-receiver': "the channel does not pay this provider's splitter",
  'bad-voucher': "the voucher is not signed by the channel's key for this chain and contract",
  'stale-voucher': 'the voucher is not above the last one; the ledger that is sent along says where it stands',
  'voucher-over-deposit': 'the voucher is above what the channel holds',
  'channel-closing': 'a withdrawal of this channel was started; nothing more is served on it',
  'deposit-failed': 'the deposit was not taken: the authorization, the balance or the chain refused it',
  'ledger-behind': "this node's books are older than its own signatures; it catches up before it serves",
  'not-entitled': 'the peer holds no seat, or privacy keeps the transcript from it',
  'not-found': 'the object is not held',
  'not-ready': 'the object is known but not complete yet; ask again',
  'too-much': 'the range or count asked for is above the limit',
  'stale-batch': 'the batch does not follow the latest one known',
  'bad-batch': 'the batch does not agree with the votes and leaves this signer holds (R20)',
  incomplete: 'the batch lacks a certified checkpoint held before its cut-off (R20)',
  'deadline-exceeded': 'the job ran past its deadline and was killed; nothing is owed',
  'job-closed': 'a restart cut the job off; it ended at its last signed head, which is all that is owed',
  cancelled: 'the job was cancelled; nothing is owed',
  failed: 'the work failed inside the node; nothing is owed',
} as const satisfies { readonly [code: string]: string }

export type RefusalCode = keyof typeof REFUSALS

export const REFUSAL_CODES = Object.keys(REFUSALS) as readonly RefusalCode[]

export const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(REFUSALS, code)

/** How a job's stream ended; `uncertified`: complete, but no certificate came before the provider stopped waiting. */
export const OUTCOME = { complete: 1, truncated: 2, failed: 3, uncertified: 4 } as const
export type Outcome = keyof typeof OUTCOME
