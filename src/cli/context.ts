import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../node/index.ts'
import type { Json } from '../protocol/index.ts'
import type { ExitCode } from './exitCodes.ts'

/** Where a command's words go, and what it may read of its surroundings. */
export interface CliContext {
  /** Whether the result is one JSON object (`--json`). */
  readonly json: boolean
  readonly environment: { readonly [name: string]: string | undefined }
  readonly workingDirectory: string
  /** Aborted by Ctrl-C: the command drains and ends. */
  readonly signal: AbortSignal
  /** The result, on stdout. */
  result(text: string): void
  /** Anything else, on stderr. */
  note(text: string): void
  /** A line on stderr that the next one replaces; nothing where stderr is no terminal. */
  progress(text: string): void
}

/** What a command found: rendered for people, or as the members beside `ok: true`. */
export interface CommandResult {
  readonly text: string
  readonly json: { readonly [name: string]: Json | undefined }
  /** How the command ends where the result itself is bad news; 0 when left out. */
  readonly exit?: ExitCode
}

/** Names of a devnet's files, beside which its requester's home lies. */
export const DEVNET_DIRECTORY = join('.opg', 'devnet')
export const DEVNET_FILE = 'devnet.json'
export const DEVNET_REQUESTER = 'requester-0'

/**
 * `--home`, else `OPG_HOME`, else the requester of the devnet below the working directory, else of `~/.opg/devnet`, else
 * `~/.opg/devnet` itself.
 */
export function locateHome(
  given: string | undefined,
  { environment, workingDirectory }: Pick<CliContext, 'environment' | 'workingDirectory'>,
): Home {
  const named = given ?? environment.OPG_HOME
  if (named !== undefined) return homeAt(named)
  const own = environment.HOME ?? homedir()
  for (const root of [workingDirectory, own]) {
    const directory = join(root, DEVNET_DIRECTORY)
    if (existsSync(join(directory, DEVNET_FILE))) return homeAt(join(directory, DEVNET_REQUESTER))
  }
  return homeAt(join(own, DEVNET_DIRECTORY))
}
