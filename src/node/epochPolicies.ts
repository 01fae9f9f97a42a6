import type { Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  commitmentOf,
  defaultPolicyFile,
  type EpochPolicy,
  type EvidencePolicy,
  MAX_POLICY_BYTES,
  measurementDigest,
  narrowed,
  type PolicyFile,
  parseEpochPolicy,
  parsePolicyFile,
  policyUnder,
  verifyCommitment,
} from '../attestation/index.ts'
import { type ChainClient, ChainError, type PublishedPolicy, readAllowed, readPolicy } from '../chain/index.ts'
import {
  type Clock,
  type Digest,
  dropOldest,
  EVIDENCE_KIND,
  fail,
  ok,
  type Profile,
  sha256,
  toError,
} from '../protocol/index.ts'
import { type GrantPolicies, onePolicy } from '../roles/index.ts'
import type { NodeConfig } from './config.ts'
import { MAX_CONFIG_BYTES } from './constants.ts'
import { NodeError } from './errors.ts'
import type { Home } from './home.ts'
import type { NodeLogger } from './logger.ts'

/** The guardian may revoke a program in the epoch that runs: the chain is asked again after this, ms. */
const REFRESH_MS = 60_000
/** And after this where it, or the folder, could not answer, ms. */
const RETRY_MS = 5_000
/** Epochs kept: grants live a day, which is two epochs, and on a devnet some hundred. */
const MAX_EPOCHS = 256
/** Documents of a folder: policies change in weeks. */
const MAX_DOCUMENTS = 64

const unreadable = (path: string, expected: string, got: string, cause?: unknown): NodeError =>
  new NodeError({ code: 'policy-unreadable', path, expected, got }, `${path}: expected ${expected}, got ${got}`, {
    cause,
  })

/** The evidence policy of a configuration: its own, its file's, or its profile's. Throws NodeError `policy-unreadable`. */
export async function readPolicyFile(
  home: Home,
  { evidence }: Pick<NodeConfig, 'evidence'>,
  profile: Profile,
): Promise<PolicyFile> {
  if (evidence === undefined) return defaultPolicyFile(profile)
  if (typeof evidence !== 'string') return evidence
  const path = home.path(evidence)
  const text = new TextDecoder().decode(await readBounded(path, MAX_CONFIG_BYTES))
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (thrown) {
    throw unreadable(path, 'JSON', toError(thrown).message)
  }
  const parsed = parsePolicyFile(json)
  if (parsed.ok) return parsed.value
  const { detail, message } = parsed.error
  throw 'expected' in detail ? unreadable(path, detail.expected, detail.got) : unreadable(path, 'a policy', message)
}

export interface EpochPolicies extends GrantPolicies {
  /** To be called before a node starts. Throws NodeError `policy-mismatch` or `policy-unreadable`, or ChainError. */
  assertAt(epoch: number): Promise<void>
}

export interface EpochPoliciesComponents {
  readonly chain: Pick<ChainClient, 'query' | 'network'>
  readonly clock: Clock
  readonly logger: Pick<NodeLogger, 'warn'>
}

export interface EpochPoliciesInit {
  readonly file: PolicyFile
  readonly profile: Profile
  /** A policy document, or a folder of them; undefined: none is at hand. */
  readonly documents: string | undefined
}

/** A node's policy alone, or with the source `chain` what is stricter of it and the epoch's (R14). */
export function createEpochPolicies(components: EpochPoliciesComponents, init: EpochPoliciesInit): EpochPolicies {
  if (init.file.source === 'chain') return new ChainPolicies(components, init)
  return { ...onePolicy(policyUnder(init.file, init.profile)), assertAt: async () => undefined }
}

type Answer = Awaited<ReturnType<GrantPolicies['at']>>

interface Resolved {
  readonly policy: EvidencePolicy
  /** What the policy follows from. */
  readonly source: string
  readonly readAt: number
}

class ChainPolicies implements EpochPolicies {
  readonly #c: EpochPoliciesComponents
  readonly #init: EpochPoliciesInit
  readonly #resolved = new Map<number, Resolved>()
  readonly #failed = new Map<number, { readonly at: number; readonly answer: Answer }>()
  #documents: ReadonlyMap<Digest, EpochPolicy> = new Map()

  constructor(components: EpochPoliciesComponents, init: EpochPoliciesInit) {
    this.#c = components
    this.#init = init
  }

  async at(epoch: number): Promise<Answer> {
    const known = this.#resolved.get(epoch)
    if (known !== undefined && this.#c.clock() - known.readAt < REFRESH_MS) return ok(known.policy)
    const failed = this.#failed.get(epoch)
    if (failed !== undefined && this.#c.clock() - failed.at < RETRY_MS) return failed.answer
    try {
      const policy = await this.#resolve(epoch)
      this.#failed.delete(epoch)
      return ok(policy)
    } catch (thrown) {
      if (!(thrown instanceof ChainError || thrown instanceof NodeError)) throw thrown
      this.#c.logger.warn({ epoch, error: thrown.message }, 'the policy of this epoch cannot be told')
      // What was trusted before the chain went silent stays so; a document that does not match never is.
      const keeps = known !== undefined && thrown instanceof ChainError
      const answer = keeps ? ok(known.policy) : fail({ code: 'policy-unavailable', message: thrown.message })
      keepNewest(this.#failed, epoch, { at: this.#c.clock(), answer })
      return answer
    }
  }

  async assertAt(epoch: number): Promise<void> {
    await this.#resolve(epoch)
  }

  async #resolve(epoch: number): Promise<EvidencePolicy> {
    const published = await readPolicy(this.#c.chain, epoch)
    const inForce = published === undefined ? undefined : await this.#inForce(published, epoch)
    const source = inForce === undefined ? 'none' : commitmentOf(inForce).root
    const known = this.#resolved.get(epoch)
    const isSame = known?.source === source
    if (published === undefined && !isSame) {
      this.#c.logger.warn({ epoch }, 'no policy is published for this epoch; the node’s own alone decides')
    }
    const policy = isSame ? known.policy : policyUnder(this.#init.file, this.#init.profile, inForce)
    keepNewest(this.#resolved, epoch, { policy, source, readAt: this.#c.clock() })
    return policy
  }

  /** The document the chain names, with the programs the registry lets count in the epoch. */
  async #inForce(published: PublishedPolicy, epoch: number): Promise<EpochPolicy> {
    const document = await this.#documentOf(published, epoch)
    const names = document.measurements.map((entry) => ({
      kind: EVIDENCE_KIND[entry.kind],
      digest: measurementDigest(entry),
    }))
    const allowed = await readAllowed(this.#c.chain, names, epoch)
    const counting = document.measurements.filter((_, index) => allowed[index] === true)
    return { ...document, measurements: [...narrowed(document.measurements, counting)] }
  }

  async #documentOf(published: PublishedPolicy, epoch: number): Promise<EpochPolicy> {
    const path = this.#init.documents
    if (!this.#documents.has(published.digest) && path !== undefined) this.#documents = await readDocuments(path)
    const document = this.#documents.get(published.digest)
    if (document === undefined) throw mismatched(epoch, published.digest, this.#held(path))
    const verified = verifyCommitment(document, published)
    if (!verified.ok) throw mismatched(epoch, published.root, verified.error.message)
    return document
  }

  #held(path: string | undefined): string {
    if (path === undefined) return 'none; set policy in config.json to the document that was published'
    return `${[...this.#documents.keys()].join(', ') || 'none'} at ${path}; get the document that was published`
  }
}

function keepNewest<T>(map: Map<number, T>, epoch: number, value: T): void {
  map.delete(epoch)
  map.set(epoch, value)
  dropOldest(map, MAX_EPOCHS)
}

const mismatched = (epoch: number, expected: string, got: string): NodeError =>
  new NodeError(
    { code: 'policy-mismatch', epoch, expected, got },
    `expected the policy that the chain names for epoch ${epoch}, ${expected}, got ${got}`,
  )

/** Policy documents by the SHA-256 of their bytes. Throws NodeError `policy-unreadable`. */
async function readDocuments(path: string): Promise<Map<Digest, EpochPolicy>> {
  const found = await statOf(path, 'a policy document or a folder of them')
  const paths = found.isDirectory() ? await documentsIn(path) : [path]
  const documents = new Map<Digest, EpochPolicy>()
  for (const each of paths) {
    const bytes = await readBounded(each, MAX_POLICY_BYTES)
    const parsed = parseEpochPolicy(bytes)
    if (!parsed.ok) throw unreadable(each, 'a policy document', parsed.error.message)
    documents.set(sha256(bytes), parsed.value)
  }
  return documents
}

async function documentsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  if (names.length <= MAX_DOCUMENTS) return names.map((name) => join(folder, name))
  throw unreadable(folder, `at most ${MAX_DOCUMENTS} documents`, `${names.length}`)
}

async function readBounded(path: string, most: number): Promise<Uint8Array> {
  const found = await statOf(path, 'a file')
  if (!found.isFile()) throw unreadable(path, 'a file', 'nothing')
  if (found.size > most) throw unreadable(path, `at most ${most} bytes`, `${found.size} bytes`)
  return new Uint8Array(await readFile(path))
}

async function statOf(path: string, expected: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (thrown) {
    const { code = 'no answer' }: NodeJS.ErrnoException = toError(thrown)
    throw unreadable(path, expected, code === 'ENOENT' ? 'nothing' : code, thrown)
  }
}
