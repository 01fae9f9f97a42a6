import type { RefusalCode } from '../../codes.ts'
import { ceilingOf } from '../../fee.ts'
import { type Digest, ZERO_DIGEST } from '../../hex.ts'
import { parametersHashOf } from '../../jobParameters.ts'
import { type Job, MODE, TIER } from '../../objects.ts'
import type { ActiveGrant, JobRequest, OfferedTerms, ProviderInit } from './events.ts'

export interface Refused {
  readonly code: RefusalCode
  readonly message: string
}

export const no = (code: RefusalCode, message: string): Refused => ({ code, message })

/** A job must have been created this recently, so that reservations need not be kept for ever, ms. */
export const MAX_JOB_AGE_MS = 60_000

/** What a provider knows when a job comes. */
export interface AdmissionContext {
  readonly now: number
  readonly draining: boolean
  readonly grant: ActiveGrant | undefined
  readonly terms: OfferedTerms | undefined
  /** Jobs that hold a slot. */
  readonly running: number
}

type Check = (request: JobRequest, context: AdmissionContext, init: ProviderInit) => Refused | undefined

/** Section 4.3, cheap first; what the books say of the channel comes after the signature. */
const CHECKS: readonly Check[] = [checkAddressee, checkPrices, checkService, checkClock, checkLimits, checkContent]

/** Why a job is not admitted; undefined when every check holds but those of the channel's books. */
export function admit(
  jobId: Digest,
  request: JobRequest,
  context: AdmissionContext,
  init: ProviderInit,
): Refused | undefined {
  for (const check of CHECKS) {
    const refused = check(request, context, init)
    if (refused !== undefined) return refused
  }
  if (context.running >= init.slots) return no('busy', `all ${init.slots} slots are taken; retry elsewhere`)
  if (init.crypto.recover(jobId, request.signature) === request.job.requester) return undefined
  return no('bad-signature', `expected the signature of ${request.job.requester}`)
}

function checkAddressee(
  { job }: JobRequest,
  { now, draining, grant }: AdmissionContext,
  { operator }: ProviderInit,
): Refused | undefined {
  if (draining) return no('shutting-down', 'this provider is shutting down; ask another')
  if (job.provider !== operator.address) return no('wrong-provider', `expected provider ${operator.address}`)
  if (grant === undefined || job.grant !== grant.digest)
    return no('unknown-grant', `expected the current grant ${grant?.digest ?? 'none'}`)
  if (now >= grant.signed.grant.notAfter)
    return no('expired-grant', `this grant ended at ${grant.signed.grant.notAfter}`)
  if (!grant.models.includes(job.model)) return no('unknown-model', `model ${job.model} is not offered here`)
  return undefined
}

function checkPrices(
  { job }: JobRequest,
  { terms: offered }: AdmissionContext,
  { profile, unpaid, payments }: ProviderInit,
): Refused | undefined {
  if (offered === undefined || offered.terms.model !== job.model)
    return no('unknown-terms', 'expected terms of a current offer')
  if (offered.terms.validUntil < job.createdAt)
    return no('expired-terms', `these terms ended at ${offered.terms.validUntil}`)
  if (job.token !== offered.terms.token) return no('payment-required', `expected token ${offered.terms.token}`)
  if (job.channel !== ZERO_DIGEST) {
    return payments === undefined
      ? no('payment-required', 'expected channel 0: payment channels are not served here')
      : undefined
  }
  if (profile !== 'devnet') return no('payment-required', 'unpaid jobs (channel 0) are admitted on a devnet only')
  return unpaid
    ? undefined
    : no('payment-required', 'expected a channel: unpaid jobs (channel 0) are not admitted here')
}

function checkService(
  { job, sealed }: JobRequest,
  _: AdmissionContext,
  { tiers, privacy }: ProviderInit,
): Refused | undefined {
  if (!tiers.includes(job.tier)) return no('unsupported-tier', `expected a tier of ${tiers.join(', ')}`)
  if (!privacy.includes(job.privacy)) return no('unsupported-privacy', `expected privacy of ${privacy.join(', ')}`)
  if (job.mode === MODE.audited) return no('unsupported-mode', 'expected local, buffered or quorum')
  if (sealRequired(job) === sealed) return undefined
  return no('seal-required', sealed ? 'expected plain input for this tier' : 'expected HPKE-sealed input for this tier')
}

function checkClock({ job }: JobRequest, { now }: AdmissionContext, { parameters }: ProviderInit): Refused | undefined {
  if (job.createdAt > now + parameters.futureTolerance) return no('bad-clock', `expected at most ${now}`)
  if (job.createdAt < now - MAX_JOB_AGE_MS) return no('bad-clock', `expected at least ${now - MAX_JOB_AGE_MS}`)
  if (job.deadline <= now) return no('bad-deadline', `expected a deadline after ${now}`)
  if (job.deadline > now + parameters.jobDeadline)
    return no('bad-deadline', `expected at most ${now + parameters.jobDeadline}`)
  return undefined
}

function checkLimits({ job }: JobRequest, { terms: offered }: AdmissionContext): Refused | undefined {
  if (offered === undefined) return undefined
  const { terms } = offered
  if (job.maxOutputUnits > terms.maxOutputUnits)
    return no('output-too-long', `expected at most ${terms.maxOutputUnits}`)
  const ceiling = ceilingOf(terms, 0, job.maxOutputUnits)
  return job.maxFee < ceiling ? no('over-ceiling', `expected maxFee of at least ${ceiling}`) : undefined
}

function checkContent(
  { job, input, parameters, voucher }: JobRequest,
  _: AdmissionContext,
  { maxInputBytes }: ProviderInit,
): Refused | undefined {
  if (input.length > maxInputBytes) return no('bad-input', `expected at most ${maxInputBytes} bytes`)
  if (parametersHashOf(parameters) !== job.parametersHash)
    return no('bad-parameters', 'expected the parameters the job names')
  if (voucher !== undefined && voucher.channel !== job.channel)
    return no('bad-voucher', `expected a voucher of channel ${job.channel}, got one of ${voucher.channel}`)
  return undefined
}

/** R5: inputs for `tee` tiers are sealed to the encryption key. */
export const sealRequired = (job: Pick<Job, 'tier'>): boolean =>
  job.tier === TIER.tee || job.tier === TIER['tee+replay']
