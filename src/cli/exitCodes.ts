/** Exit codes of `opg` (docs/cli.md). */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  verification: 3,
  unreachable: 4,
  timeout: 5,
  payment: 6,
  interrupted: 130,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Every error code that does not simply mean `failed`. */
const CODES: { readonly [E in Exclude<keyof typeof EXIT, 'ok' | 'failed'>]: readonly string[] } = {
  usage: [
    'usage',
    'home-missing',
    'home-taken',
    'network-missing',
    'network-file-malformed',
    'config-invalid',
    'socket-path-too-long',
    'role-unsupported',
    'models-missing',
    'attester-missing',
    'password-missing',
    'model-ambiguous',
    'model-unreadable',
    'manifest-unknown',
    'batch-unknown',
    'devnet-missing',
    'devnet-running',
    'directory-taken',
    'file-unreadable',
    'file-too-large',
    'format-unknown',
    'json-invalid',
    'npy-invalid',
    'npy-dtype-unsupported',
    'csv-header-invalid',
    'csv-value-invalid',
    'csv-too-short',
    'input-ambiguous',
    'input-mismatch',
    'proposal-unknown',
    'out-of-bounds',
    'key-not-found',
    'key-exists',
  ],
  verification: [
    'evidence-refused',
    'answer-invalid',
    'rejected',
    'undecided',
    'batch-invalid',
    'receipt-foreign',
    'receipt-off-chain',
    'receipt-rejected',
    'non-vendor-root',
    'policy-refused',
    'foreign-chain-id',
    'foreign-network-id',
    'profile-mismatch',
    'rpc-disagreement',
  ],
  unreachable: [
    'no-offer',
    'unreachable',
    'refused',
    'stream-failed',
    'model-unknown',
    'rpc-unreachable',
    'node-not-running',
    'leaves-unavailable',
  ],
  timeout: ['timed-out', 'not-anchored'],
  payment: ['payment-required', 'insufficient-funds', 'insufficient-allowance'],
  interrupted: ['cancelled', 'interrupted'],
}

const EXIT_OF = new Map(
  Object.entries(CODES).flatMap(([name, codes]) =>
    codes.map((code) => [code, EXIT[name as keyof typeof EXIT]] as const),
  ),
)

export const exitCodeOf = (code: string): ExitCode => EXIT_OF.get(code) ?? EXIT.failed
