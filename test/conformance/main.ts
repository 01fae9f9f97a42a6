import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { toError } from '../../src/protocol/index.ts'
import { vectorsAtHand } from '../support/vectors.ts'
import { type ManifestResult, runManifest } from './manifest.ts'

const USAGE = 'usage: npm run conformance -- attestation --manifest FILE [--json]'

/** Runs a manifest of outside vectors: 0 when each is as expected, 1 when one is not, 2 for a wrong command line or file. */
async function main(args: readonly string[]): Promise<number> {
  let options: { readonly manifest?: string | undefined; readonly json?: boolean | undefined }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { manifest: { type: 'string' }, json: { type: 'boolean' } },
    })
    if (positionals.length !== 1 || positionals[0] !== 'attestation') throw new TypeError('expected: attestation')
    options = values
  } catch (error) {
    process.stderr.write(`${toError(error).message}\n${USAGE}\n`)
    return 2
  }
  if (options.manifest === undefined) {
    process.stderr.write(`expected --manifest FILE\n${USAGE}\n`)
    return 2
  }
  let result: ManifestResult
  try {
    // npm runs scripts in the package's folder and says where it was called from.
    const path = resolve(process.env.INIT_CWD ?? process.cwd(), options.manifest)
    result = await runManifest(path, vectorsAtHand())
  } catch (error) {
    process.stderr.write(`${options.manifest} is no manifest that can be read: ${toError(error).message}\n`)
    return 2
  }
  process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : render(result))
  return result.failed === 0 ? 0 : 1
}

/** Characters of a line that a manifest's own words may take. */
const MAX_WORDS = 400

/** A manifest's words, fit for one line of a terminal. */
const plain = (text: string): string =>
  (text.length > MAX_WORDS ? `${text.slice(0, MAX_WORDS)}…` : text).replace(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    '\ufffd',
  )

function render({ vectors, passed, failed }: ManifestResult): string {
  const lines = vectors.map(({ name, kind, expect, actual, ok }) => {
    const reason = actual.reason === undefined ? '' : ` (${actual.reason})`
    const status = actual.tcbStatus === undefined ? '' : `, TCB ${actual.tcbStatus}`
    const missing = actual.notChecked?.length ? `; NOT checked: ${actual.notChecked.join(', ')}` : ''
    const head = `${ok ? 'ok  ' : 'FAIL'} ${plain(kind)} ${plain(name)}: ${actual.verdict}${reason}${status}${missing}`
    if (ok) return head
    const words = actual.message === undefined ? '' : `\n       ${plain(actual.message)}`
    return `${head}\n       expected ${plain(JSON.stringify(expect))}${words}`
  })
  return [...lines, `${passed} as expected, ${failed} not`, ''].join('\n')
}

process.exitCode = await main(process.argv.slice(2))
