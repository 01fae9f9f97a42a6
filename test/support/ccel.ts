const u16 = (value: number): number[] => [value & 255, value >> 8]
const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16(value >>> 16)]

export interface CcelEventInit {
  /** As the log counts: 0 is MRTD, 1 is RTMR0. */
  readonly register: number
  readonly type?: number
  readonly digests: readonly Uint8Array[]
  readonly algorithm?: number
  readonly data?: Uint8Array
  /** The length that the event claims for its data. */
  readonly size?: number
}

/** One event in the crypto-agile format of the TCG. */
export const ccelEvent = ({ register, type = 1, digests, algorithm = 12, data, size }: CcelEventInit): Uint8Array =>
  Uint8Array.from([
    ...u32(register),
    ...u32(type),
    ...u32(digests.length),
    ...digests.flatMap((digest) => [...u16(algorithm), ...digest]),
    ...u32(size ?? data?.length ?? 0),
    ...(data ?? []),
  ])

export interface CcelHeaderInit {
  readonly name?: string
  readonly type?: number
  readonly algorithms?: readonly (readonly [id: number, bytes: number])[]
  readonly count?: number
  readonly trailing?: number
}

/** A log with its header. */
export function ccelLog(events: readonly Uint8Array[], header: CcelHeaderInit = {}): Uint8Array {
  const { name = 'Spec ID Event03\0', type = 3, algorithms = [[12, 48]], count, trailing = 0 } = header
  const body = [
    ...new TextEncoder().encode(name),
    ...new Uint8Array(8),
    ...u32(count ?? algorithms.length),
    ...algorithms.flatMap(([id, bytes]) => [...u16(id), ...u16(bytes)]),
    0,
    ...new Uint8Array(trailing),
  ]
  const first = [...u32(1), ...u32(type), ...new Uint8Array(20), ...u32(body.length), ...body]
  return new Uint8Array(Buffer.concat([Uint8Array.from(first), ...events]))
}
