import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** The folder of other people's documents, never part of the repository; undefined where nobody gave it. */
export const VECTORS = process.env.OPG_VECTORS

const BESIDE = resolve(import.meta.dirname, '../../../shared/vectors')

/** The same for benches and the manifest runner, which nobody starts without wanting it: else what lies beside the checkout. */
export function vectorsAtHand(): string | undefined {
  return VECTORS ?? (existsSync(BESIDE) ? BESIDE : undefined)
}

/** Bytes of one of them, by its path under the folder. Throws where there is none. */
export async function readVector(path: string, folder = VECTORS): Promise<Uint8Array> {
  if (folder === undefined) throw new RangeError('expected OPG_VECTORS to name the folder of vectors')
  return Uint8Array.from(await readFile(join(folder, path)))
}
