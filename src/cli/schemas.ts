import { z } from 'zod'
import { type DocumentKind, REPORT_DATA_BYTES } from '../node/index.ts'

/** The `--json` contract: what each command puts beside `ok`. docs/cli.md is written from here, and tests parse real output with it. */

const digest = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .describe('0x and 64 lower-case hex digits')
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .describe('address in EIP-55')
const amount = z
  .string()
  .regex(/^[0-9]+$/)
  .describe('decimal string in the smallest unit')
const count = z.int().min(0)
const milliseconds = z.int().min(0).describe('ms since 1970')
const ok = z.literal(true)

export const errorSchema = z.strictObject({
  ok: z.literal(false),
  error: z.strictObject({
    code: z.string().describe('from a closed set, the same in logs and metrics'),
    message: z.string(),
    expected: z.string().optional(),
    got: z.string().optional(),
    hint: z.string().optional().describe('what to try next'),
  }),
})

const seconds = count.describe('s since 1970')
const channelMembers = {
  channel: digest,
  payer: address,
  payerAuthorizer: address.describe('the key that signs vouchers'),
  provider: address,
  splitter: address,
  token: address,
  withdrawDelay: count.describe('s'),
  balance: amount,
  claimed: amount,
  unclaimed: amount,
  withdrawal: z.strictObject({ amount, finalizableAt: seconds }).nullable(),
  authorized: amount.nullable().describe('by own books; null where they do not know the channel'),
  charged: amount.nullable(),
  openJobs: count.nullable(),
}
const channelSent = z.strictObject({
  ok,
  transaction: digest.nullable(),
  amount: amount.nullable(),
  state: z.strictObject(channelMembers),
})
const roles = z.array(z.enum(['requester', 'provider', 'verifier', 'settler', 'host']))
const ready = {
  operator: address,
  peerId: z.string(),
  roles,
  addresses: z.array(z.string()),
  metrics: z.string().optional(),
}

const devnet = {
  directory: z.string(),
  rpc: z.string(),
  network: z.string(),
  networkId: digest,
  processes: z.array(
    z.strictObject({
      name: z.string(),
      state: z.enum(['running', 'stopped']),
      pid: z.int().optional(),
      home: z.string().optional(),
      operator: address.optional(),
      addresses: z.array(z.string()).optional(),
      metrics: z.string().optional(),
    }),
  ),
}

const batch = z.strictObject({
  number: count,
  digest,
  previous: digest,
  epoch: count,
  settler: address,
  leaves: count,
  jobs: count,
  rejected: count,
  acceptedFee: amount,
  mac: amount,
  cutoff: milliseconds,
  signers: count,
  transaction: digest,
  block: count,
  gasUsed: amount,
  confidence: z.enum(['head', 'safe', 'finalized', 'reorganised']),
})

const tensor = z.strictObject({
  dtype: z.string(),
  shape: z.array(count),
  data: z.array(z.union([z.number(), z.string(), z.boolean()])),
})

/** By command line; a second line of a stream stands after a slash. */
const sent = { ok, transaction: digest }
const stakeAccount = z.strictObject({
  operator: address,
  currentKey: address.describe('the key it was rotated to, itself when it was not'),
  owner: address.nullable(),
  payout: address.nullable(),
  frozen: z.boolean(),
  epoch: count,
  votes: z.strictObject({ staked: amount, delegate: address.nullable() }),
  roles: z.array(
    z.strictObject({
      role: z.enum(['provider', 'verifier', 'settler']),
      minimum: amount,
      staked: amount,
      matured: amount.describe('counts in the present epoch'),
      countsFrom: count.nullable().describe('first epoch in which all of it counts; null: now'),
      held: amount.describe('kept by open cases'),
      unbonding: z.array(z.strictObject({ amount, releaseAt: count.describe('seconds since 1970') })),
    }),
  ),
})

const proposal = z.strictObject({
  number: z.int().positive().describe('in the order they were made'),
  id: z.string().regex(/^[0-9]+$/),
  state: z.enum(['pending', 'active', 'cancelled', 'defeated', 'succeeded', 'queued', 'expired', 'executed']),
  title: z.string(),
  description: z.string(),
  proposer: address,
  snapshot: count.describe('seconds since 1970; votes are those of this second'),
  deadline: count.describe('seconds since 1970'),
  executableFrom: count.nullable().describe('seconds since 1970; null: not queued'),
  votes: z.strictObject({ for: amount, against: amount, abstain: amount }),
  quorum: amount,
  actions: z.array(z.strictObject({ target: address, value: amount, data: z.string() })),
})
const proposalSent = z.strictObject({ ...sent, proposal })

const rewardRoot = z.strictObject({
  number: z.int().positive(),
  epoch: count,
  root: digest,
  leaves: count,
  cumulative: amount,
  finalAt: count.describe('seconds since 1970'),
})
const registeredModel = z.strictObject({
  id: digest,
  name: z.string(),
  line: digest.describe('id of its first version'),
  owner: address,
  pendingOwner: address.nullable(),
  version: z.int().positive(),
  versions: z.int().positive(),
  previous: digest.nullable(),
  head: digest.describe('the newest version'),
  payee: address.nullable().describe('null: the treasury'),
  registeredAt: count.describe('seconds since 1970'),
  deprecation: z
    .strictObject({
      reason: z.enum(['superseded', 'defect', 'security', 'licence', 'withdrawn']),
      successor: digest.nullable(),
    })
    .nullable(),
})
const modelSent = z.strictObject({ ...sent, model: registeredModel })

const hex = z.string().regex(/^0x(?:[0-9a-f]{2})*$/)
const evidenceKind = z.enum(Object.keys(REPORT_DATA_BYTES) as [DocumentKind, ...DocumentKind[]])
const checks = z.array(z.string())

const answer = z.strictObject({
  ok,
  jobId: digest,
  model: digest,
  name: z.string(),
  provider: address,
  requester: address,
  mode: z.enum(['local', 'buffered', 'quorum']),
  tier: z.string(),
  privacy: z.string(),
  outputs: z.record(z.string(), tensor),
  assurance: z.string(),
  statement: z.string().describe('what was checked, in words'),
  verdict: z.strictObject({ status: z.string(), votes: count, committee: count }).optional(),
  notChecked: z.array(z.string()),
  status: z.string(),
  units: count,
  fee: amount,
  payment: z.string(),
  charged: amount.optional().describe('fees of all jobs of the channel; absent on an unpaid job'),
  authorized: amount.optional().describe('the highest voucher of the channel; absent on an unpaid job'),
  timings: z.strictObject({
    firstChunkMs: count,
    receiptMs: count,
    quorumMs: count.optional(),
    verifiedMs: count.describe('when the last condition of the mode held'),
  }),
  receipt: z.string().describe('path of the receipt file'),
  batch: count.optional().describe('with --anchored'),
})

export const resultSchemas = {
  init: z.strictObject({
    ok,
    home: z.string(),
    network: z.string(),
    networkId: digest,
    operator: address,
    key: z.string(),
  }),
  'wallet create': z.strictObject({ ok, address, file: z.string() }),
  'wallet show': z.strictObject({
    ok,
    address,
    file: z.string(),
    opg: amount,
    ether: amount,
    votes: z.strictObject({ held: amount, staked: amount }),
    delegate: address.nullable(),
  }),
  'stake show': stakeAccount.extend({ ok }),
  'stake register': z.strictObject({ ...sent, stake: stakeAccount }),
  'stake add': z.strictObject({ ...sent, countsFrom: count, countsFromTime: count, stake: stakeAccount }),
  'stake remove': z.strictObject({ ...sent, releaseAt: count, stake: stakeAccount }),
  'stake withdraw': z.strictObject({ ...sent, amount, stake: stakeAccount }),
  'stake payout': z.strictObject({ ...sent, stake: stakeAccount }),
  'stake freeze': z.strictObject({ ...sent, stake: stakeAccount }),
  'stake rotate': z.strictObject({ ...sent, stake: stakeAccount }),
  'committee show': z.strictObject({
    ok,
    epoch: count,
    openedIn: count.nullable().describe('null: no set signs'),
    signingWeight: amount,
    seats: z.array(z.strictObject({ seat: count, verifier: address, weight: amount, signs: z.boolean() })),
    active: z.array(address),
    operator: address,
    signs: z.boolean(),
  }),
  'committee join': z.strictObject({ ...sent, place: count, evicted: address.nullable() }),
  'committee open': z.strictObject({ ...sent, epoch: count }),
  'gov list': z.strictObject({ ok, proposals: z.array(proposal) }),
  'gov show': z.strictObject({ ok, proposal }),
  'gov params': z.strictObject({
    ok,
    params: z.array(
      z.strictObject({
        name: z.string(),
        value: count.describe('basis points'),
        least: count,
        most: count,
        announced: z.strictObject({ value: count, effectiveAt: count }).nullable(),
      }),
    ),
    modules: z.array(
      z.strictObject({
        name: z.string(),
        target: address.nullable(),
        paused: z.boolean(),
        announced: z.strictObject({ target: address.nullable(), effectiveAt: count }).nullable(),
      }),
    ),
    guardian: address.nullable(),
    guardianEnd: count,
    changeDelay: count,
  }),
  'gov propose': proposalSent,
  'gov vote': proposalSent,
  'gov queue': proposalSent,
  'gov execute': proposalSent,
  'gov cancel': proposalSent,
  'gov delegate': z.strictObject({ ok, delegate: address, transactions: z.array(digest) }),
  'rewards show': z.strictObject({
    ok,
    final: rewardRoot.nullable(),
    waiting: z.array(rewardRoot),
    budget: z.strictObject({ epoch: count, fees: amount, emission: amount, carried: amount }),
    owed: amount,
    releasable: amount,
    account: address,
    claimed: amount,
    splitter: address,
    splitterMade: z.boolean(),
    splitterOwes: z.strictObject({ provider: amount, network: amount }),
  }),
  'channel list': z.strictObject({ ok, channels: z.array(z.strictObject(channelMembers)) }),
  'channel show': z.strictObject({ ok, ...channelMembers }),
  'channel open': channelSent,
  'channel top-up': channelSent,
  'channel refund': channelSent,
  'channel withdraw': channelSent.extend({ finalizableAt: seconds }),
  'channel finalize': channelSent,
  'channel claim': z.strictObject({
    ok,
    rows: count,
    claimed: amount,
    transaction: digest.nullable(),
    distribution: digest.nullable(),
  }),
  'channel export': z.strictObject({ ok, files: z.array(z.string()) }),
  'channel watch': z.strictObject({
    ok,
    channels: count,
    claims: z.array(z.strictObject({ transaction: digest, rows: count })),
  }),
  'rewards claim': z.strictObject({ ...sent, account: address, amount }),
  'rewards distribute': z.strictObject({ ...sent, splitter: address }),
  'rewards release': z.strictObject({ ...sent, amount }),
  'model show': z.strictObject({ ok, model: registeredModel }),
  'model register': modelSent,
  'model deprecate': modelSent,
  'model payee': modelSent,
  'model offer': modelSent,
  'model accept': modelSent,
  'node start / ready': z.strictObject({ event: z.literal('ready'), ...ready }),
  'node start': z.strictObject({ ok, event: z.literal('stopped') }),
  'node status': z.strictObject({
    ok,
    version: z.string(),
    network: z.string(),
    networkId: digest,
    profile: z.enum(['devnet', 'production']),
    operator: address,
    peerId: z.string(),
    roles,
    addresses: z.array(z.string()),
    peers: count,
    offers: count,
    chain: z.strictObject({ block: count, safe: count, epoch: count, ageMs: count }),
    provider: z.strictObject({ grant: digest.optional(), running: count, slots: count }).optional(),
    engine: z.strictObject({ models: z.array(digest), runtimeClass: digest, pids: z.array(count) }).optional(),
  }),
  'node stop': z.strictObject({ ok, stopped: ok }),
  offers: z.strictObject({
    ok,
    payment: z.string(),
    offers: z.array(
      z.strictObject({
        model: digest,
        name: z.string().optional().describe('from a manifest in this home'),
        provider: address,
        peerId: z.string().optional(),
        addresses: z.array(z.string()),
        tiers: z.array(z.string()),
        privacy: z.array(z.string()),
        assurance: z.string().describe('what this peer found the evidence worth, or why it found nothing'),
        token: address,
        price: z.strictObject({ perRequest: amount, perGMAC: amount, perSecond: amount, perGBSecond: amount }),
        ceiling: amount.describe('the most one output unit can cost'),
        maxOutputUnits: count,
        validUntil: milliseconds,
      }),
    ),
  }),
  quote: z.strictObject({
    ok,
    model: digest,
    name: z.string().optional().describe('from a manifest in this home'),
    units: count,
    mode: z.enum(['local', 'buffered', 'quorum']),
    tier: z.string(),
    privacy: z.string(),
    wallet: z
      .strictObject({
        address,
        opg: amount.describe('what it holds'),
        perJob: amount,
        dayLeft: amount.describe('of the UTC day, less what is spent and reserved'),
        keyLeft: amount.describe("of the voucher key's life"),
      })
      .nullable()
      .describe('null: jobs are asked unpaid'),
    offers: z.array(
      z.strictObject({
        provider: address,
        token: address,
        ceiling: amount.describe('the most the job can cost'),
        slice: amount.describe('the most either side risks'),
        parts: z
          .strictObject({ request: amount, compute: amount, time: amount, memory: amount })
          .describe('of the ceiling, each rounded down'),
        price: z
          .strictObject({ perRequest: amount, perGMAC: amount, perSecond: amount, perGBSecond: amount })
          .describe("under the provider's present load"),
        validUntil: milliseconds,
        payment: z
          .strictObject({
            channel: digest,
            known: z.boolean().describe('false: not in the books here; authorized, charged and free are the chain’s'),
            closing: z.boolean().describe('a withdrawal was started'),
            balance: amount,
            free: amount.describe('what jobs could reserve'),
            authorized: amount,
            charged: amount,
            deposit: amount.describe('what opg infer would deposit first'),
          })
          .nullable()
          .describe('null: the job would be unpaid'),
        refusal: z
          .strictObject({
            code: z.string(),
            message: z.string(),
            expected: z.string().optional(),
            got: z.string().optional(),
          })
          .optional()
          .describe('why the wallet would not pay, and opg infer would pass this offer over'),
      }),
    ),
  }),
  infer: answer,
  'job list': z.strictObject({
    ok,
    jobs: z.array(
      z.strictObject({
        jobId: digest,
        channel: digest,
        provider: address.nullable(),
        state: z.enum(['pending', 'served', 'settled']),
        outcome: z.enum(['paid', 'unpaid', 'refunded']).nullable().describe('null: not settled'),
        fee: amount.describe('settled: what it cost; before that what heads have shown'),
        maxFee: amount,
        since: milliseconds.describe('ms since 1970 at which it came into its state'),
        asked: z
          .strictObject({ model: digest, mode: z.string(), units: count })
          .nullable()
          .describe('null: what was asked for is not kept, and cannot be retried'),
        receipt: z.string().nullable().describe('path of the receipt file'),
      }),
    ),
  }),
  'job retry': answer,
  'receipt verify': z.strictObject({
    ok,
    jobId: digest,
    receiptDigest: digest,
    network: digest,
    model: digest,
    provider: address,
    requester: address,
    status: z.string(),
    fee: amount,
    payment: z.string(),
    assurance: z.string(),
    decision: z.string(),
    votes: count.optional(),
    replayed: count.optional().describe('of those votes, how many recomputed the output'),
    batch: count.optional(),
    confidence: z.string().optional().describe('with --rpc: how deep the batch is'),
    notChecked: z.array(z.string()),
  }),
  'attest show': z.strictObject({
    ok,
    verified: z.literal(false).describe('these are claims of the document'),
    kind: evidenceKind,
    bytes: count,
    sha256: digest,
    fields: z.record(z.string(), z.string()),
    certificates: z.array(
      z.strictObject({
        in: z.string().describe('document, or the item of the collateral that holds it'),
        subject: z.string(),
        issuer: z.string(),
        notBefore: z.int().describe('ms since 1970'),
        notAfter: z.int().describe('ms since 1970'),
        isCa: z.boolean(),
        sha256: digest,
      }),
    ),
    collateral: z.array(z.strictObject({ item: z.string(), bytes: count, sha256: digest })),
  }),
  'attest verify': z.strictObject({
    ok,
    statement: z.string().describe('what holds and what was not checked, in words'),
    kind: evidenceKind,
    assurance: z.string().describe('from the trust root that matched'),
    root: z.strictObject({ name: z.string(), vendor: z.string(), sha256: digest }),
    measurements: z.record(z.string(), hex),
    reportData: hex,
    keyBinding: z.strictObject({
      reportData: z.enum(['matched', 'not-checked']),
      publicKey: hex.optional(),
      nonce: hex.optional(),
    }),
    instanceId: z.string(),
    tcbStatus: z.string().optional().describe('absent: the format has no security versions'),
    advisories: checks,
    freshness: z.union([
      z.strictObject({ basis: z.enum(['signed-time', 'bound-block']), at: milliseconds, ageMs: z.int() }),
      z.strictObject({ basis: z.literal('none') }),
    ]),
    at: milliseconds.describe('ms since 1970: when it was judged'),
    expiresAt: z.int().describe('ms since 1970: the end of the first certificate or collateral to end'),
    collateral: digest.nullable().describe('content address of what went with it'),
    checked: checks,
    notChecked: checks,
  }),
  'attest export': z.union([
    z.strictObject({ ok, format: z.literal('bundle'), digest, items: checks, file: z.string() }),
    z.strictObject({
      ok,
      format: z.literal('ear'),
      token: z.string().describe('compact JWT under ES256'),
      kid: z.string().describe('thumbprint of the key (RFC 7638)'),
      statement: z.string(),
    }),
  ]),
  'batch list': z.strictObject({ ok, batches: z.array(batch) }),
  'batch show': z.strictObject({
    ok,
    batch,
    leaves: z
      .array(
        z.strictObject({
          index: count,
          operator: address,
          sequence: count,
          checkpoint: digest,
          count,
          accepted: count,
          rejected: count,
          acceptedFee: amount,
        }),
      )
      .optional()
      .describe('absent while no connected peer serves them'),
  }),
  'batch verify': z.strictObject({ ok, number: count, digest, signatures: count, leaves: count, votes: count }),
  'devnet up / ready': z.strictObject({ event: z.literal('ready'), ...devnet }),
  'devnet up': z.strictObject({ ok, event: z.literal('stopped') }),
  'devnet up --detach': z.strictObject({ ok, ...devnet }),
  'devnet down': z.strictObject({ ok, stopped: z.array(z.string()) }),
  'devnet status': z.strictObject({ ok, ...devnet }),
  'gateway / ready': z.strictObject({
    event: z.literal('ready'),
    url: z.string(),
    metrics: z.string().optional().describe('where the node behind it serves its metrics'),
  }),
  gateway: z.strictObject({ ok, event: z.literal('stopped') }),
  'facilitator / ready': z.strictObject({
    event: z.literal('ready'),
    url: z.string(),
    network: z.string().describe('CAIP-2'),
    signer: address.describe('who pays for gas'),
    assets: z.array(z.string()),
    resumed: count.describe('settlements of an earlier process that are still open'),
  }),
  'pay-fetch': z.strictObject({
    ok,
    url: z.string(),
    status: z.int().describe('of HTTP; 400 and above also end with 1'),
    contentType: z.string(),
    encoding: z.enum(['utf-8', 'base64']).describe('of body'),
    body: z.string(),
    payment: z
      .strictObject({
        scheme: z.enum(['exact', 'upto', 'batch-settlement']),
        network: z.string().describe('CAIP-2'),
        asset: address,
        payTo: address,
        price: amount.describe('what was asked for at most'),
        spent: amount,
        deposited: amount.nullable().describe('what went into the channel with it'),
        transaction: digest.nullable(),
        payer: address,
        key: address.describe('who signed: the voucher key of a channel, else the payer'),
        state: z.enum(['settled', 'unsettled']).describe('unsettled: the server may still take it until it expires'),
      })
      .nullable()
      .describe('null: nobody asked for one'),
  }),
  facilitator: z.strictObject({ ok, event: z.literal('stopped') }),
  doctor: z.strictObject({
    ok,
    worst: z.enum(['ok', 'warn', 'fail']).describe('of the findings; fail also ends with 1'),
    auto: z.enum(['dstack', 'configfs-tsm', 'nsm']).nullable().describe('what attester "auto" takes here'),
    attesters: z.array(
      z.strictObject({
        attester: z.enum(['dstack', 'configfs-tsm', 'nsm', 'nvidia', 'simulated']),
        available: z.boolean(),
        kind: z.string().optional().describe('of the evidence it makes'),
        found: z.string().describe('by what, or why not'),
        todo: z.string().optional(),
      }),
    ),
    findings: z.array(
      z.strictObject({
        subject: z.string(),
        status: z.enum(['ok', 'warn', 'fail']),
        found: z.string(),
        todo: z.string().optional().describe('what would help'),
      }),
    ),
  }),
  version: z.strictObject({ ok, version: z.string(), node: z.string() }),
} as const
