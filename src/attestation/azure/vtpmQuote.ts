import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { concatBytes, equalBytes } from '../bytes.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { VtpmQuote } from './document.ts'

/** What a TPM's quote says, its registers checked against its digest. */
export interface QuoteClaims {
  /** `extraData`: the qualifying data of whoever asked. */
  readonly extraData: Uint8Array
  /** By name, `pcr0` to `pcr23`, SHA-256. */
  readonly registers: Readonly<Record<string, Hex>>
}

/** TPM 2.0 Library, part 2: TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE, TPM_ALG_SHA256. */
const GENERATED = 0xff54_4347
const ATTEST_QUOTE = 0x8018
const SHA_256 = 0x000b
const DIGEST_BYTES = 32
/** Clock, reset and restart counts, safe flag (TPMS_CLOCK_INFO), then the firmware's version. */
const CLOCK_BYTES = 17 + 8
/** TPM2B_DATA holds at most a digest and its algorithm, TPM2B_NAME too. */
const MAX_DATA_BYTES = 66
/** Registers are selected by a bitmap of three bytes (TPMS_PCR_SELECTION). */
const SELECT_BYTES = 3

/** Reads big-endian numbers and runs of bytes; an end that comes too soon is noted, not thrown. */
class Cursor {
  readonly #bytes: Uint8Array
  #at = 0
  short = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length && !this.short
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) this.short = true
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = Math.min(end, this.#bytes.length)
    return taken
  }

  number(bytes: 1 | 2 | 4): number {
    return this.take(bytes).reduce((value, byte) => value * 256 + byte, 0)
  }

  /** A TPM2B structure: two bytes of length, then as many. */
  sized(): Uint8Array {
    return this.take(this.number(2))
  }
}

/**
 * A TPMS_ATTEST of a quote over one bank of SHA-256 registers (TPM 2.0 Library, part 2, 10.12): `malformed-tpm-quote`,
 * and `pcr-mismatch` where the registers beside it are not the ones it signed.
 */
export function readVtpmQuote(quote: VtpmQuote, crypto: AttestationCrypto): Result<QuoteClaims, AttestationError> {
  const malformed = (expected: string, got: string): Result<never, AttestationError> =>
    refuse('malformed-tpm-quote', expected, got)
  const cursor = new Cursor(quote.message)
  const [magic, type] = [cursor.number(4), cursor.number(2)]
  if (magic !== GENERATED) return malformed('a structure made inside a TPM', `0x${magic.toString(16)}`)
  if (type !== ATTEST_QUOTE) return malformed('a quote, 0x8018', `0x${type.toString(16)}`)
  const signer = cursor.sized()
  const extraData = cursor.sized()
  cursor.take(CLOCK_BYTES)
  const [banks, algorithm, size] = [cursor.number(4), cursor.number(2), cursor.number(1)]
  const select = cursor.take(SELECT_BYTES)
  const digest = cursor.sized()
  if (!cursor.done || signer.length > MAX_DATA_BYTES || extraData.length > MAX_DATA_BYTES)
    return malformed('a TPMS_ATTEST and nothing after it', `${quote.message.length} bytes`)
  if (banks !== 1 || algorithm !== SHA_256 || size !== SELECT_BYTES || digest.length !== DIGEST_BYTES)
    return malformed('one bank of SHA-256 registers', `${banks} of algorithm 0x${algorithm.toString(16)}`)

  const selected = Array.from({ length: 8 * SELECT_BYTES }, (_, index) => index).filter(
    (index) => (((select[index >> 3] ?? 0) >> (index & 7)) & 1) === 1,
  )
  if (selected.length !== quote.pcrs.length)
    return refuse('pcr-mismatch', `${selected.length} registers`, String(quote.pcrs.length))
  if (!equalBytes(crypto.digest('sha256', concatBytes(...quote.pcrs)), digest))
    return refuse('pcr-mismatch', 'the registers of the signed digest', 'others')
  const registers = Object.fromEntries(
    selected.map((index, position) => [`pcr${index}`, bytesToHex(quote.pcrs[position] ?? new Uint8Array(0))]),
  )
  return ok({ extraData, registers })
}
