import type { ChainClient } from '../chain/index.ts'
import { type Host, topicName } from '../net/index.ts'
import {
  type Clock,
  type Digest,
  type Domain,
  type Parameters,
  type Secp256k1,
  type SignedCheckpoint,
  toError,
} from '../protocol/index.ts'
import { maxBytes } from '../wire/index.ts'
import type { CommitteeLookup } from './committee.ts'
import type { EvidenceGossip } from './evidenceGossip.ts'
import type { RoleLogger } from './logger.ts'
import {
  type CheckpointValidatorContext,
  type CheckpointVerdict,
  validateCheckpoint,
  validateCheckpointMessage,
} from './validators/checkpoint.ts'
import { createFirstSeen } from './validators/firstSeen.ts'

/** Checkpoints this process hears of, by whatever path, each judged once and told to every role (R8, R9). */
export interface CheckpointGossip {
  start(): void
  stop(): void
  /** One that was pushed or pulled. Resolves to the verdict; listeners hear of it when it is new and holds. */
  add(signed: SignedCheckpoint): Promise<CheckpointVerdict>
  onCheckpoint(listener: (signed: SignedCheckpoint, digest: Digest) => void): void
}

export interface CheckpointGossipComponents {
  readonly host: Pick<Host, 'gossip'>
  readonly chain: Pick<ChainClient, 'head'>
  readonly committee: Pick<CommitteeLookup, 'seatEpochAt' | 'isProvider'>
  readonly evidence: EvidenceGossip
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly clock: Clock
  readonly logger: RoleLogger
}

const QUEUE_LENGTH = 512
/** The last few of thousands of operators. */
const MAX_PLACES = 16_384
/** Those that came before their block, time or stake was known here. */
const MAX_WAITING = 256
const WAIT_MS = 1_000
const MAX_TRIES = 10

export function createCheckpointGossip(
  components: CheckpointGossipComponents,
  init: { readonly domain: Domain; readonly parameters: Parameters },
): CheckpointGossip {
  const { host, chain, committee, evidence, crypto, clock, logger } = components
  const { domain, parameters } = init
  const topic = topicName(domain.networkId, 'checkpoint', 0)
  const listeners: ((signed: SignedCheckpoint, digest: Digest) => void)[] = []
  const waiting = new Map<Digest, { readonly signed: SignedCheckpoint; tries: number }>()
  let timer: NodeJS.Timeout | undefined
  const context: CheckpointValidatorContext = {
    domain,
    parameters,
    crypto,
    now: clock,
    headNumber: () => chain.head().number,
    seatEpochAt: (ms) => committee.seatEpochAt(ms),
    isStaked: (operator, epoch) => committee.isProvider(operator, epoch),
    firstSeen: createFirstSeen(MAX_PLACES),
  }

  const conclude = (result: CheckpointVerdict): CheckpointVerdict => {
    const { verdict, signed, digest, rival, later } = result
    if (signed === undefined || digest === undefined) return result
    if (rival !== undefined) evidence.checkpoints(rival, signed)
    if (later === true) {
      if (waiting.size < MAX_WAITING && !waiting.has(digest)) waiting.set(digest, { signed, tries: 0 })
    } else waiting.delete(digest)
    if (verdict.action === 'accept') for (const listener of listeners) listener(signed, digest)
    return result
  }

  const lookAgain = async (): Promise<void> => {
    for (const [digest, entry] of waiting) {
      entry.tries += 1
      const result = conclude(await validateCheckpoint(entry.signed, context))
      if (result.later !== true || entry.tries >= MAX_TRIES) waiting.delete(digest)
    }
  }

  return {
    start: () => {
      host.gossip.subscribe(topic, async (bytes) => conclude(await validateCheckpointMessage(bytes, context)).verdict, {
        maxBytes: maxBytes('SignedCheckpoint'),
        queueLength: QUEUE_LENGTH,
        expectedPerSecond: parameters.checkpointsPerSecond,
      })
      timer = setInterval(() => {
        lookAgain().catch((thrown) => logger.warn({ error: toError(thrown).message }, 'checkpoints wait longer'))
      }, WAIT_MS)
      timer.unref()
    },
    stop: () => {
      clearInterval(timer)
      host.gossip.unsubscribe(topic)
    },
    add: async (signed) => conclude(await validateCheckpoint(signed, context)),
    onCheckpoint: (listener) => {
      listeners.push(listener)
    },
  }
}
