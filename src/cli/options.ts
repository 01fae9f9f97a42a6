import { type Command, InvalidArgumentError } from 'commander'
import type { MaxAmount } from '../node/index.ts'
import { type Digest, isAddress, isDigest, parseModelId } from '../protocol/index.ts'

export const withJson = (command: Command): Command => command.option('--json', 'one JSON object on stdout', false)
export const withHome = (command: Command): Command =>
  command.option('--home <directory>', 'home of the node; else OPG_HOME, the devnet here, or ~/.opg/devnet')
export const withDirectory = (command: Command): Command =>
  command.option('--dir <directory>', 'devnet directory; .opg/devnet below the working directory when left out')
/** For commands that send a transaction. */
export const withWallet = (command: Command): Command =>
  command.option('--wallet <file>', 'key file of who pays and signs; keys/owner.json of the home when left out')
export const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  $ ${text}`)

export function positive(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new InvalidArgumentError(`expected a whole number above 0, got ${text}`)
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError(`expected a whole number, got ${text}`)
}

export function port(text: string): number {
  const value = wholeNumber(text)
  if (value <= 65_535) return value
  throw new InvalidArgumentError(`expected a port up to 65535, got ${text}`)
}

export function wei(text: string): bigint {
  if (/^(?:0|[1-9][0-9]{0,38})$/.test(text)) return BigInt(text)
  throw new InvalidArgumentError(`expected wei as a whole number, got ${text}`)
}

const WEI_DIGITS = 18

/** OPG as people write it, `10000` or `0.5`, in wei. */
export function opgAmount(text: string): bigint {
  const match = /^([0-9]{1,10})(?:\.([0-9]{1,18}))?$/.exec(text)
  const value = match === null ? 0n : BigInt(`${match[1]}${(match[2] ?? '').padEnd(WEI_DIGITS, '0')}`)
  if (value > 0n) return value
  throw new InvalidArgumentError(`expected an amount of OPG above 0 such as 10000 or 0.5, got ${text}`)
}

/** An amount of any token in its smallest unit, or of OPG as people write it. */
export function maxAmount(text: string): MaxAmount {
  const opg = /^(\S+) *OPG$/i.exec(text.trim())?.[1]
  return opg === undefined ? { amount: wei(text), opgOnly: false } : { amount: opgAmount(opg), opgOnly: true }
}

export function address(text: string): `0x${string}` {
  const lower = text.toLowerCase()
  if (isAddress(lower)) return lower
  throw new InvalidArgumentError(`expected an address, got ${text}`)
}

/** An address that somebody may have: not the zero address. */
export function account(text: string): `0x${string}` {
  const given = address(text)
  if (BigInt(given) !== 0n) return given
  throw new InvalidArgumentError('expected an account, got the zero address')
}

export const addresses = (text: string, before: readonly `0x${string}`[] = []): `0x${string}`[] => [
  ...before,
  address(text),
]

/** A date and time of RFC 3339 with its zone, or whole milliseconds since 1970. */
export function time(text: string): number {
  const dated = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/.test(text)
  const value = dated ? Date.parse(text) : /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isNaN(value)) return value
  throw new InvalidArgumentError(`expected a time such as 2026-01-31T12:00:00Z or ms since 1970, got ${text}`)
}

/** 32 bytes in hex, with 0x or without. */
export function digest(text: string): Digest {
  const given = `0x${text.toLowerCase().replace(/^0x/, '')}`
  if (isDigest(given)) return given
  throw new InvalidArgumentError(`expected 32 bytes in hex, got ${text}`)
}

/** An address, or one word that stands for one. */
export const addressOr =
  <W extends string>(word: W) =>
  (text: string): `0x${string}` | W =>
    text === word ? word : address(text)

export function modelId(text: string): `0x${string}` {
  const id = parseModelId(text)
  if (id !== undefined) return id
  throw new InvalidArgumentError(`expected a model id, 0x and 64 hex digits or a CID, got ${text}`)
}
