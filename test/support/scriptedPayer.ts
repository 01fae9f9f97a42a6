import { type Host, protocolName } from '../../src/net/index.ts'
import { type ChannelPayment, formatPayment, type X402Context } from '../../src/payment/index.ts'
import {
  canonicalBytes,
  digestOf,
  encodeTensors,
  inputHashOf,
  JOB,
  type Job,
  MODE,
  PRIVACY,
  parametersHashOf,
  type RankedOffer,
  randomDigest,
  type Signer,
  TIER,
  type Voucher,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import {
  decode,
  encode,
  type InferClientFrame,
  type InferRequest,
  type InferServerFrame,
} from '../../src/wire/index.ts'
import { CHANNEL_DOMAIN } from './paidProvider.ts'
import { random } from './peers.ts'
import { DOMAIN } from './votes.ts'

/** A payer whose frames a test writes by hand. */

export const X402: X402Context = {
  network: 'eip155:31337',
  domain: CHANNEL_DOMAIN,
  permit2: `0x${'51'.repeat(20)}`,
  permit2Collector: `0x${'50'.repeat(20)}`,
}
const HANG_MS = 60_000

export interface Talk {
  send(frame: InferClientFrame): Promise<void>
  /** Reads up to the first frame of one of these kinds. */
  until(...kinds: readonly InferServerFrame['kind'][]): Promise<InferServerFrame[]>
  pay(payment: ChannelPayment): Promise<InferServerFrame[]>
  close(): Promise<void>
}

export async function openTalk(from: Host, to: Host): Promise<Talk> {
  const stream = await from.openStream(to.peerId, protocolName(DOMAIN.networkId, 'infer'))
  const read = async (): Promise<InferServerFrame> => {
    const bytes = await stream.read({ timeoutMs: HANG_MS })
    if (bytes === undefined) throw new Error('the stream ended')
    const frame = decode('InferServerFrame', bytes)
    if (!frame.ok) throw frame.error
    return frame.value
  }
  const talk: Talk = {
    send: (frame) => stream.write(encode('InferClientFrame', frame)),
    close: () => stream.close(),
    until: async (...kinds) => {
      const frames: InferServerFrame[] = []
      for (;;) {
        const frame = await read()
        frames.push(frame)
        if (kinds.includes(frame.kind)) return frames
      }
    },
    pay: async (payment) => {
      await talk.send({ kind: 'payment', value: { payload: payloadOf(payment) } })
      return await talk.until('ledger', 'refusal')
    },
  }
  return talk
}

function payloadOf(payment: ChannelPayment): Uint8Array {
  const { config } = payment
  const accepted = {
    ...{ scheme: 'batch-settlement', network: X402.network, asset: config.token, amount: '1' },
    ...{ payTo: config.receiver, maxTimeoutSeconds: 60 },
    extra: { ...{ receiverAuthorizer: config.receiverAuthorizer }, withdrawDelay: 900, name: 'OPG', version: '1' },
  }
  return formatPayment(payment, { accepted, context: X402 })
}

/** A signed job of so many rows on a channel. */
export function paidRequest(
  offer: RankedOffer,
  signer: Signer,
  rows: number,
  { channel, voucher }: { readonly channel: Job['channel']; readonly voucher?: Voucher },
): InferRequest {
  const input = encodeTensors({ x: { dtype: 'F32', shape: [rows, 3], data: new Float32Array(3 * rows).fill(1) } })
  const parameters = canonicalBytes({})
  const now = Date.now()
  const job: Job = {
    requester: signer.address,
    provider: offer.signed.offer.operator,
    grant: offer.signed.offer.grant,
    model: offer.terms.model,
    inputHash: inputHashOf(ZERO_DIGEST, input),
    parametersHash: parametersHashOf(parameters),
    terms: offer.termsDigest,
    ...{ tier: TIER.replay, privacy: PRIVACY.open, mode: MODE.local },
    ...{ token: offer.terms.token, channel, maxFee: offer.ceiling, maxOutputUnits: rows },
    ...{ nonce: randomDigest(random), createdAt: now, deadline: now + HANG_MS },
  }
  const signature = signer.sign(digestOf(DOMAIN, JOB, job))
  const paid = voucher === undefined ? {} : { voucher }
  return { job, signature, input, inputSalt: ZERO_DIGEST, parameters, sealed: false, ...paid }
}
