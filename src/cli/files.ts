import { readFile, stat } from 'node:fs/promises'
import { toError } from '../protocol/index.ts'
import { CliError } from './errors.ts'

/** A file a user named, as text. Throws CliError `file-unreadable | file-too-large`. */
export const readText = async (file: string, maxBytes: number): Promise<string> =>
  new TextDecoder().decode(await readBytes(file, maxBytes))

/** A file a user named. Throws CliError `file-unreadable | file-too-large`. */
export async function readBytes(file: string, maxBytes: number): Promise<Uint8Array> {
  const found = await stat(file).catch((error) => unreadable(file, error))
  if (!found.isFile()) throw new CliError({ code: 'file-unreadable', message: `${file} cannot be read: it is no file` })
  const { size } = found
  if (size > maxBytes) {
    throw new CliError({
      code: 'file-too-large',
      message: `${file} is too large`,
      expected: `at most ${maxBytes} bytes`,
      got: `${size}`,
    })
  }
  return new Uint8Array(await readFile(file).catch((error) => unreadable(file, error)))
}

const REASONS: { readonly [code: string]: string } = {
  ENOENT: 'there is none',
  ENOTDIR: 'there is none',
  EACCES: 'its permissions do not let this user',
  EPERM: 'its permissions do not let this user',
}

function unreadable(file: string, error: unknown): never {
  const { code = '' } = toError(error) as NodeJS.ErrnoException
  const message = `${file} cannot be read: ${REASONS[code] ?? code}`
  throw new CliError({ code: 'file-unreadable', message }, { cause: error })
}

/** The same, parsed as JSON. Throws also CliError `json-invalid`. */
export async function readJson(file: string, maxBytes: number): Promise<unknown> {
  const text = await readText(file, maxBytes)
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new CliError({ code: 'json-invalid', message: `${file} is not JSON: ${error.message}` }, { cause: error })
  }
}
