import { CodedError } from '../src/protocol/index.ts'

/** What can go wrong while a local chain is started or set up. */
export type DevnetChainErrorDetail =
  | { readonly code: 'anvil-missing'; readonly package: string }
  | { readonly code: 'anvil-exited'; readonly status: number | null; readonly logTail: string }
  | { readonly code: 'anvil-not-ready'; readonly waitedMs: number; readonly logTail: string }
  | { readonly code: 'anvil-running'; readonly pid: number }
  | { readonly code: 'anvil-not-running' }
  | { readonly code: 'chain-state-torn'; readonly file: string }
  | { readonly code: 'chain-exists'; readonly directory: string }
  | { readonly code: 'setup-reverted'; readonly step: string; readonly reason: string }

export class DevnetChainError extends CodedError<DevnetChainErrorDetail> {}
