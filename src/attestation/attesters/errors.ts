import { CodedError, toError } from '../../protocol/index.ts'

/** Why a machine made no evidence. */
export const ATTESTER_CODES = [
  /** No such device, directory, socket, tool or provider here. */
  'attester-unavailable',
  /** It is here, and this user may not use it. */
  'attester-denied',
  /** Others kept it busy for as long as we tried. */
  'attester-busy',
  'attester-timed-out',
  /** It answered with an error of its own. */
  'attester-failed',
  /** It answered with something that is no evidence, or evidence of something else. */
  'attester-answer-invalid',
] as const
export type AttesterErrorCode = (typeof ATTESTER_CODES)[number]

export interface AttesterErrorDetail {
  readonly code: AttesterErrorCode
  /** Which attester: `configfs-tsm`, `nsm`, `dstack`, `nvidia`. */
  readonly attester: string
  readonly expected: string
  readonly got: string
}

/** Thrown by attesters: a provider without evidence offers nothing until the next attempt. */
export class AttesterError extends CodedError<AttesterErrorDetail> {}

export const attesterError = (
  code: AttesterErrorCode,
  attester: string,
  expected: string,
  got: string,
  cause?: unknown,
): AttesterError =>
  new AttesterError(
    { code, attester, expected, got },
    `${attester}: ${code}: expected ${expected}, got ${got}`,
    cause === undefined ? undefined : { cause },
  )

/** The system's name of what went wrong, e.g. `EBUSY`, where the thrown value has one. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}

const CODE_OF: Readonly<Record<string, AttesterErrorCode>> = {
  ENOENT: 'attester-unavailable',
  ENOTDIR: 'attester-unavailable',
  ENXIO: 'attester-unavailable',
  ENODEV: 'attester-unavailable',
  EOPNOTSUPP: 'attester-unavailable',
  ECONNREFUSED: 'attester-unavailable',
  EACCES: 'attester-denied',
  EPERM: 'attester-denied',
  EROFS: 'attester-denied',
  EBUSY: 'attester-busy',
  EAGAIN: 'attester-busy',
  EINTR: 'attester-busy',
  ETIMEDOUT: 'attester-timed-out',
}

/** A failed system call in the terms of this domain; errors that have a code of it stay as they are. */
export function fromSystem(attester: string, expected: string, thrown: unknown): AttesterError {
  if (thrown instanceof AttesterError) return thrown
  const errno = errnoOf(thrown)
  const code = (errno === undefined ? undefined : CODE_OF[errno]) ?? 'attester-failed'
  return attesterError(code, attester, expected, errno ?? toError(thrown).message, thrown)
}
