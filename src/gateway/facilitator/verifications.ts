import type { x402Facilitator } from '@x402/core/facilitator'
import type { VerifyResponse } from '@x402/core/types'
import { toError } from '../../protocol/index.ts'
import { type ChainReads, readingSigner } from './chainSigner.ts'
import type { PaymentRequest, Served } from './request.ts'
import { stockFacilitator } from './schemes.ts'

/** Looks at payments with the stock schemes, which here can read the chain and send nothing. */
export class Verifications {
  readonly #facilitator: x402Facilitator
  readonly #timeoutMs: number

  constructor(reads: ChainReads, { served, timeoutMs }: { readonly served: Served; readonly timeoutMs: number }) {
    this.#facilitator = stockFacilitator(served, readingSigner(reads))
    this.#timeoutMs = timeoutMs
  }

  supported(): ReturnType<x402Facilitator['getSupported']> {
    return this.#facilitator.getSupported()
  }

  async verify({ payload, requirements }: PaymentRequest): Promise<VerifyResponse> {
    const { promise, resolve } = Promise.withResolvers<VerifyResponse>()
    const timer = setTimeout(
      () => resolve(failed(`expected the chain to answer within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    )
    try {
      return await Promise.race([promise, this.#facilitator.verify(payload, requirements)])
    } catch (thrown) {
      return failed(toError(thrown).message)
    } finally {
      clearTimeout(timer)
    }
  }
}

const failed = (message: string): VerifyResponse => ({
  isValid: false,
  invalidReason: 'unexpected_verify_error',
  invalidMessage: message,
})
