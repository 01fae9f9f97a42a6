import { ok, type Result } from '../../protocol/index.ts'
import { isZero } from '../bytes.ts'
import { MAX_CCEL_BYTES } from '../constants.ts'
import { type AttestationError, refuse, refuseSize } from '../errors.ts'
import { type Extension, MAX_EVENTS, RTMR_BYTES, RTMR_COUNT } from './replay.ts'

/** Event that extends nothing (TCG PC Client Platform Firmware Profile, 10.4.1). */
const EV_NO_ACTION = 3
const SPEC_ID = 'Spec ID Event03\0'
const TPM_ALG_SHA384 = 0x0c
/** Banks of digests in one log. */
const MAX_ALGORITHMS = 8
/** What firmware fills the rest of its table with. */
const FILLER = 0xff

class Reader {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get left(): number {
    return this.#bytes.length - this.at
  }

  u16(): number {
    this.#need(2)
    this.at += 2
    return this.#view.getUint16(this.at - 2, true)
  }

  u32(): number {
    this.#need(4)
    this.at += 4
    return this.#view.getUint32(this.at - 4, true)
  }

  take(length: number): Uint8Array {
    this.#need(length)
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.at)
  }

  #need(length: number): void {
    if (length > this.left) throw new LogError(`${length} bytes where ${this.left} are left`)
  }
}

class LogError extends Error {}

/**
 * A confidential computing event log, as the CCEL table of ACPI points to (UEFI 2.10, 38.4; the crypto-agile format of the
 * TCG firmware profile, 10.2.2): the SHA-384 digests in their order. Registers are numbered from RTMR0; the log counts
 * from 1, where 0 is MRTD. Digests are as firmware logged them: they say nothing about the event data beside them.
 * `malformed-event-log`, `evidence-too-large`.
 */
export function parseCcel(bytes: Uint8Array): Result<readonly Extension[], AttestationError> {
  if (bytes.length > MAX_CCEL_BYTES) return refuseSize(MAX_CCEL_BYTES, bytes.length)
  try {
    const reader = new Reader(bytes)
    const sizes = readHeader(reader)
    const extensions: Extension[] = []
    let events = 0
    while (reader.left > 0 && !isFiller(reader.rest())) {
      events += 1
      if (events > MAX_EVENTS) throw new LogError(`more than ${MAX_EVENTS} events`)
      const extension = readEvent(reader, sizes)
      if (extension !== undefined) extensions.push(extension)
    }
    return ok(extensions)
  } catch (cause) {
    if (!(cause instanceof LogError)) throw cause
    return refuse('malformed-event-log', 'a confidential computing event log', cause.message, cause)
  }
}

/** One register is at most 16 bytes from its end: filler begins with a register number of FFFFFFFFh. */
function isFiller(rest: Uint8Array): boolean {
  const first = rest[0]
  if (first !== FILLER && first !== 0) return false
  return rest.every((byte) => byte === first)
}

/** The first event, in the older format: which algorithms there are, and the bytes of each. */
function readHeader(reader: Reader): ReadonlyMap<number, number> {
  reader.u32()
  if (reader.u32() !== EV_NO_ACTION) throw new LogError('a first event that is no EV_NO_ACTION')
  if (!isZero(reader.take(20))) throw new LogError('a first event with a digest')
  const header = new Reader(reader.take(reader.u32()))
  if (String.fromCharCode(...header.take(16)) !== SPEC_ID) throw new LogError('another format than Spec ID Event03')
  header.take(8)
  const count = header.u32()
  if (count === 0 || count > MAX_ALGORITHMS) throw new LogError(`${count} digest algorithms`)
  const sizes = new Map<number, number>()
  for (let read = 0; read < count; read += 1) sizes.set(header.u16(), header.u16())
  header.take(header.take(1)[0] ?? 0)
  if (header.left > 0 || sizes.size !== count) throw new LogError('a header with more than its algorithms')
  if (sizes.get(TPM_ALG_SHA384) !== RTMR_BYTES) throw new LogError('a log without SHA-384')
  return sizes
}

function readEvent(reader: Reader, sizes: ReadonlyMap<number, number>): Extension | undefined {
  const counted = reader.u32()
  const type = reader.u32()
  const count = reader.u32()
  if (count > sizes.size) throw new LogError(`${count} digests in one event`)
  let digest: Uint8Array | undefined
  for (let read = 0; read < count; read += 1) {
    const algorithm = reader.u16()
    const size = sizes.get(algorithm)
    if (size === undefined) throw new LogError(`a digest of algorithm ${algorithm}`)
    const value = reader.take(size)
    if (algorithm !== TPM_ALG_SHA384) continue
    if (digest !== undefined) throw new LogError('two SHA-384 digests in one event')
    digest = value
  }
  reader.take(reader.u32())
  if (type === EV_NO_ACTION) return undefined
  if (counted < 1 || counted > RTMR_COUNT) throw new LogError(`an event of register ${counted}`)
  if (digest === undefined) throw new LogError('an event without SHA-384')
  return { register: counted - 1, digest }
}
