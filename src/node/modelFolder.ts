import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalModel } from '../inference/index.ts'
import {
  type Digest,
  MANIFEST_LIMITS,
  MANIFEST_PATH,
  manifestId,
  parseManifest,
  parseModelId,
  toError,
} from '../protocol/index.ts'
import { NodeError } from './errors.ts'

/** Reads the manifest of a model folder; the files it names are verified when an engine loads them. Throws NodeError or ManifestError. */
export async function readModelFolder(directory: string): Promise<LocalModel> {
  const path = join(directory, MANIFEST_PATH)
  let bytes: Uint8Array
  try {
    const { size } = await stat(path)
    if (size > MANIFEST_LIMITS.bytes) throw new RangeError(`${size} bytes`)
    bytes = await readFile(path)
  } catch (cause) {
    throw new NodeError(
      { code: 'model-unreadable', directory },
      `expected a model folder with a ${MANIFEST_PATH} at ${directory}: ${toError(cause).message}`,
      { cause },
    )
  }
  const manifest = parseManifest(new Uint8Array(bytes))
  if (!manifest.ok) throw manifest.error
  return { id: manifestId(manifest.value), manifest: manifest.value, directory }
}

/** Every model below a folder of model folders; none when the folder is not there. */
export async function readCatalogue(directory: string): Promise<LocalModel[]> {
  let entries: string[]
  try {
    entries = (await readdir(directory, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown)
    if (error.code === 'ENOENT') return []
    throw error
  }
  return await Promise.all(entries.sort().map((name) => readModelFolder(join(directory, name))))
}

export interface NamedModel {
  readonly id: Digest
  /** Name in its manifest; undefined where only the id is known. */
  readonly name?: string
}

/**
 * The one model a person means: an id (hex or CID), the unique beginning of one, a manifest's name, or the last part of
 * one. Throws NodeError `model-unknown | model-ambiguous`.
 */
export function resolveModel<M extends NamedModel>(text: string, models: readonly M[]): M {
  const exact = models.filter(({ id, name }) => id === parseModelId(text) || name === text)
  const short = models.filter(({ name }) => name?.split('/').at(-1) === text)
  const begun = text.startsWith('0x') && text.length > 2 ? models.filter(({ id }) => id.startsWith(text)) : []
  const found = [exact, short, begun].find((matches) => matches.length > 0) ?? []
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  if (only === undefined) {
    const known = models.map(({ id, name }) => name ?? id)
    throw new NodeError(
      { code: 'model-unknown', model: text, known },
      `expected a model on offer, got ${text}; known: ${known.join(', ') || 'none'}`,
    )
  }
  const matching = found.map(({ id }) => id)
  throw new NodeError(
    { code: 'model-ambiguous', model: text, matching },
    `expected one model, ${text} names ${matching.length}: ${matching.join(', ')}`,
  )
}
