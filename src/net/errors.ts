import { CodedError, toError } from '../protocol/index.ts'

/** Everything the network can answer instead of bytes. Sizes in bytes, times in milliseconds. */
export type NetErrorDetail =
  | { readonly code: 'frame-too-large'; readonly limit: number; readonly got: number }
  | { readonly code: 'invalid-length' }
  | { readonly code: 'unexpected-end'; readonly missing: number }
  | { readonly code: 'stream-reset' }
  | { readonly code: 'stream-closed' }
  | { readonly code: 'connection-closed' }
  | { readonly code: 'busy' }
  | { readonly code: 'too-many-streams' }
  | { readonly code: 'read-timeout'; readonly after: number }
  | { readonly code: 'write-timeout'; readonly after: number }
  | { readonly code: 'close-timeout'; readonly after: number }
  | { readonly code: 'idle-timeout'; readonly after: number }
  | { readonly code: 'open-timeout' }
  | { readonly code: 'write-overflow'; readonly limit: number; readonly got: number }
  | { readonly code: 'concurrent-read' }
  | { readonly code: 'aborted' }
  | { readonly code: 'unsupported-protocol'; readonly protocol: string }
  | { readonly code: 'stream-failed' }
  | { readonly code: 'handler-failed'; readonly protocol: string }
  | { readonly code: 'invalid-address'; readonly got: string }
  | { readonly code: 'no-address'; readonly peer: string }
  | { readonly code: 'dial-failed'; readonly target: string }
  | { readonly code: 'dial-timeout'; readonly target: string }
  | { readonly code: 'handshake-failed'; readonly target: string }
  | { readonly code: 'unexpected-peer'; readonly target: string }
  | { readonly code: 'refused'; readonly peer: string }
  | { readonly code: 'banned'; readonly peer: string }
  | { readonly code: 'foreign-network'; readonly peer: string; readonly expected: string; readonly got: string }
  | { readonly code: 'invalid-hello'; readonly peer: string }
  | { readonly code: 'hello-timeout'; readonly peer: string }
  | { readonly code: 'not-started' }
  | { readonly code: 'invalid-configuration'; readonly field: string }
  | { readonly code: 'listen-failed' }
  | { readonly code: 'invalid-name'; readonly got: string }
  | { readonly code: 'protocol-taken'; readonly protocol: string }
  | { readonly code: 'unknown-topic'; readonly topic: string }
  | { readonly code: 'topic-taken'; readonly topic: string }
  | { readonly code: 'message-too-large'; readonly limit: number; readonly got: number }
  | { readonly code: 'publish-failed'; readonly topic: string }
  | { readonly code: 'unknown-conduct-code'; readonly got: string }
  | { readonly code: 'incompatible-gossipsub'; readonly missing: string }

export type NetErrorCode = NetErrorDetail['code']

/** A failure of the network room: what was expected, what came, in `detail`. */
export class NetError extends CodedError<NetErrorDetail> {}

export function isNetError(thrown: unknown, code?: NetErrorCode): thrown is NetError {
  return thrown instanceof NetError && (code === undefined || thrown.code === code)
}

/** `cause` as an Error, whatever was thrown: libp2p rejects with CloseEvents (trap 10) and signals with anything. */
export function causedBy(thrown: unknown): ErrorOptions {
  return thrown === undefined ? {} : { cause: toError(thrown) }
}

/** An abort of the caller's own signal. */
export function abortedError(signal: AbortSignal): NetError {
  if (isNetError(signal.reason)) return signal.reason
  return new NetError({ code: 'aborted' }, 'the caller gave up waiting', causedBy(signal.reason))
}
