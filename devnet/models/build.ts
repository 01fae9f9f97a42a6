import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MANIFEST_PATH, manifestBytes, manifestId, modelCid } from '../../src/protocol/index.ts'
import { buildClassifier } from './classifier.ts'
import type { ModelArtefacts } from './model.ts'
import { buildVolatility } from './volatility.ts'

/** Folders of the built models, beside this file. */
export const MODELS_DIRECTORY = fileURLToPath(new URL('.', import.meta.url))

/** Every file of a model folder by path, the manifest included. */
export const artefactFiles = ({ files, manifest }: ModelArtefacts): { readonly [path: string]: Uint8Array } => ({
  ...files,
  [MANIFEST_PATH]: manifestBytes(manifest),
})

export const builders = [buildVolatility, buildClassifier] as const

async function main(check: boolean): Promise<void> {
  const different: string[] = []
  for (const build of builders) {
    const model = build()
    for (const [path, bytes] of Object.entries(artefactFiles(model))) {
      const file = join(MODELS_DIRECTORY, model.folder, path)
      if (check) {
        const committed = await readFile(file).catch(() => undefined)
        if (committed === undefined || !committed.equals(bytes)) different.push(`${model.folder}/${path}`)
      } else {
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, bytes)
      }
    }
    const id = manifestId(model.manifest)
    process.stdout.write(`${model.folder} ${id} ${modelCid(id)}\n`)
  }
  if (different.length > 0) {
    process.stderr.write(
      `expected the committed files, got other bytes for: ${different.join(', ')}\nrun: node devnet/models/build.ts\n`,
    )
    process.exitCode = 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.includes('--check'))
