import { fromBinary } from '@bufbuild/protobuf'
import { fail, ok, type Result, toError } from '../protocol/index.ts'
import { WIRE_LIMITS } from './constants.ts'
import { fromMessage } from './convert.ts'
import { WireError } from './errors.ts'
import {
  EQUIVOCATION_TYPE,
  type EquivocationKind,
  type EquivocationProof,
  GOSSIP_TYPE,
  type WireMessage,
  type WireType,
} from './messages.ts'
import { scan } from './scan.ts'
import { SCHEMAS } from './schema.ts'
import { write } from './write.ts'

/**
 * The one encoding of `value`. Throws WireError when it breaks a limit, a range or a registry: a mistake of the caller, not
 * of a peer.
 */
export function encode<T extends WireType>(type: T, value: WireMessage<T>): Uint8Array {
  const shape = SCHEMAS[type]
  const bytes = write(shape, value)
  scan(shape, bytes)
  return bytes
}

/**
 * Reads one message. Bytes are views into `bytes`, which must not be changed afterwards. Only the one encoding that `encode`
 * makes is accepted: ascending fields, shortest numbers, nothing unknown, nothing twice (the rules of deterministic protobuf).
 */
export function decode<T extends WireType>(type: T, bytes: Uint8Array): Result<WireMessage<T>, WireError> {
  const shape = SCHEMAS[type]
  try {
    scan(shape, bytes)
    return ok(fromMessage(shape, fromBinary(shape.desc, bytes)) as WireMessage<T>)
  } catch (thrown) {
    if (thrown instanceof WireError) return fail(thrown)
    const cause = toError(thrown)
    return fail(new WireError({ code: 'malformed', type, problem: cause.message }, { cause }))
  }
}

export type GossipType = typeof GOSSIP_TYPE
export type GossipMessage<K extends keyof GossipType> = WireMessage<GossipType[K]>

/** As `encode`, and small enough to be gossiped: a batch above it goes out without leaves. */
export function encodeGossip<K extends keyof GossipType>(kind: K, value: GossipMessage<K>): Uint8Array {
  const bytes = encode(GOSSIP_TYPE[kind], value)
  if (bytes.length > GOSSIP_BYTES) throw gossipOversize(GOSSIP_TYPE[kind], bytes)
  return bytes
}

export function decodeGossip<K extends keyof GossipType>(
  kind: K,
  bytes: Uint8Array,
): Result<GossipMessage<K>, WireError> {
  if (bytes.length > GOSSIP_BYTES) return fail(gossipOversize(GOSSIP_TYPE[kind], bytes))
  return decode(GOSSIP_TYPE[kind], bytes)
}

const GOSSIP_BYTES = WIRE_LIMITS.gossipMessage.value

const gossipOversize = (type: WireType, bytes: Uint8Array): WireError =>
  new WireError({ code: 'oversize', type, limit: GOSSIP_BYTES, got: bytes.length })

/** Both sides of a proof, by its kind. */
export type Equivocation = {
  [K in EquivocationKind]: {
    readonly kind: K
    readonly first: WireMessage<(typeof EQUIVOCATION_TYPE)[K]>
    readonly second: WireMessage<(typeof EQUIVOCATION_TYPE)[K]>
  }
}[EquivocationKind]

export function decodeEquivocation(proof: EquivocationProof): Result<Equivocation, WireError> {
  const type = EQUIVOCATION_TYPE[proof.kind]
  const first = decode(type, proof.first)
  if (!first.ok) return first
  const second = decode(type, proof.second)
  if (!second.ok) return second
  return ok({ kind: proof.kind, first: first.value, second: second.value } as Equivocation)
}

/** Greatest encoding of a message in bytes. */
export const maxBytes = (type: WireType): number => WIRE_LIMITS[type].value
