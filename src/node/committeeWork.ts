import { createSplitterLookup } from '../chain/index.ts'
import type { InferenceEngine, LocalModel } from '../inference/index.ts'
import {
  type Clock,
  createChannelDomain,
  type Digest,
  type Manifest,
  type Profile,
  type Random,
  type Secp256k1,
  type Signer,
} from '../protocol/index.ts'
import {
  type CheckpointGossip,
  createBatchHistory,
  createBatchSigner,
  createCheckpointGossip,
  createEvidenceGossip,
  createGrantBook,
  createRecordsDoor,
  createSettlementPool,
  createSettler,
  createVerifier,
  createVerifierJournal,
  createVoteGossip,
  type EvidenceGossip,
  type RecordsDoor,
  type RoleLogger,
  SettledStore,
  seatEntitlement,
  type Verifier,
  type VoteGossip,
} from '../roles/index.ts'
import type { Store } from '../store/index.ts'
import type { NodeParts } from './node.ts'

/** What every role that takes part in committees shares: topics and the door of `/records`, one of each per process. */
export interface CommitteeTraffic {
  readonly door: RecordsDoor
  readonly checkpoints: CheckpointGossip
  readonly votes: VoteGossip
  readonly evidence: EvidenceGossip
  start(): Promise<void>
  stop(): Promise<void>
}

export interface CommitteeWorkComponents extends NodeParts {
  readonly store: Store
  readonly signer: Signer
  readonly crypto: Secp256k1
  readonly random: Random
  readonly clock: Clock
  readonly logger: RoleLogger
}

export function createCommitteeTraffic(components: CommitteeWorkComponents): CommitteeTraffic {
  const { domain, committee, directory } = components
  const evidence = createEvidenceGossip(components, { domain })
  const shared = { ...components, evidence }
  const door = createRecordsDoor(components, {
    networkId: domain.networkId,
    entitled: seatEntitlement({ committee, directory }),
  })
  const checkpoints = createCheckpointGossip(shared, components)
  const votes = createVoteGossip(shared, components)
  return {
    door,
    checkpoints,
    votes,
    evidence,
    start: async () => {
      await evidence.start()
      door.start()
      checkpoints.start()
      votes.start()
    },
    stop: async () => {
      checkpoints.stop()
      votes.stop()
      await evidence.stop()
    },
  }
}

export function composeVerifier(
  components: CommitteeWorkComponents,
  traffic: CommitteeTraffic,
  init: {
    readonly profile: Profile
    readonly engine: InferenceEngine | undefined
    readonly models: readonly LocalModel[]
    readonly replays: number
  },
): Verifier {
  const { domain, store, signer } = components
  const { network } = components.chain
  const manifests = new Map<Digest, Manifest>(init.models.map(({ id, manifest }) => [id, manifest]))
  return createVerifier(
    {
      ...components,
      ...traffic,
      grants: createGrantBook(components, { domain }),
      payments: {
        domain: createChannelDomain(domain.chainId, network.contracts.paymentChannels),
        token: network.contracts.opg,
        splitterOf: createSplitterLookup(components.chain),
      },
      journal: createVerifierJournal({ store }, { verifier: signer.address }),
      manifestOf: (model) => manifests.get(model),
      operator: signer,
      ...(init.engine === undefined ? {} : { engine: init.engine }),
    },
    { domain, profile: init.profile, parameters: components.parameters, replays: init.replays },
  )
}

/** Settlement as a signer (every verifier) and, where the process plays it, as a settler (R19, R20). */
export async function startSettlement(
  components: CommitteeWorkComponents,
  traffic: CommitteeTraffic,
  init: { readonly verifier: Verifier | undefined; readonly settles: boolean },
): Promise<() => Promise<void>> {
  const { domain, parameters, store } = components
  const settled = new SettledStore(store)
  const shared = { ...components, store: settled }
  const pool = createSettlementPool(
    { ...shared, records: async (checkpoint) => init.verifier?.records(checkpoint) },
    { domain, parameters },
  )
  traffic.checkpoints.onCheckpoint((signed, digest) => pool.addCheckpoint(signed, digest))
  traffic.votes.onVotes((bundle) => pool.addVotes(bundle))
  await pool.start()
  const history = createBatchHistory(shared, { domain })
  await history.start()
  history.onAnchored((batch) => pool.forget(batch.leaves.map(({ checkpoint }) => checkpoint)))
  const signer = init.verifier === undefined ? undefined : createBatchSigner({ ...shared, pool, history }, shared)
  signer?.start()
  const settler = init.settles ? createSettler({ ...shared, pool, history, own: signer }, shared) : undefined
  await settler?.start()
  return async () => {
    await settler?.stop()
    await history.stop()
    await pool.stop()
  }
}
