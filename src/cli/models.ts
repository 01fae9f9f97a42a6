import { gatherOffers, isNodeError, type OpgNode, readCatalogue, resolveModel } from '../node/index.ts'
import type { Digest, Manifest } from '../protocol/index.ts'
import type { CliContext } from './context.ts'
import { CliError, interrupted } from './errors.ts'

const OFFERS_WAIT_MS = 10_000
const OFFERS_QUIET_MS = 300
const MORE_OFFERS_QUIET_MS = 2_000

export interface OfferedModel {
  readonly id: Digest
  /** Undefined where the home has none of it. */
  readonly manifest: Manifest | undefined
}

export interface KnownModel extends OfferedModel {
  readonly manifest: Manifest
}

/** A model on offer, by id, the beginning of one, or a name that a manifest in `models` gives it. */
export async function findOffered(
  text: string,
  node: OpgNode,
  models: string,
  context: CliContext,
): Promise<OfferedModel> {
  const catalogue = await readCatalogue(models)
  const names = new Map(catalogue.map(({ id, manifest }) => [id, manifest.name]))
  context.progress('gathering offers')
  const { id } = await untilKnown(node, context, () => {
    const offered = new Set(node.parts.offers.live().flatMap(({ terms }) => terms.map(({ model }) => model)))
    return resolveModel(
      text,
      [...offered].map((each) => ({ id: each, ...named(names.get(each)) })),
    )
  })
  return { id, manifest: catalogue.find((each) => each.id === id)?.manifest }
}

/** As `findOffered`, with its manifest: the input is fitted to it before anything leaves. */
export async function findModel(text: string, node: OpgNode, models: string, context: CliContext): Promise<KnownModel> {
  const { id, manifest } = await findOffered(text, node, models, context)
  if (manifest !== undefined) return { id, manifest }
  throw new CliError({
    code: 'manifest-unknown',
    message: `expected the manifest of ${id} in ${models}, there is none`,
    hint: `put the model's manifest.json into a folder below ${models}`,
  })
}

const named = (name: string | undefined): { readonly name?: string } => (name === undefined ? {} : { name })

/** The first peers may know other models only: an unknown one is looked for once more, and longer. */
async function untilKnown<T>(node: OpgNode, { signal }: CliContext, resolve: () => T): Promise<T> {
  await gatherOffers(node, { waitMs: OFFERS_WAIT_MS, quietMs: OFFERS_QUIET_MS, signal })
  if (signal.aborted) throw interrupted()
  try {
    return resolve()
  } catch (thrown) {
    if (!isNodeError(thrown, 'model-unknown')) throw thrown
  }
  await gatherOffers(node, { waitMs: OFFERS_WAIT_MS, quietMs: MORE_OFFERS_QUIET_MS, signal })
  if (signal.aborted) throw interrupted()
  return resolve()
}
