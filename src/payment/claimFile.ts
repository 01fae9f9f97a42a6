import { z } from 'zod'
import type { NetworkFile } from '../chain/index.ts'
import {
  type Address,
  type ChannelDomain,
  type ClaimRow,
  channelIdOf,
  claimBatchDigest,
  type Digest,
  fail,
  isDigest,
  type Json,
  ok,
  type Result,
  type Secp256k1,
  type Signature,
  type Signer,
  toChecksumAddress,
  toError,
  voucherDigest,
} from '../protocol/index.ts'
import { account, channelConfig, ecdsa, uint128 } from './x402Objects.ts'

/** Rows of one signed batch: claimed whole, so that it fits a transaction whatever its rows cost. */
const ROWS_OF_A_BATCH = 64
/** Bytes of one file: 64 rows of about 700. */
export const MAX_CLAIM_FILE_BYTES = 256 * 1_024

/** Claims that a provider signed ahead, for whoever watches while it is away (R25). Anyone may send them; none can change them. */
export interface ClaimBatch {
  readonly chainId: number
  readonly networkId: Digest
  readonly operator: Address
  readonly splitter: Address
  /** Ms since 1970. */
  readonly createdAt: number
  readonly rows: readonly ClaimRow[]
  /** The operator's, of `claimBatchDigest`. */
  readonly signature: Signature
}

/** Why a file of claims is not taken. */
export interface ClaimFileProblem {
  readonly code: 'claims-malformed' | 'claims-foreign' | 'claims-forged'
  readonly expected: string
  readonly got: string
}

const schema = z.strictObject({
  version: z.literal(1),
  chainId: z.int().positive(),
  networkId: z.custom<Digest>(isDigest),
  operator: account,
  splitter: account,
  createdAt: z.int().min(0),
  rows: z
    .array(
      z.strictObject({
        channelConfig,
        maxClaimableAmount: uint128,
        signature: ecdsa,
        totalClaimed: uint128,
      }),
    )
    .min(1)
    .max(ROWS_OF_A_BATCH),
  signature: ecdsa,
})

interface SigningInit {
  readonly network: Pick<NetworkFile, 'chainId' | 'networkId'>
  readonly domain: ChannelDomain
  readonly splitter: Address
  readonly now: number
}

/** Signs claims of one splitter in batches that fit a transaction each. */
export function signClaimBatches(
  rows: readonly ClaimRow[],
  signer: Signer,
  { network: { chainId, networkId }, domain, splitter, now }: SigningInit,
): ClaimBatch[] {
  return Array.from({ length: Math.ceil(rows.length / ROWS_OF_A_BATCH) }, (_, index) => {
    const part = rows.slice(index * ROWS_OF_A_BATCH, (index + 1) * ROWS_OF_A_BATCH)
    const signature = signer.sign(claimBatchDigest(domain, part))
    return { chainId, networkId, operator: signer.address, splitter, createdAt: now, rows: part, signature }
  })
}

export function formatClaimBatch(batch: ClaimBatch): string {
  const { chainId, networkId, operator, splitter, createdAt, rows, signature } = batch
  const json: Json = {
    version: 1,
    chainId,
    networkId,
    operator: toChecksumAddress(operator),
    splitter: toChecksumAddress(splitter),
    createdAt,
    rows: rows.map(({ config, voucher, totalClaimed }) => ({
      channelConfig: {
        payer: toChecksumAddress(config.payer),
        payerAuthorizer: toChecksumAddress(config.payerAuthorizer),
        receiver: toChecksumAddress(config.receiver),
        receiverAuthorizer: toChecksumAddress(config.receiverAuthorizer),
        token: toChecksumAddress(config.token),
        withdrawDelay: config.withdrawDelay,
        salt: config.salt,
      },
      maxClaimableAmount: `${voucher.amount}`,
      signature: voucher.signature,
      totalClaimed: `${totalClaimed}`,
    })),
    signature,
  }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

interface ReadingInit {
  readonly network: Pick<NetworkFile, 'chainId' | 'networkId'>
  readonly domain: ChannelDomain
  readonly crypto: Pick<Secp256k1, 'recover'>
}

/** Reads a file of claims and checks every signature in it: what a chain would refuse is not watched over. */
export function parseClaimBatch(
  text: string,
  { network, domain, crypto }: ReadingInit,
): Result<ClaimBatch, ClaimFileProblem> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (thrown) {
    return problem('claims-malformed', 'JSON', toError(thrown).message)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return problem('claims-malformed', 'a file of claims', `${issue?.path.join('.') || 'file'}: ${issue?.message}`)
  }
  const { chainId, networkId, operator, splitter, createdAt, signature } = parsed.data
  if (networkId !== network.networkId || chainId !== network.chainId)
    return problem('claims-foreign', `network ${network.networkId}`, networkId)
  const rows = parsed.data.rows.map(({ channelConfig: config, maxClaimableAmount: amount, totalClaimed, ...row }) => ({
    config,
    voucher: { channel: channelIdOf(domain, config), amount, signature: row.signature },
    totalClaimed,
  }))
  for (const { config, voucher } of rows) {
    if (config.receiver !== splitter) return problem('claims-foreign', `channels of ${splitter}`, config.receiver)
    const payer = crypto.recover(voucherDigest(domain, voucher), voucher.signature)
    if (payer !== config.payerAuthorizer)
      return problem('claims-forged', `a voucher of ${config.payerAuthorizer}`, payer ?? 'no signer')
  }
  const signedBy = crypto.recover(claimBatchDigest(domain, rows), signature)
  if (signedBy !== operator) return problem('claims-forged', `the signature of ${operator}`, signedBy ?? 'no signer')
  return ok({ chainId, networkId, operator, splitter, createdAt, rows, signature })
}

const problem = (code: ClaimFileProblem['code'], expected: string, got: string): Result<never, ClaimFileProblem> =>
  fail({ code, expected, got })
