import type { ChainClient } from '../../chain/index.ts'
import {
  type Address,
  type Clock,
  type Digest,
  type Domain,
  digestOf,
  dropOldest,
  fail,
  ok,
  SESSION_GRANT,
  type SignedGrant,
} from '../../protocol/index.ts'
import type { JudgedGrant } from '../../verification/index.ts'
import type { GrantChecker, GrantProblem } from '../grants.ts'
import type { PeerDirectory } from '../peerDirectory.ts'
import type { Sync } from '../sync.ts'

/** Grants that records name, and what they are worth (R4 to R6). */
export interface GrantBook {
  /** One that came on a link; kept when it carries evidence, judged when it is needed. */
  add(signed: SignedGrant): void
  /** Undefined: it cannot be had or judged now. */
  judge(grant: Digest, operator: Address): Promise<JudgedGrant | undefined>
  judged(grant: Digest): JudgedGrant | undefined
  signed(grant: Digest): SignedGrant | undefined
}

export interface GrantBookComponents {
  readonly grants: GrantChecker
  readonly sync: Sync
  readonly directory: Pick<PeerDirectory, 'peerOf'>
  readonly chain: Pick<ChainClient, 'head'>
  readonly clock: Clock
}

/** Grants of a day of some hundred operators. */
const MAX_GRANTS = 256
/** With evidence, which is up to 540 kB each: the memory that strangers can fill. */
const MAX_SIGNED_GRANTS = 96

export function createGrantBook(components: GrantBookComponents, init: { readonly domain: Domain }): GrantBook {
  return new StoredGrants(components, init.domain)
}

class StoredGrants implements GrantBook {
  readonly #c: GrantBookComponents
  readonly #domain: Domain
  readonly #signed = new Map<Digest, SignedGrant>()
  readonly #judged = new Map<Digest, JudgedGrant>()

  constructor(components: GrantBookComponents, domain: Domain) {
    this.#c = components
    this.#domain = domain
  }

  add(signed: SignedGrant): void {
    if (signed.evidence === undefined) return
    const digest = digestOf(this.#domain, SESSION_GRANT, signed.grant)
    if (this.#signed.has(digest)) return
    this.#signed.set(digest, signed)
    dropOldest(this.#signed, MAX_SIGNED_GRANTS)
  }

  judged(grant: Digest): JudgedGrant | undefined {
    return this.#judged.get(grant)
  }

  signed(grant: Digest): SignedGrant | undefined {
    return this.#signed.get(grant)
  }

  async judge(grant: Digest, operator: Address): Promise<JudgedGrant | undefined> {
    const known = this.#judged.get(grant)
    if (known !== undefined) return known
    const held = this.#signed.get(grant)
    const signed = held ?? (await this.#pull(grant, operator))
    if (signed === undefined) return undefined
    let verdict = await this.#verdict(signed)
    if (held !== undefined && verdict?.ok === false && verdict.error === 'bad-evidence') {
      verdict = (await this.#secondOpinion(grant, operator)) ?? verdict
    }
    if (verdict === undefined) {
      this.#signed.delete(grant)
      return undefined
    }
    const judged = { grant: signed.grant, digest: grant, verdict }
    this.#judged.set(grant, judged)
    dropOldest(this.#judged, MAX_GRANTS)
    return judged
  }

  /** The grant commits to the document alone: block, collateral and GPU of a copy from a stranger may be the stranger's. */
  async #secondOpinion(grant: Digest, operator: Address): Promise<JudgedGrant['verdict'] | undefined> {
    const held = this.#signed.get(grant)
    this.#signed.delete(grant)
    const own = await this.#pull(grant, operator)
    if (own !== undefined) return await this.#verdict(own)
    if (held !== undefined) this.#signed.set(grant, held)
    return undefined
  }

  async #pull(grant: Digest, operator: Address): Promise<SignedGrant | undefined> {
    const peer = this.#c.directory.peerOf(operator)
    if (peer === undefined) return undefined
    const answer = await this.#c.sync.ask(peer, { kind: 'grantRequest', value: { grant } }, 'grant')
    if (!answer.ok || digestOf(this.#domain, SESSION_GRANT, answer.value.grant.grant) !== grant) return undefined
    this.add(answer.value.grant)
    return this.#signed.get(grant)
  }

  /** Undefined where another copy, or a chain that is further on, may say otherwise. */
  async #verdict(signed: SignedGrant): Promise<JudgedGrant['verdict'] | undefined> {
    const { grants, chain, clock } = this.#c
    const { grant, evidence } = signed
    // A grant is judged as of its own time, since what it covered may be checked after it ended.
    const checked = await grants.check(signed, Math.min(clock(), grant.notAfter - 1))
    if (checked.ok) return ok({ assurance: checked.value.assurance, notChecked: checked.value.notChecked })
    const isBehind = checked.error.code === 'evidence-block' && (evidence?.blockNumber ?? 0) > chain.head().number
    return isBehind ? undefined : faultOf(checked.error)
  }
}

/** The signature covers the evidence's digest, not its bytes: wrong bytes are the sender's fault, not the operator's. */
function faultOf({ code }: GrantProblem): JudgedGrant['verdict'] | undefined {
  switch (code) {
    case 'evidence-missing':
    case 'evidence-digest':
    case 'policy-unavailable':
      return undefined
    case 'bad-grant':
    case 'grant-not-yet-valid':
    case 'grant-expired':
      return fail('bad-grant')
    case 'stale-policy':
    case 'measurement-refused':
    case 'assurance-refused':
    case 'chip-revoked':
    case 'certificate-revoked':
    case 'tcb-status-refused':
    case 'tcb-below-floor':
    case 'tcb-floor-missing':
    case 'too-few-vendors':
    case 'debug':
      return fail('stale-policy')
    default:
      return fail('bad-evidence')
  }
}
