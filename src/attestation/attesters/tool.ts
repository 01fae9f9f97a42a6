import { attesterError, fromSystem } from './errors.ts'

export interface ToolRequest {
  /** A path, or a name looked up in PATH; never a shell's words. */
  readonly program: string
  readonly args: readonly string[]
  /** Besides PATH, which is handed on. */
  readonly environment?: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Bytes of stdout. */
  readonly maxBytes: number
}

export interface ToolEnd {
  /** Null where a signal ended it. */
  readonly exit: number | null
  readonly stdout: Uint8Array
  /** Its beginning. */
  readonly stderr: string
}

/** Runs a program to its end. Throws an error with an errno in `code`: ENOENT, EACCES, ETIMEDOUT, EFBIG. */
export type RunTool = (request: ToolRequest) => Promise<ToolEnd>

const MAX_SHOWN = 200

/** What a program wrote to stdout, if it ended well. Throws AttesterError. */
export async function toolOutput(attester: string, run: RunTool, request: ToolRequest): Promise<Uint8Array> {
  const { exit, stdout, stderr } = await run(request).catch((thrown: unknown) => {
    throw fromSystem(attester, `the program ${request.program}`, thrown)
  })
  if (exit === 0) return stdout
  const said = stderr.trim().replace(/\s+/g, ' ').slice(0, MAX_SHOWN)
  const end = exit === null ? 'a signal' : `exit code ${exit}`
  throw attesterError('attester-failed', attester, 'exit code 0', said === '' ? end : `${end}: ${said}`)
}
