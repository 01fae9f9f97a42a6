import { CodedError, fail, ok, type Result } from './errors.ts'
import { H } from './hash.ts'
import { type Address, type Digest, isAddress } from './hex.ts'
import { merkleProof, merkleRoot } from './merkle.ts'

/** Rows a reward table may have: as many accounts as a network may have operators. */
export const MAX_REWARD_ROWS = 100_000

/** What an account has earned over all epochs up to the table's, in wei. */
export interface RewardRow {
  readonly account: Address
  readonly cumulative: bigint
}

/** Who gets what: its root is what the signing set posts (economy.md, Rewards per epoch). Row i is leaf i. */
export interface RewardTable {
  readonly epoch: number
  readonly rows: readonly RewardRow[]
}

export type RewardTableErrorDetail =
  | { readonly code: 'reward-table-malformed'; readonly field: string }
  | { readonly code: 'reward-table-too-long'; readonly expected: string; readonly got: string }

export class RewardTableError extends CodedError<RewardTableErrorDetail> {}

/** What a leaf of the reward tree is over. */
export const rewardDigest = ({ account, cumulative }: RewardRow): Digest => H('OPG/reward/1', account, cumulative)

export const rewardRoot = ({ rows }: RewardTable): Digest => merkleRoot('reward', rows.map(rewardDigest))

/** What `RewardDistributor.claim` wants for an account; undefined when the table has no row for it. */
export function rewardProof(
  { rows }: RewardTable,
  account: Address,
): (RewardRow & { readonly index: number; readonly proof: readonly Digest[] }) | undefined {
  const index = rows.findIndex((row) => row.account === account)
  const row = rows[index]
  if (row === undefined) return undefined
  return { ...row, index, proof: merkleProof('reward', rows.map(rewardDigest), index) }
}

const AMOUNT = /^(?:0|[1-9][0-9]{0,38})$/
const MAX_AMOUNT = 2n ** 128n - 1n

const malformed = (field: string, expected: string): { readonly ok: false; readonly error: RewardTableError } =>
  fail(
    new RewardTableError(
      { code: 'reward-table-malformed', field },
      `expected a reward table, ${field} is not ${expected}`,
    ),
  )

const isRecord = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads `{"version": 1, "epoch": n, "rows": [{"account": "0x…", "cumulative": "wei"}, …]}`, accounts strictly ascending.
 * RewardTableError `reward-table-malformed | reward-table-too-long`.
 */
export function parseRewardTable(value: unknown): Result<RewardTable, RewardTableError> {
  if (!isRecord(value) || value.version !== 1) return malformed('version', '1')
  const unknown = Object.keys(value).find((name) => !['version', 'epoch', 'rows'].includes(name))
  if (unknown !== undefined) return malformed(unknown, 'a member of one')
  const { epoch, rows } = value
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 0) return malformed('epoch', 'an epoch')
  if (!Array.isArray(rows)) return malformed('rows', 'a list')
  if (rows.length > MAX_REWARD_ROWS) {
    return fail(
      new RewardTableError(
        { code: 'reward-table-too-long', expected: `at most ${MAX_REWARD_ROWS} rows`, got: `${rows.length}` },
        `expected at most ${MAX_REWARD_ROWS} rows, got ${rows.length}`,
      ),
    )
  }
  const parsed: RewardRow[] = []
  for (const [index, row] of rows.entries()) {
    const at = `rows.${index}`
    if (!isRecord(row) || Object.keys(row).length !== 2) return malformed(at, 'an account and its cumulative amount')
    const account = typeof row.account === 'string' ? row.account.toLowerCase() : ''
    if (!isAddress(account)) return malformed(`${at}.account`, 'an address')
    const before = parsed.at(-1)
    if (before !== undefined && before.account >= account) return malformed(`${at}.account`, 'above the one before')
    const { cumulative } = row
    if (typeof cumulative !== 'string' || !AMOUNT.test(cumulative) || BigInt(cumulative) > MAX_AMOUNT) {
      return malformed(`${at}.cumulative`, 'wei as a decimal string')
    }
    parsed.push({ account, cumulative: BigInt(cumulative) })
  }
  return ok({ epoch, rows: parsed })
}
