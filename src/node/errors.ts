import { CodedError } from '../protocol/index.ts'

export type NodeErrorDetail =
  | { readonly code: 'home-missing'; readonly home: string }
  | { readonly code: 'home-taken'; readonly home: string }
  | { readonly code: 'network-missing'; readonly path: string }
  | {
      readonly code: 'config-invalid'
      readonly path: string
      readonly field: string
      readonly expected: string
      readonly got: string
    }
  | { readonly code: 'node-running'; readonly home: string; readonly pid: number | undefined }
  | { readonly code: 'facilitator-running'; readonly home: string }
  | { readonly code: 'node-not-running'; readonly home: string }
  /** Another process spends from the wallet of this home. */
  | { readonly code: 'wallet-busy'; readonly home: string; readonly expected: string; readonly got: string }
  /** A requester of a production network has nothing to pay with. */
  | { readonly code: 'wallet-missing'; readonly path: string; readonly expected: string; readonly got: string }
  | { readonly code: 'job-unreadable'; readonly path: string; readonly expected: string; readonly got: string }
  | { readonly code: 'control-failed'; readonly home: string; readonly status: number }
  | { readonly code: 'socket-path-too-long'; readonly path: string; readonly limit: number }
  | { readonly code: 'port-taken'; readonly address: string }
  | { readonly code: 'role-unsupported'; readonly role: string }
  | { readonly code: 'role-missing'; readonly role: string }
  | { readonly code: 'models-missing'; readonly role: string }
  | { readonly code: 'model-unreadable'; readonly directory: string }
  | { readonly code: 'model-unknown'; readonly model: string; readonly known: readonly string[] }
  | { readonly code: 'model-ambiguous'; readonly model: string; readonly matching: readonly string[] }
  | { readonly code: 'attester-missing' }
  /** R6: a production network takes hardware's word alone. */
  | { readonly code: 'attester-refused'; readonly attester: string; readonly profile: string }
  | { readonly code: 'collateral-unreadable'; readonly path: string }
  | { readonly code: 'evidence-unrecognised'; readonly expected: string; readonly given?: number }
  | { readonly code: 'policy-unreadable'; readonly path: string; readonly expected: string; readonly got: string }
  | { readonly code: 'policy-mismatch'; readonly epoch: number; readonly expected: string; readonly got: string }
  | { readonly code: 'password-missing'; readonly variable: string }
  | { readonly code: 'batch-unknown'; readonly number: number; readonly last: number }
  | { readonly code: 'batch-invalid'; readonly number: number; readonly expected: string; readonly got: string }
  | { readonly code: 'receipt-foreign'; readonly expected: string; readonly got: string }
  | {
      readonly code: 'receipt-off-chain'
      readonly what: string
      readonly expected: string
      readonly got: string
    }

export type NodeErrorCode = NodeErrorDetail['code']

/** Why a node does not start, or cannot do what was asked of it. */
export class NodeError extends CodedError<NodeErrorDetail> {}

export const isNodeError = (thrown: unknown, code?: NodeErrorCode): thrown is NodeError =>
  thrown instanceof NodeError && (code === undefined || thrown.code === code)
