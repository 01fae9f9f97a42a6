import { type Host, topicName } from '../net/index.ts'
import {
  type Address,
  type Clock,
  type Domain,
  type Parameters,
  type Secp256k1,
  toError,
  type VoteBundle,
} from '../protocol/index.ts'
import { encodeGossip, maxBytes } from '../wire/index.ts'
import type { CommitteeLookup } from './committee.ts'
import type { EvidenceGossip } from './evidenceGossip.ts'
import type { RoleLogger } from './logger.ts'
import { createFirstSeen } from './validators/firstSeen.ts'
import { type VoteValidatorContext, type VoteVerdict, validateVoteMessage, validateVotes } from './validators/vote.ts'

/** Votes this process hears of, each bundle judged once and told to every role (R8, R9, R14). */
export interface VoteGossip {
  start(): void
  stop(): void
  /** Own votes, already durable: to the topic and to the roles of this process. */
  publish(bundle: VoteBundle): void
  /** A bundle that was pulled. */
  add(bundle: VoteBundle): Promise<VoteVerdict>
  onVotes(listener: (bundle: VoteBundle) => void): void
}

export interface VoteGossipComponents {
  readonly host: Pick<Host, 'gossip'>
  readonly committee: Pick<CommitteeLookup, 'seatEpochAt' | 'seatHolders'>
  readonly evidence: EvidenceGossip
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly clock: Clock
  readonly logger: RoleLogger
}

const QUEUE_LENGTH = 1_024
/** Both rounds of seven seats of some thousand checkpoints. */
const MAX_PLACES = 16_384
const MAX_WAITING = 256
const WAIT_MS = 1_000
const MAX_TRIES = 10
/** Votes a checkpoint: seven, and their work. */
const BUNDLES_PER_CHECKPOINT = 14

export function createVoteGossip(
  components: VoteGossipComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): VoteGossip {
  const { host, committee, evidence, crypto, clock, logger } = components
  const { domain, parameters } = init
  const topic = topicName(domain.networkId, 'vote', 0)
  const listeners: ((bundle: VoteBundle) => void)[] = []
  let waiting: { readonly bundle: VoteBundle; tries: number }[] = []
  let timer: NodeJS.Timeout | undefined

  const holdsSeat = async (verifier: Address): Promise<boolean | undefined> => {
    const epoch = committee.seatEpochAt(clock())
    const holders = await Promise.all([committee.seatHolders(epoch), committee.seatHolders(epoch - 1)])
    if (holders.every(({ length }) => length === 0)) return undefined
    return holders.some((seats) => seats.includes(verifier))
  }
  const context: VoteValidatorContext = {
    domain,
    parameters,
    crypto,
    now: clock,
    holdsSeat,
    firstSeen: createFirstSeen(MAX_PLACES),
    openings: createFirstSeen(MAX_PLACES),
  }

  const tell = (bundle: VoteBundle): void => {
    for (const listener of listeners) listener(bundle)
  }
  const conclude = (result: VoteVerdict): VoteVerdict => {
    for (const [first, second] of result.rivals) evidence.votes(first, second)
    if (result.bundle !== undefined && result.later !== true) tell(result.bundle)
    return result
  }
  const keep = (result: VoteVerdict): VoteVerdict => {
    if (result.later === true && result.bundle !== undefined && waiting.length < MAX_WAITING) {
      waiting.push({ bundle: result.bundle, tries: 0 })
    }
    return result
  }
  const lookAgain = async (): Promise<void> => {
    const entries = waiting
    waiting = []
    for (const entry of entries) {
      entry.tries += 1
      const result = conclude(await validateVotes(entry.bundle, context))
      if (result.later === true && entry.tries < MAX_TRIES) waiting.push(entry)
    }
  }

  return {
    start: () => {
      host.gossip.subscribe(topic, async (bytes) => conclude(keep(await validateVoteMessage(bytes, context))).verdict, {
        maxBytes: maxBytes('VoteBundle'),
        queueLength: QUEUE_LENGTH,
        expectedPerSecond: parameters.checkpointsPerSecond * BUNDLES_PER_CHECKPOINT,
      })
      timer = setInterval(() => {
        lookAgain().catch((thrown) => logger.warn({ error: toError(thrown).message }, 'votes wait longer'))
      }, WAIT_MS)
      timer.unref()
    },
    stop: () => {
      clearInterval(timer)
      host.gossip.unsubscribe(topic)
    },
    publish: (bundle) => {
      tell(bundle)
      host.gossip
        .publish(topic, encodeGossip('vote', bundle))
        .catch((thrown) => logger.warn({ error: toError(thrown).message }, 'votes not gossiped'))
    },
    add: async (bundle) => conclude(keep(await validateVotes(bundle, context))),
    onVotes: (listener) => {
      listeners.push(listener)
    },
  }
}
