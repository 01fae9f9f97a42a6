import { type Host, protocolName } from '../../net/index.ts'
import type { ChannelPayment } from '../../payment/index.ts'
import { type Address, type Digest, fail, type Result, toError } from '../../protocol/index.ts'
import type { Offers } from '../offers.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import { typedStream } from '../typedStream.ts'
import { type PaymentAnswer, type PaymentFrames, type PaymentRefusal, sendPayment } from './paymentTalk.ts'

/** To reach a provider and to open a stream, ms. */
const DIAL_TIMEOUT_MS = 10_000

export interface PayingParts {
  readonly host: Host
  readonly directory: PeerDirectory
  readonly offers: Offers
}

/**
 * One payment without a job: a deposit, or a refund. Fails with `unreachable` when the provider is not found; rejects with
 * FrameFault or NetError when the stream breaks.
 */
export async function payProvider(
  parts: PayingParts,
  { networkId, frames }: { readonly networkId: Digest; readonly frames: PaymentFrames },
  {
    provider,
    channel,
    payment,
  }: { readonly provider: Address; readonly channel: Digest; readonly payment: ChannelPayment },
): Promise<Result<PaymentAnswer, PaymentRefusal>> {
  const peer = await findPeer(parts, provider)
  if (!peer.ok) return peer
  const { host } = parts
  const opened = await host.openStream(peer.value, protocolName(networkId, 'infer'), {
    signal: AbortSignal.timeout(DIAL_TIMEOUT_MS),
  })
  const stream = typedStream(opened, 'InferServerFrame', 'InferClientFrame', host.conduct)
  try {
    const answer = await sendPayment(stream, frames, channel, payment)
    await stream.close()
    return answer
  } catch (thrown) {
    stream.abort(toError(thrown))
    throw thrown
  }
}

async function findPeer(
  { host, directory, offers }: PayingParts,
  provider: Address,
): Promise<Result<string, PaymentRefusal>> {
  const connected = directory.peerOf(provider)
  if (connected !== undefined) return { ok: true, value: connected }
  const offer = offers.of(provider)
  const failures: string[] = []
  for (const address of offer?.addresses ?? []) {
    try {
      const peer = await host.connect(address, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
      if (directory.operatorOf(peer) === provider) return { ok: true, value: peer }
      failures.push(`${address} is another operator`)
    } catch (thrown) {
      failures.push(toError(thrown).message)
    }
  }
  const why = offer === undefined ? 'it has no live offer' : failures.join('; ')
  return fail({ code: 'unreachable', message: `expected provider ${provider} to answer: ${why}` })
}
