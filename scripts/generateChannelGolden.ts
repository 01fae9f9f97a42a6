import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Address, getAddress, type Hex, keccak256, stringToBytes } from 'viem'
import { depositNonce, depositPermitDigest } from '../src/chain/index.ts'
import {
  type ChannelConfig,
  channelDomain,
  channelIdOf,
  claimBatchDigest,
  refundDigest,
  voucherDigest,
} from '../test/support/channelTypes.ts'

export const CHANNEL_GOLDEN_PATH = fileURLToPath(new URL('../test/golden/channels.golden.json', import.meta.url))

const SEED = 'opg-channels-golden/1'
const ROWS = 4
const UINT128 = 2n ** 128n
const UINT40 = 2n ** 40n

const wordOf = (name: string, index: number): Hex => keccak256(stringToBytes(`${SEED}/${name}/${index}`))
const addressOf = (name: string, index: number): Address => getAddress(`0x${wordOf(name, index).slice(26)}`)

/** The least value, the greatest, then values of the seed. */
const integerOf = (name: string, index: number, below: bigint): bigint =>
  index === 0 ? 0n : index === 1 ? below - 1n : BigInt(wordOf(name, index)) % below

const configOf = (index: number): ChannelConfig => ({
  payer: addressOf('payer', index),
  payerAuthorizer: addressOf('payer authorizer', index),
  receiver: addressOf('receiver', index),
  receiverAuthorizer: addressOf('receiver authorizer', index),
  token: addressOf('token', index),
  withdrawDelay: Number(integerOf('delay', index, UINT40)),
  salt: wordOf('salt', index),
})

function goldenDomain(at: number, chainId: number) {
  const verifyingContract = addressOf('channels', at)
  const domain = channelDomain(chainId, verifyingContract)
  const configs = Array.from({ length: ROWS }, (_, index) => configOf(index))
  const ids = configs.map((config) => channelIdOf(domain, config))
  const rows = ids.map((channelId, index) => ({
    channelId,
    maxClaimableAmount: integerOf('ceiling', index, UINT128),
    totalClaimed: integerOf('total', index, UINT128),
  }))
  const refunds = ids.map((channelId, index) => ({
    channelId,
    nonce: integerOf('refund nonce', index, 2n ** 256n),
    amount: integerOf('refund amount', index, UINT128),
  }))
  const [permit2, spender] = [addressOf('permit2', at), addressOf('spender', at)]
  const permits = ids.map((channelId, index) => ({
    token: addressOf('token', index),
    amount: integerOf('deposit', index, UINT128),
    collector: spender,
    nonce: integerOf('permit nonce', index, 2n ** 256n),
    deadline: Number(integerOf('deadline', index + 2, 2n ** 48n)),
    channelId,
  }))
  return {
    chainId: String(chainId),
    verifyingContract,
    payer: configs.map(({ payer }) => payer),
    payerAuthorizer: configs.map(({ payerAuthorizer }) => payerAuthorizer),
    receiver: configs.map(({ receiver }) => receiver),
    receiverAuthorizer: configs.map(({ receiverAuthorizer }) => receiverAuthorizer),
    token: configs.map(({ token }) => token),
    withdrawDelay: configs.map(({ withdrawDelay }) => String(withdrawDelay)),
    salt: configs.map(({ salt }) => salt),
    channelId: ids,
    maxClaimableAmount: rows.map(({ maxClaimableAmount }) => String(maxClaimableAmount)),
    totalClaimed: rows.map(({ totalClaimed }) => String(totalClaimed)),
    voucherDigest: rows.map((row) => voucherDigest(domain, row)),
    refundNonce: refunds.map(({ nonce }) => String(nonce)),
    refundAmount: refunds.map(({ amount }) => String(amount)),
    refundDigest: refunds.map((refund) => refundDigest(domain, refund)),
    /** Of the first 0, 1, ... rows. */
    claimBatchDigest: Array.from({ length: ROWS + 1 }, (_, count) => claimBatchDigest(domain, rows.slice(0, count))),
    depositSalt: ids.map((_, index) => String(integerOf('deposit salt', index, 2n ** 256n))),
    depositNonce: ids.map((id, index) => depositNonce(id, integerOf('deposit salt', index, 2n ** 256n))),
    permit2,
    spender,
    permitAmount: permits.map(({ amount }) => String(amount)),
    permitNonce: permits.map(({ nonce }) => String(nonce)),
    permitDeadline: permits.map(({ deadline }) => String(deadline)),
    permitDigest: permits.map((permit) => depositPermitDigest(chainId, permit2, permit)),
  }
}

/** Every vector of test/golden/channels.golden.json: x402 `batch-settlement` as viem hashes it, from one fixed seed. */
export const renderChannelGolden = (): string =>
  `${JSON.stringify({ seed: SEED, domains: [31337, 8453].map((chainId, at) => goldenDomain(at, chainId)) }, null, 2)}\n`

async function main(args: readonly string[]): Promise<number> {
  const rendered = renderChannelGolden()
  if (!args.includes('--check')) {
    await writeFile(CHANNEL_GOLDEN_PATH, rendered)
    return 0
  }
  if ((await readFile(CHANNEL_GOLDEN_PATH, 'utf8')) === rendered) return 0
  process.stderr.write(
    'expected test/golden/channels.golden.json as the code gives it, got another: these digests are published and do ' +
      'not change; where new vectors are meant, run scripts/generateChannelGolden.ts\n',
  )
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
