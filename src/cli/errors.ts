import { CommanderError } from 'commander'
import { AGE_CODES, CERTIFICATE_CODES, EVIDENCE_CODES, SIZE_CODES } from '../node/index.ts'
import {
  CodedError,
  PAYMENT_FAULTS,
  RECEIPT_FAULTS,
  RECEIPT_FILE_ERRORS,
  type RequestFailure,
  toError,
} from '../protocol/index.ts'
import { EXIT, type ExitCode, exitCodeOf } from './exitCodes.ts'

/** What went wrong, as `--json` carries it. */
export interface CliFailure {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly got?: string
  readonly hint?: string
}

/** An error of the command line itself, or one that a command has put into words already. */
export class CliError extends CodedError<CliFailure> {
  constructor(failure: CliFailure, options?: ErrorOptions) {
    super(failure, failure.message, options)
  }
}

/** What to try next, by error code. */
const HINTS: { readonly [code: string]: string } = {
  'home-missing': 'opg init --network network.json',
  'no-offer': 'opg offers shows what is on sale; check --tier, --privacy and --max-fee',
  'model-unknown': 'opg offers shows what is on sale',
  'evidence-refused': 'another provider may have better evidence: opg offers',
  'rpc-unreachable': 'check rpc in config.json; on a devnet run: opg devnet status',
  'timed-out': 'give --timeout more seconds',
  undecided: 'ask again, or use --mode local and rely on evidence alone',
  'key-not-found': 'opg wallet create makes a wallet, --wallet names another; opg init makes an operator key',
  'wallet-missing': 'opg wallet create makes one',
  'payment-required': 'opg wallet create makes a wallet that pays for jobs; opg wallet show says what it holds',
  'key-wrong-role': 'opg wallet create makes a wallet; an operator key never pays',
  'key-wrong-password': 'set OPG_WALLET_PASSWORD for a wallet, OPG_PASSWORD for an operator key',
  reverted: 'the chain may have moved on since it was asked: look again, then repeat the command',
  'insufficient-funds': 'opg wallet show says what the wallet holds',
  'asset-refused': 'payments.assets in config.json says what may be spent',
  'host-refused': 'payments.hosts in config.json says who may be paid',
  'over-job-budget': 'payments.assets in config.json says what may be spent',
  'over-day-budget': 'payments.assets in config.json says what may be spent; a day ends at midnight UTC',
  'over-key-budget': 'payments.assets in config.json says what may be spent, or use another operator key',
  'over-deposit-budget': 'payments.assets in config.json says what may be deposited',
  'over-max': 'give a higher --max',
  'key-shared': 'two devices sign with this key: give each its own home (opg init)',
  'node-not-running': 'opg node start',
  'node-running': 'opg node stop',
  'port-taken': 'set metrics.port to 0 in config.json to let the system choose',
}

export function describeError(thrown: unknown): CliFailure {
  if (thrown instanceof CommanderError) {
    const message = thrown.code === 'commander.help' ? 'expected a command' : thrown.message.replace(/^error: /, '')
    return { code: 'usage', message, hint: 'opg --help' }
  }
  const error = toError(thrown)
  if (!(thrown instanceof CodedError)) return { code: 'failed', message: error.message }
  const detail = thrown.detail as { readonly [name: string]: unknown; readonly code: string }
  const hint = typeof detail.hint === 'string' ? detail.hint : HINTS[detail.code]
  return {
    code: detail.code,
    message: error.message,
    ...textOf('expected', detail.expected),
    ...textOf('got', detail.got),
    ...(hint === undefined ? {} : { hint }),
  }
}

const textOf = (name: 'expected' | 'got', value: unknown): { expected?: string; got?: string } =>
  value === undefined ? {} : { [name]: String(value) }

const RECEIPT_CODES: ReadonlySet<string> = new Set([...RECEIPT_FAULTS, ...RECEIPT_FILE_ERRORS])

/** Refusals of evidence; codes of a policy or a trust root at fault are not among them. */
const ATTESTATION_CODES: ReadonlySet<string> = new Set([
  ...SIZE_CODES,
  ...EVIDENCE_CODES,
  ...CERTIFICATE_CODES,
  ...AGE_CODES,
])

export const exitOf = ({ code }: Pick<CliFailure, 'code'>): ExitCode =>
  RECEIPT_CODES.has(code) || ATTESTATION_CODES.has(code) ? EXIT.verification : exitCodeOf(code)

/** Refusals that are about money keep their own code. */
const PAYMENT_REFUSALS: readonly string[] = PAYMENT_FAULTS.filter((code) => exitCodeOf(code) === EXIT.payment)

/** A request's failure in the terms of the command line. */
export function requestError(failure: RequestFailure): CliError {
  const { code, message, expected, got, cause, paid, pending } = failure
  const own = code === 'payment' ? cause : undefined
  const payment =
    own ?? PAYMENT_REFUSALS.find((refusal) => cause === refusal || cause?.startsWith(`${refusal}:`) === true)
  const shown = payment ?? code
  return new CliError({
    code: shown,
    message: [
      cause === undefined || message.includes(cause) ? message : `${message} (${cause})`,
      ...(paid > 0n ? [`paid ${paid} wei`] : []),
      ...(pending ?? []).map(({ jobId, atMost }) => `job ${jobId} may still cost up to ${atMost} wei`),
    ].join('; '),
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
    ...(HINTS[shown] === undefined ? {} : { hint: HINTS[shown] }),
  })
}

export const interrupted = (): CliError => new CliError({ code: 'interrupted', message: 'interrupted' })
