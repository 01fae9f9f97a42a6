import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The folder of other people's documents, never part of the repository; undefined where nobody gave it. */
export const VECTORS = process.env.OPG_VECTORS

/** Bytes of one of them, by its path under the folder. Throws where there is none. */
export async function readVector(path: string): Promise<Uint8Array> {
  if (VECTORS === undefined) throw new RangeError('expected OPG_VECTORS to name the folder of vectors')
  return Uint8Array.from(await readFile(join(VECTORS, path)))
}
