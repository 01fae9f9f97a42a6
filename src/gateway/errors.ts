import { CodedError } from '../protocol/index.ts'

/** Why the gateway does not start: its configuration lacks something, or has what cannot be served. */
export class GatewayError extends CodedError<{
  readonly code: 'gateway-unconfigured'
  readonly field: string
  readonly expected: string
  readonly got: string
}> {}
