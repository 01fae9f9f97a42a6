import { readFile, stat } from 'node:fs/promises'
import { CliError } from './errors.ts'

/** A file a user named, as text. Throws CliError `file-unreadable | file-too-large`. */
export const readText = async (file: string, maxBytes: number): Promise<string> =>
  new TextDecoder().decode(await readBytes(file, maxBytes))

/** A file a user named. Throws CliError `file-unreadable | file-too-large`. */
export async function readBytes(file: string, maxBytes: number): Promise<Uint8Array> {
  const size = await stat(file).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  )
  if (size === undefined) throw new CliError({ code: 'file-unreadable', message: `${file} cannot be read` })
  if (size > maxBytes) {
    throw new CliError({
      code: 'file-too-large',
      message: `${file} is too large`,
      expected: `at most ${maxBytes} bytes`,
      got: `${size}`,
    })
  }
  return new Uint8Array(await readFile(file))
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
