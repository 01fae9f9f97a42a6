import { CodedError } from '../protocol/index.ts'

/** What is wrong with bytes that should be a message, or with a value that should become one. `type` is the message in which it was found. */
export type WireErrorDetail =
  | { readonly code: 'oversize'; readonly type: string; readonly limit: number; readonly got: number }
  | { readonly code: 'malformed'; readonly type: string; readonly problem: string }
  | { readonly code: 'unknown-field'; readonly type: string; readonly field: number | string }
  | { readonly code: 'out-of-range'; readonly type: string; readonly field: string; readonly problem: string }
  | { readonly code: 'unknown-code'; readonly type: string; readonly field: string; readonly got: number | string }
  | { readonly code: 'missing'; readonly type: string; readonly field: string }
  | { readonly code: 'too-many'; readonly type: string; readonly field: string; readonly limit: number }
  | { readonly code: 'unknown-version'; readonly type: string; readonly frame: number }
  | { readonly code: 'unknown-frame'; readonly type: string; readonly frame: number | string }

export type WireErrorCode = WireErrorDetail['code']

export class WireError extends CodedError<WireErrorDetail> {
  constructor(detail: WireErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options)
  }
}

function describe(detail: WireErrorDetail): string {
  switch (detail.code) {
    case 'oversize':
      return `${detail.type}: expected at most ${detail.limit} bytes, got ${detail.got}`
    case 'malformed':
      return `${detail.type}: ${detail.problem}`
    case 'unknown-field':
      return `${detail.type}: field ${detail.field} is not known; both sides must speak the same version`
    case 'out-of-range':
      return `${detail.type}.${detail.field}: ${detail.problem}`
    case 'unknown-code':
      return `${detail.type}.${detail.field}: ${JSON.stringify(detail.got)} is not a code of this registry`
    case 'missing':
      return `${detail.type}.${detail.field} is missing`
    case 'too-many':
      return `${detail.type}.${detail.field}: expected at most ${detail.limit} elements`
    case 'unknown-version':
      return `${detail.type}: frame ${detail.frame} belongs to a later version of the protocol`
    case 'unknown-frame':
      return `${detail.type}: frame ${JSON.stringify(detail.frame)} does not exist`
  }
}
