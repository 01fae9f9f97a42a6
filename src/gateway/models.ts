import {
  type GatewayConfig,
  isNodeError,
  type NamedModel,
  type NodeParts,
  readCatalogue,
  readModelFolder,
  resolveModel,
} from '../node/index.ts'
import {
  type Clock,
  type Digest,
  fail,
  type Manifest,
  ok,
  PRIVACY,
  type RankedOffer,
  type Result,
  rankOffers,
  TIER,
} from '../protocol/index.ts'
import type { Problem } from './http/problem.ts'
import type { Priced } from './pricing.ts'
import { problem } from './problems.ts'

export interface ServedModel {
  readonly id: Digest
  readonly manifest: Manifest
}

/** What can be asked here: models on offer in the network, and those whose manifests lie on this machine. */
export interface Models {
  /** By id, CID, unique beginning of an id, or name. Problems `model-unknown | model-ambiguous | manifest-unknown`. */
  find(text: string): Promise<Result<ServedModel, Problem>>
  /** Models that are on offer and whose manifests are known. */
  onOffer(): readonly ServedModel[]
  isOffered(id: Digest): boolean
  /** The cheapest live offer for a request; undefined where there is none. */
  best(priced: Priced): RankedOffer | undefined
}

export interface ModelsInit {
  /** Folder of model folders. */
  readonly catalogue: string
  /** Model folders elsewhere. */
  readonly folders: readonly string[]
}

/** An id on offer without a manifest may have got one since; the folders are read again, at most so often, ms. */
const REREAD_MS = 5_000

/** Throws what reading a model folder throws. */
export async function createModels(
  components: Pick<NodeParts, 'offers' | 'domain'> & { readonly clock: Clock },
  init: ModelsInit,
): Promise<Models> {
  const { offers, domain, clock } = components
  let known = await readManifests(init)
  let readAt = clock()
  const offered = (): Set<Digest> => new Set(offers.live().flatMap(({ terms }) => terms.map(({ model }) => model)))
  const named = (): NamedModel[] => {
    const ids = new Set([...offered(), ...known.keys()])
    return [...ids].map((id) => ({ id, ...nameOf(known.get(id)) }))
  }
  return {
    find: async (text) => {
      const found = resolve(text, named())
      if (!found.ok) return found
      const id = found.value
      if (!known.has(id) && clock() - readAt >= REREAD_MS) {
        readAt = clock()
        known = await readManifests(init)
      }
      const manifest = known.get(id)
      if (manifest !== undefined) return ok({ id, manifest })
      return fail(problem('manifest-unknown', 'a model whose manifest this gateway has', id))
    },
    onOffer: () =>
      [...offered()].flatMap((id) => {
        const manifest = known.get(id)
        return manifest === undefined ? [] : [{ id, manifest }]
      }),
    isOffered: (id) => offered().has(id),
    best: ({ model, tier, privacy, units }) =>
      rankOffers(domain, offers.live(), { model, tier, privacy, maxOutputUnits: units }, () => ({
        latencyMs: 0,
        reputation: 0.5,
      }))[0],
  }
}

/** The least a model can be asked for. */
export const oneUnit = (
  { id }: Pick<ServedModel, 'id'>,
  { tier, privacy }: Pick<GatewayConfig, 'tier' | 'privacy'>,
): Priced => ({ model: id, units: 1, tier: TIER[tier], privacy: PRIVACY[privacy] })

const nameOf = (manifest: Manifest | undefined): { readonly name?: string } =>
  manifest === undefined ? {} : { name: manifest.name }

async function readManifests({ catalogue, folders }: ModelsInit): Promise<Map<Digest, Manifest>> {
  const models = [...(await readCatalogue(catalogue)), ...(await Promise.all(folders.map(readModelFolder)))]
  return new Map(models.map(({ id, manifest }) => [id, manifest]))
}

function resolve(text: string, models: readonly NamedModel[]): Result<Digest, Problem> {
  try {
    return ok(resolveModel(text, models).id)
  } catch (thrown) {
    if (isNodeError(thrown, 'model-unknown')) return fail(problem('model-unknown', 'a model on offer', text))
    if (isNodeError(thrown, 'model-ambiguous')) return fail(problem('model-ambiguous', 'the name of one model', text))
    throw thrown
  }
}
