import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobRecord } from '../../../src/protocol/index.ts'
import {
  decode,
  decodeEquivocation,
  decodeGossip,
  EQUIVOCATION_TYPE,
  type EquivocationKind,
  encode,
  encodeGossip,
  GOSSIP_TYPE,
  type SyncFrame,
  WIRE_LIMITS,
  WireError,
  type WireErrorCode,
  type WireMessage,
  type WireType,
} from '../../../src/wire/index.ts'
import { SCHEMAS } from '../../../src/wire/schema.ts'
import { arbitraryMessage } from '../../arbitraries/wire.ts'

const sample = <T extends WireType>(type: T, seed = 1): WireMessage<T> =>
  fc.sample(arbitraryMessage(type), { seed, numRuns: 1 })[0]!

const grant = (): WireMessage<'SignedGrant'> => {
  const { evidence: _, ...bare } = sample('SignedGrant')
  return bare
}

function refusal(type: WireType, bytes: Uint8Array): WireErrorCode | undefined {
  const result = decode(type, bytes)
  return result.ok ? undefined : result.error.code
}

function thrown(run: () => unknown): WireErrorCode | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
}

const DIGEST = `0x${'ab'.repeat(32)}` as const
const digestBytes = new Uint8Array(32).fill(0xab)

describe('decode', () => {
  it('refuses unknown fields of the message and of messages inside it (section 2, Encoding)', () => {
    const outer = encode('SignedHead', sample('SignedHead'))
    expect(refusal('SignedHead', Uint8Array.of(...outer, 0x78, 1))).toBe('unknown-field')
    const inner = new BinaryWriter()
      .raw(encode('Head', sample('Head')))
      .raw(Uint8Array.of(0x78, 1))
      .finish()
    const bytes = new BinaryWriter().tag(1, 2).bytes(inner).tag(2, 2).bytes(new Uint8Array(65)).finish()
    const result = decode('SignedHead', bytes)
    expect(result.ok ? undefined : result.error.detail).toEqual({ code: 'unknown-field', type: 'Head', field: 15 })
  })

  it('refuses a byte string that is not as long as its type (R3)', () => {
    for (const length of [0, 19, 21, 31, 33]) {
      const bytes = new BinaryWriter().tag(1, 2).bytes(new Uint8Array(length)).finish()
      expect(refusal('RecordsRequest', bytes)).toBe('out-of-range')
    }
  })

  it('refuses numbers above their type and above 2^53', () => {
    const from = (value: bigint): Uint8Array =>
      new BinaryWriter().tag(1, 2).bytes(new Uint8Array(20)).tag(2, 0).uint64(value).finish()
    const highest = decode('CheckpointsRequest', from(2n ** 53n - 1n))
    expect(highest.ok && highest.value.from).toBe(2 ** 53 - 1)
    expect(refusal('CheckpointsRequest', from(2n ** 53n))).toBe('out-of-range')
    expect(refusal('CheckpointsRequest', from(2n ** 64n - 1n))).toBe('out-of-range')
    expect(
      refusal(
        'SyncEnd',
        new BinaryWriter()
          .tag(1, 0)
          .uint64(2n ** 32n)
          .finish(),
      ),
    ).toBe('out-of-range')
  })

  it('refuses enumeration codes that do not exist, 0 among them', () => {
    const end = (outcome: number): Uint8Array =>
      toBinary(SCHEMAS.InferEnd.desc, create(SCHEMAS.InferEnd.desc, { jobId: digestBytes, outcome }))
    expect(refusal('InferEnd', end(1))).toBeUndefined()
    expect(refusal('InferEnd', end(0))).toBe('unknown-code')
    expect(refusal('InferEnd', end(5))).toBe('unknown-code')
  })

  it('accepts vote round 0 and refuses rounds past the jury', () => {
    const vote = sample('Vote')
    const decoded = decode('Vote', encode('Vote', { ...vote, round: 0 }))
    expect(decoded.ok && decoded.value.round).toBe(0)
    expect(thrown(() => encode('Vote', { ...vote, round: 4 }))).toBe('unknown-code')
  })

  it('refuses refusal codes outside the registry (R10)', () => {
    const refused = (code: string): Uint8Array =>
      toBinary(SCHEMAS.Refusal.desc, create(SCHEMAS.Refusal.desc, { code, message: 'x' }))
    expect(refusal('Refusal', refused('busy'))).toBeUndefined()
    expect(refusal('Refusal', refused('bush'))).toBe('unknown-code')
    expect(refusal('Refusal', refused(''))).toBe('missing')
  })

  it('names the first field that is missing', () => {
    const bytes = new BinaryWriter()
      .tag(1, 2)
      .bytes(encode('Head', sample('Head')))
      .finish()
    const result = decode('SignedHead', bytes)
    expect(result.ok ? undefined : result.error.detail).toEqual({
      code: 'missing',
      type: 'SignedHead',
      field: 'signature',
    })
    expect(refusal('SignedHead', new Uint8Array())).toBe('missing')
  })

  it('refuses invalid UTF-8 and text that could act on a terminal', () => {
    const message = (bytes: Uint8Array): Uint8Array =>
      new BinaryWriter().tag(2, 2).string('busy').tag(3, 2).bytes(bytes).finish()
    expect(refusal('Refusal', message(Uint8Array.of(0xc3, 0x28)))).toBe('malformed')
    expect(refusal('Refusal', message(Uint8Array.of(0xed, 0xa0, 0x80)))).toBe('malformed')
    expect(refusal('Refusal', message(new TextEncoder().encode('slot \u001b[2J')))).toBe('out-of-range')
    expect(refusal('Refusal', message(new TextEncoder().encode('\u202etxt')))).toBe('out-of-range')
    expect(refusal('Refusal', message(new TextEncoder().encode('später, bitte')))).toBeUndefined()
  })

  it('accepts one encoding only: order, repetition, long numbers and written defaults are refused', () => {
    const digest = (number: number): BinaryWriter => new BinaryWriter().tag(number, 2).bytes(digestBytes)
    const job = digest(1).finish()
    const grantField = digest(2).finish()
    expect(refusal('InferAccepted', Uint8Array.of(...job, ...grantField))).toBeUndefined()
    expect(refusal('InferAccepted', Uint8Array.of(...grantField, ...job))).toBe('malformed')
    expect(refusal('InferAccepted', Uint8Array.of(...job, ...job))).toBe('malformed')
    expect(refusal('SyncEnd', Uint8Array.of(8, 0x81, 0))).toBe('malformed')
    expect(refusal('SyncEnd', Uint8Array.of(8, 0))).toBe('malformed')
    expect(refusal('SyncEnd', Uint8Array.of(8, ...new Array(7).fill(0xff)))).toBe('oversize')
    expect(refusal('CheckpointsRequest', Uint8Array.of(24, ...new Array(11).fill(0xff)))).toBe('malformed')
    expect(refusal('SyncEnd', Uint8Array.of(10, 1, 1))).toBe('malformed')
    expect(refusal('SyncEnd', Uint8Array.of(8))).toBe('malformed')
  })

  it('refuses a part that reaches beyond its whole, which the library would read', () => {
    const head = encode('Head', sample('Head'))
    const bytes = Uint8Array.of(10, head.length + 67, ...head, 18, 65, ...new Uint8Array(65))
    expect(refusal('SignedHead', bytes.subarray(0, bytes.length - 1))).toBe('malformed')
  })

  it('hands out bytes without copying them', () => {
    const chunk = { jobId: DIGEST, index: 1, data: new Uint8Array(64_000).fill(7), salt: DIGEST }
    const bytes = encode('InferChunk', chunk)
    const decoded = decode('InferChunk', bytes)
    expect(decoded.ok && decoded.value.data.buffer).toBe(bytes.buffer)
  })

  it('reads messages that lie inside a larger buffer', () => {
    const bytes = encode('Receipt', sample('Receipt'))
    const larger = new Uint8Array(bytes.length + 20).fill(0xee)
    larger.set(bytes, 7)
    expect(decode('Receipt', larger.subarray(7, 7 + bytes.length))).toEqual({ ok: true, value: sample('Receipt') })
  })
})

describe('limits', () => {
  it('are checked before anything is read', () => {
    const bytes = new Uint8Array(WIRE_LIMITS.SignedHead.value + 1).fill(0xff)
    const result = decode('SignedHead', bytes)
    expect(result.ok ? undefined : result.error.detail).toEqual({
      code: 'oversize',
      type: 'SignedHead',
      limit: WIRE_LIMITS.SignedHead.value,
      got: bytes.length,
    })
  })

  it('hold for the message in a frame, known from its first tag (R10)', () => {
    const bytes = new Uint8Array(100_000)
    bytes.set([(3 << 3) | 2])
    const result = decode('InferClientFrame', bytes)
    expect(result.ok ? undefined : result.error.detail).toMatchObject({ code: 'oversize', type: 'InferCancel' })
  })

  it('hold for a message inside another', () => {
    const vote = { ...sample('SignedVote'), reasons: [] }
    const long = new BinaryWriter().raw(encode('SignedVote', vote))
    for (let index = 0; index < 2000; index += 1) long.tag(3, 2).bytes(Uint8Array.of())
    const bundle = new BinaryWriter().tag(1, 2).bytes(long.finish()).finish()
    const result = decode('VoteBundle', bundle)
    expect(result.ok ? undefined : result.error.detail).toMatchObject({ code: 'oversize', type: 'SignedVote' })
  })

  it('count elements, on both sides', () => {
    const votes = Array.from({ length: 17 }, () => ({ ...sample('SignedVote'), reasons: [] }))
    expect(thrown(() => encode('Certificate', { checkpoint: DIGEST, votes }))).toBe('too-many')
    const writer = new BinaryWriter().tag(1, 2).bytes(digestBytes)
    for (const vote of votes) writer.tag(2, 2).bytes(encode('SignedVote', vote))
    expect(refusal('Certificate', writer.finish())).toBe('too-many')
    expect(thrown(() => encode('Certificate', { checkpoint: DIGEST, votes: votes.slice(0, 16) }))).toBeUndefined()
  })

  it('keep what encode writes within what decode reads', () => {
    const openings = Array.from({ length: 20 }, () => ({
      ...sample('WorkOpening'),
      sketches: [{ receiptIndex: 1, values: new Uint8Array(4096) }],
    }))
    expect(thrown(() => encode('VoteBundle', { votes: [], openings }))).toBe('oversize')
  })

  it('hold 128 votes without reasons in one gossip message (R8)', () => {
    const votes = Array.from({ length: 128 }, (_, seed) => ({ ...sample('SignedVote', seed), reasons: [] }))
    expect(decodeGossip('vote', encodeGossip('vote', { votes, openings: [] }))).toMatchObject({ ok: true })
  })

  it('hold an offer with 64 terms and 16 addresses', () => {
    const offer = {
      ...sample('SignedOffer'),
      terms: Array.from({ length: 64 }, (_, seed) => sample('Terms', seed)),
      addresses: new Array<string>(16).fill(`/dns4/${'a'.repeat(200)}/tcp/4801`),
    }
    expect(encodeGossip('offer', offer).length).toBeLessThanOrEqual(WIRE_LIMITS.SignedOffer.value)
  })

  it('hold a proposal of 64 leaves with the certificates of seven seats each (R19)', () => {
    const vote = { ...sample('SignedVote'), reasons: [] }
    const certificate = { checkpoint: DIGEST, votes: new Array(7).fill(vote) }
    const value = {
      batch: { ...sample('SignedBatch'), leaves: new Array(64).fill(sample('Leaf')) },
      certificates: new Array(64).fill(certificate),
    }
    const frame: SyncFrame = { kind: 'proposal', value }
    expect(decode('SyncFrame', encode('SyncFrame', frame))).toEqual({ ok: true, value: frame })
  })

  it('gossip a batch only when it is small enough', () => {
    const batch = { ...sample('SignedBatch'), leaves: new Array(1024).fill(sample('Leaf')) }
    expect(thrown(() => encodeGossip('batch', batch))).toBe('oversize')
    const result = decodeGossip('batch', encode('SignedBatch', batch))
    expect(result.ok ? undefined : result.error.code).toBe('oversize')
    expect(decodeGossip('batch', encodeGossip('batch', { ...batch, leaves: [] }))).toMatchObject({ ok: true })
  })
})

describe('frames', () => {
  it('say what they hold', () => {
    const frame = { kind: 'cancel', value: { jobId: DIGEST } } as const
    expect(decode('InferClientFrame', encode('InferClientFrame', frame))).toEqual({ ok: true, value: frame })
  })

  it('are told apart: unknown, of a later version, absent, and two at once', () => {
    const busy = encode('InferServerFrame', { kind: 'refusal', value: { code: 'busy', message: '' } })
    expect(refusal('InferClientFrame', Uint8Array.of((9 << 3) | 2, 0))).toBe('unknown-frame')
    expect(refusal('InferClientFrame', Uint8Array.of((6 << 3) | 2, 0))).toBe('unknown-version')
    expect(refusal('InferClientFrame', Uint8Array.of())).toBe('missing')
    expect(refusal('InferServerFrame', Uint8Array.of(...busy, ...busy))).toBe('malformed')
    expect(refusal('InferClientFrame', Uint8Array.of(3 << 3, 1))).toBe('malformed')
    expect(thrown(() => encode('InferClientFrame', { kind: 'inputPart', value: {} } as never))).toBe('unknown-frame')
  })
})

describe('encode', () => {
  it.each<[WireErrorCode, unknown]>([
    ['missing', { jobId: DIGEST }],
    ['out-of-range', { jobId: DIGEST, grant: '0x12' }],
    ['out-of-range', { jobId: DIGEST, grant: DIGEST.toUpperCase() }],
    ['out-of-range', { jobId: 7, grant: DIGEST }],
  ])('refuses an own mistake as %s', (code, value) => {
    expect(thrown(() => encode('InferAccepted', value as never))).toBe(code)
  })

  it('refuses members a signature would not cover (R3)', () => {
    expect(thrown(() => encode('Load', { ...sample('Load'), extra: 1 } as never))).toBe('unknown-field')
  })

  it('leaves evidence out where a grant travels without it', () => {
    const whole = sample('Evidence')
    const value = { ...sample('SignedOffer'), grant: { ...grant(), evidence: whole } }
    const decoded = decode('SignedOffer', encode('SignedOffer', value))
    expect(decoded.ok && decoded.value.grant).toEqual(grant())
    const bytes = new BinaryWriter()
      .tag(1, 2)
      .bytes(encode('Offer', value.offer))
      .tag(2, 2)
      .bytes(new Uint8Array(65))
      .tag(5, 2)
      .bytes(encode('SignedGrant', { ...grant(), evidence: whole }))
      .finish()
    const result = decode('SignedOffer', bytes)
    expect(result.ok ? undefined : result.error.detail).toMatchObject({ code: 'unknown-field', type: 'SignedGrant' })
  })

  it('keeps an absent transcript apart from an empty one (R12)', () => {
    const record: JobRecord = sample('JobRecord')
    const { transcript: _, ...closed } = record
    const decoded = decode('JobRecord', encode('JobRecord', closed))
    expect(decoded.ok && 'transcript' in decoded.value).toBe(false)
    const empty = { inputSalt: DIGEST, input: new Uint8Array(), parameters: Uint8Array.of(123, 125), chunks: [] }
    const open = decode('JobRecord', encode('JobRecord', { ...closed, transcript: empty }))
    expect(open.ok && open.value.transcript).toEqual(empty)
  })
})

describe('gossip', () => {
  it.each(Object.keys(GOSSIP_TYPE) as (keyof typeof GOSSIP_TYPE)[])('carries %s (R8)', (kind) => {
    const value = sample(GOSSIP_TYPE[kind])
    expect(decodeGossip(kind, encodeGossip(kind, value as never))).toEqual({ ok: true, value })
  })
})

describe('equivocation proofs (R9)', () => {
  it.each(Object.keys(EQUIVOCATION_TYPE) as EquivocationKind[])('hold two objects of kind %s', (kind) => {
    const type = EQUIVOCATION_TYPE[kind]
    const first = sample(type, 1)
    const second = sample(type, 2)
    const proof = { kind, first: encode(type, first as never), second: encode(type, second as never) }
    const carried = decode('EquivocationProof', encode('EquivocationProof', proof))
    expect(carried.ok && decodeEquivocation(carried.value)).toEqual({ ok: true, value: { kind, first, second } })
  })

  it('say which side cannot be read', () => {
    const side = encode('SignedHead', sample('SignedHead'))
    const result = decodeEquivocation({ kind: 'head', first: side, second: side.subarray(0, 50) })
    expect(result.ok ? undefined : result.error.code).toBe('malformed')
  })
})
