import type { ChannelPayment, PaymentRequired, Settlement } from '../../payment/index.ts'
import type { Digest, Result } from '../../protocol/index.ts'
import { fail, ok } from '../../protocol/index.ts'
import type { InferLedger } from '../../wire/index.ts'
import type { InferStream } from './streamPool.ts'

/** x402 v2 objects of one network, as frames carry them. */
export interface PaymentFrames {
  payment(payment: ChannelPayment): Promise<Uint8Array>
  required(bytes: Uint8Array): Result<PaymentRequired, { readonly expected: string; readonly got: string }>
  settlement(bytes: Uint8Array): Result<Settlement, { readonly expected: string; readonly got: string }>
}

export interface PaymentAnswer {
  readonly settlement: Settlement
  readonly ledger: InferLedger
}

export interface PaymentRefusal {
  readonly code: string
  readonly message: string
  /** Its books, where the provider shows them. */
  readonly required?: PaymentRequired
}

/** A deposit waits for its block, ms. */
const PAYMENT_TIMEOUT_MS = 60_000

/**
 * Sends one payment on a stream that carries no job, and reads the answer. Rejects with FrameFault or NetError, after which
 * the stream is of no more use.
 */
export async function sendPayment(
  stream: InferStream,
  frames: PaymentFrames,
  channel: Digest,
  payment: ChannelPayment,
): Promise<Result<PaymentAnswer, PaymentRefusal>> {
  await stream.write({ kind: 'payment', value: { payload: await frames.payment(payment) } })
  let required: PaymentRequired | undefined
  let settlement: Settlement | undefined
  for (;;) {
    const frame = await stream.read({ timeoutMs: PAYMENT_TIMEOUT_MS })
    switch (frame?.kind) {
      case 'settlement': {
        const read = frames.settlement(frame.value.settlement)
        if (!read.ok) throw stream.misplaced(`a settlement: expected ${read.error.expected}, got ${read.error.got}`)
        settlement = read.value
        break
      }
      case 'ledger':
        // A voucher of an earlier job on this stream may be answered first.
        if (settlement !== undefined && frame.value.channel === channel) return ok({ settlement, ledger: frame.value })
        break
      case 'paymentRequired': {
        const read = frames.required(frame.value.required)
        if (!read.ok)
          throw stream.misplaced(`a call for payment: expected ${read.error.expected}, got ${read.error.got}`)
        required = read.value
        break
      }
      case 'refusal':
        return fail({ ...frame.value, ...(required === undefined ? {} : { required }) })
      case undefined:
        return fail({ code: 'stream-failed', message: 'the stream ended before the payment was answered' })
      default:
        throw stream.misplaced(`${frame?.kind} in answer to a payment`)
    }
  }
}
