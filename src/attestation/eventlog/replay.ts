import { bytesToHex, type Hex, ok, type Result } from '../../protocol/index.ts'
import { concatBytes } from '../bytes.ts'
import type { AttestationCrypto } from '../crypto.ts'
import { type AttestationError, refuse } from '../errors.ts'

/** Runtime measurement registers of a trust domain. */
export const RTMR_COUNT = 4
/** Bytes of one, and of the digests that extend it. */
export const RTMR_BYTES = 48
/** Events of one log: machines log 30 to 60. */
export const MAX_EVENTS = 4_096

/** What a register was extended with. */
export interface Extension {
  /** RTMR0 to RTMR3. */
  readonly register: number
  readonly digest: Uint8Array
}

/** The registers after all extensions, each the SHA-384 of itself and the digest, from zeros (Intel TDX module, TDG.MR.RTMR.EXTEND). */
export function replay(extensions: readonly Extension[], crypto: AttestationCrypto): readonly Uint8Array[] {
  const registers = Array.from({ length: RTMR_COUNT }, () => new Uint8Array(RTMR_BYTES))
  for (const { register, digest } of extensions)
    registers[register] = Uint8Array.from(
      crypto.digest('sha384', concatBytes(registers[register] ?? new Uint8Array(RTMR_BYTES), digest)),
    )
  return registers
}

/** Whether the log tells how each register in `required`, and each it extends, came to the value measured: `event-log-mismatch`. */
export function checkReplay(
  extensions: readonly Extension[],
  measurements: Readonly<Record<string, Hex>>,
  required: readonly number[],
  crypto: AttestationCrypto,
): Result<undefined, AttestationError> {
  for (const [index, value] of replay(extensions, crypto).entries()) {
    if (!required.includes(index) && !extensions.some(({ register }) => register === index)) continue
    const measured = measurements[`rtmr${index}`]
    const logged = bytesToHex(value)
    if (measured !== logged) return refuse('event-log-mismatch', `RTMR${index} ${measured}`, `${logged} by the log`)
  }
  return ok(undefined)
}
