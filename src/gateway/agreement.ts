import type { PaymentRequirements } from '@x402/core/types'
import { type Clock, fail, ok, type Result } from '../protocol/index.ts'
import type { Ask } from './ask.ts'
import type { Problem } from './http/problem.ts'
import type { Models } from './models.ts'
import { type Failure, failed } from './outcome.ts'
import type { Merchant, Verified } from './payments/merchant.ts'
import type { PresentedPayment } from './payments/payment.ts'
import type { Quotes } from './pricing.ts'
import { problem } from './problems.ts'
import type { Shelf } from './shelf.ts'

/** What of a request is priced. */
export type Asked = Pick<Ask, 'model' | 'priced'>

/** What a payment was made for. */
export interface Agreed {
  readonly requirements: PaymentRequirements
  readonly extensions: Record<string, unknown>
  /** The network's ceiling that the price was told for, wei. */
  readonly ceiling: bigint
}

/** Prices, and whether a payment is one for them. */
export interface Agreements {
  /** 402 with every way to pay. */
  quote(asked: Asked): Promise<Failure>
  /**
   * The requirements a payment was made for: today's price, or one told before that still holds and that some provider
   * still takes. A payment for anything else is answered with today's price.
   */
  agree(asked: Asked, payment: PresentedPayment): Promise<Result<Agreed, Failure>>
  /** Verifies the payment, and reserves what its scheme reserves. */
  verify(asked: Asked, payment: PresentedPayment, agreed: Agreed): Promise<Result<Verified, Failure>>
  /** Whether the payment would do, without reserving anything: who names an answer shows that it could pay for it. */
  inspect(asked: Asked, payment: PresentedPayment): Promise<Result<void, Failure>>
}

export interface AgreementComponents {
  readonly models: Models
  readonly merchant: Merchant
  readonly quotes: Quotes
  readonly shelf: Shelf
  readonly clock: Clock
}

export function createAgreements(components: AgreementComponents): Agreements {
  const { models, merchant, quotes, shelf, clock } = components

  /** Prices the request at the best live offer, and remembers that for as long as it holds. */
  async function tell(
    asked: Asked,
  ): Promise<Result<Pick<Agreed, 'ceiling'> & { offered: PaymentRequirements[] }, Problem>> {
    const best = models.best(asked.priced)
    if (best === undefined) {
      const none = problem('no-offer', 'a provider that offers this model, tier and privacy', 'none')
      return fail({ ...none, retryAfter: 10 })
    }
    const ready = await merchant.ready()
    if (!ready.ok) return ready
    quotes.add(asked.priced, best.ceiling, clock())
    return ok({ ceiling: best.ceiling, offered: await merchant.requirements(best.ceiling) })
  }

  async function required(
    asked: Asked,
    offered: readonly PaymentRequirements[],
    error: string,
    payment?: PresentedPayment,
  ): Promise<Failure> {
    const { resource, extensions } = shelf.of(asked.model)
    const terms = await merchant.required(offered, resource, extensions, error, payment?.payload)
    const code = payment === undefined ? 'payment-required' : 'payment-refused'
    return failed(problem(code, 'a payment as PAYMENT-REQUIRED says', error), { required: terms })
  }

  async function agree(asked: Asked, payment: PresentedPayment): Promise<Result<Agreed, Failure>> {
    const held = quotes.live(asked.priced, clock())
    const told = await tell(asked)
    if (!told.ok) return fail(failed(told.error))
    const { ceiling: now, offered } = told.value
    const { resource, extensions } = shelf.of(asked.model)
    for (const ceiling of [now, ...held.filter((other) => other > now)]) {
      const candidates = ceiling === now ? offered : await merchant.requirements(ceiling)
      const requirements = merchant.match(candidates, payment.payload)
      if (requirements === undefined) continue
      const terms = await merchant.required(candidates, resource, extensions)
      if (merchant.echoes(terms, payment.payload)) return ok({ requirements, extensions, ceiling })
      return fail(await required(asked, offered, 'extension_echo_mismatch', payment))
    }
    return fail(await required(asked, offered, 'No matching payment requirements', payment))
  }

  return {
    agree,
    quote: async (asked) => {
      const told = await tell(asked)
      if (!told.ok) return failed(told.error)
      return await required(asked, told.value.offered, 'PAYMENT-SIGNATURE header is required')
    },
    verify: async (asked, payment, { requirements, extensions, ceiling }) => {
      const verified = await merchant.verify(payment.payload, requirements, extensions)
      if (!verified.ok) return fail(failed(verified.error))
      if (verified.value.valid) return ok(verified.value)
      const offered = await merchant.requirements(ceiling)
      return fail(await required(asked, offered, verified.value.reason, payment))
    },
    inspect: async (asked, payment) => {
      const agreed = await agree(asked, payment)
      if (!agreed.ok) return agreed
      const good = await merchant.inspect(payment.payload, agreed.value.requirements)
      if (!good.ok) return fail(failed(good.error))
      return good.value ? ok(undefined) : fail(failed(problem('payment-refused', 'a valid payment', 'an invalid one')))
    },
  }
}
