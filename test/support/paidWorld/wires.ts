import type { Digest, JobRequest, ProviderReply, Voucher } from '../../../src/protocol/index.ts'

export type ClientFrame =
  | { readonly kind: 'request'; readonly request: JobRequest }
  | { readonly kind: 'voucher'; readonly voucher: Voucher }
  | { readonly kind: 'show'; readonly voucher: Voucher }
  | { readonly kind: 'recall'; readonly jobId: Digest }
  | { readonly kind: 'cancel'; readonly jobId: Digest }

export interface Wire {
  readonly id: number
  up: ClientFrame[]
  down: ProviderReply[]
  /** The client left, or the stream broke: the provider hears of it after what is on its way. */
  clientGone: boolean
  serverGone: boolean
  /** Nothing more is to be told to the provider, or to the requester. */
  upDone: boolean
  downDone: boolean
}

/** Streams as libp2p has them: in order while they last, and any end of them may be lost. */
export class Wires {
  readonly open = new Map<number, Wire>()
  /** Of jobs and vouchers, so that any may come once more. */
  readonly sent: ClientFrame[] = []
  #next = 1

  dial(first: ClientFrame): Wire {
    const ends = { clientGone: false, serverGone: false, upDone: false, downDone: false }
    const wire: Wire = { id: this.#next, up: [], down: [], ...ends }
    this.#next += 1
    this.open.set(wire.id, wire)
    this.send(wire, first)
    return wire
  }

  send(wire: Wire, frame: ClientFrame): void {
    if (wire.clientGone || wire.serverGone) return
    wire.up.push(frame)
    if (frame.kind === 'request' || frame.kind === 'voucher') this.sent.push(frame)
  }

  reply(id: number, reply: ProviderReply): void {
    const wire = this.open.get(id)
    if (wire !== undefined && !wire.serverGone) wire.down.push(reply)
  }

  /** The client closes it; what it wrote still arrives. */
  leave(wire: Wire): void {
    wire.clientGone = true
    wire.downDone = true
  }

  /** Both ends see it break after at most `left` more frames. */
  break(wire: Wire, left: number): void {
    wire.up = wire.up.slice(0, left)
    wire.down = wire.down.slice(0, left)
    wire.clientGone = true
    wire.serverGone = true
  }

  /** A process died: its end of every stream is gone, and what was on its way to it. */
  breakAll(side: 'provider' | 'requester'): void {
    for (const wire of this.open.values()) {
      if (side === 'provider') {
        wire.up = []
        wire.serverGone = true
        wire.upDone = true
      } else {
        wire.down = []
        wire.clientGone = true
        wire.downDone = true
      }
    }
  }
}
