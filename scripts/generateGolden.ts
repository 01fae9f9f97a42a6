import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import {
  type Address,
  bitsOf,
  bytesToHex,
  ChunkChain,
  chargeOf,
  createDomain,
  type Digest,
  type Domain,
  decidingVotes,
  digestOf,
  drawCommittee,
  drawWorkSeats,
  type FieldType,
  fastSeedOf,
  gpuNonce,
  H,
  hashStruct,
  hexToBytes,
  inputHashOf,
  keccak,
  keccakBytes,
  keccakWords,
  MERKLE_TAG,
  type MerkleTag,
  merkleProof,
  merkleRoot,
  mustReplay,
  networkIdOf,
  type RewardRow,
  reportData,
  rewardDigest,
  rewardRoot,
  type SeatStake,
  SIGNED_TYPES,
  type StructType,
  settlerOrder,
  splitFee,
  TERMS,
  type Terms,
  tagDigest,
  traceDigestOf,
  utf8,
  type Word,
  writeWord,
} from '../src/protocol/index.ts'

export const GOLDEN_PATH = fileURLToPath(new URL('../test/golden/protocol.golden.json', import.meta.url))

const SEED = 'opg-golden/1'
const RANDOM_VALUES = 4
const TREE_SIZES: readonly (readonly [MerkleTag, number])[] = [
  ['receipt', 0],
  ['receipt', 1],
  ['receipt', 2],
  ['receipt', 3],
  ['receipt', 7],
  ['receipt', 16],
  ['head', 5],
  ['terms', 4],
  ['model', 3],
  ['checkpoint', 6],
  ['vote', 7],
  ['certificate', 5],
  ['reason', 2],
  ['reward', 9],
]

const wordOf = (name: string, index = 0): Digest => H(SEED, tagDigest(name), index)
const addressOf = (name: string, index = 0): Address => `0x${wordOf(name, index).slice(26)}`
const integerOf = (name: string, index: number, below: bigint): bigint => BigInt(wordOf(name, index)) % below

type Member = Address | Digest | number | bigint
type Value = { readonly [name: string]: Member }

function memberOf(type: StructType, name: string, at: number): Member {
  const kind = type.fields[name] as FieldType
  const codes = type.enumerations[name]
  const label = `${type.name}.${name}`
  if (codes !== undefined) {
    const legal = Object.values(codes)
    const pick = at === 0 ? 0 : at === 1 ? legal.length - 1 : Number(integerOf(label, at, BigInt(legal.length)))
    return legal[pick] as number
  }
  const limit = kind === 'uint64' ? BigInt(Number.MAX_SAFE_INTEGER) : 2n ** BigInt(bitsOf(kind)) - 1n
  const integer = at === 0 ? 0n : at === 1 ? limit : integerOf(label, at, limit + 1n)
  if (kind === 'address' || kind === 'bytes32') {
    return `0x${integer.toString(16).padStart(bitsOf(kind) / 4, '0')}`
  }
  return bitsOf(kind) > 64 ? integer : Number(integer)
}

/** The least legal value, the greatest, then values of the seed. */
const valuesOf = (type: StructType): Value[] =>
  Array.from({ length: 2 + RANDOM_VALUES }, (_, at) =>
    Object.fromEntries(type.names.map((name) => [name, memberOf(type, name, at)])),
  )

function encodeWords(words: readonly Word[]): string {
  const bytes = new Uint8Array(32 * words.length)
  for (const [at, word] of words.entries()) writeWord(word, bytes, 32 * at)
  return bytesToHex(bytes)
}

const PRIVATE_KEY = wordOf('private key')

function sign(digest: Digest): string {
  const [recovery, ...rs] = secp256k1.sign(hexToBytes(digest), hexToBytes(PRIVATE_KEY), {
    prehash: false,
    format: 'recovered',
  })
  return bytesToHex(Uint8Array.of(...rs, 27 + (recovery as number)))
}

function signerAddress(): Address {
  const point = secp256k1.getPublicKey(hexToBytes(PRIVATE_KEY), false).slice(1)
  return bytesToHex(keccakBytes(point).slice(12))
}

const readable = (value: Value): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(value).map(([name, member]) => [name, String(member)]))

function goldenType(type: StructType, [first, second]: readonly [Domain, Domain]) {
  const values = valuesOf(type)
  const digests = values.map((value) => digestOf(first, type, value))
  return {
    typeString: type.typeString,
    typeHash: bytesToHex(type.typeHash),
    values: values.map(readable),
    encoded: values.map((value) => encodeWords(type.names.map((name) => value[name] as Member))),
    structHash: values.map((value) => hashStruct(type, value)),
    digestInFirst: digests,
    digestInSecond: values.map((value) => digestOf(second, type, value)),
    signatureInFirst: digests.map(sign),
  }
}

function goldenTree([tag, count]: readonly [MerkleTag, number]) {
  const digests = Array.from({ length: count }, (_, index) => wordOf(`tree ${tag} ${count}`, index))
  return {
    tag: MERKLE_TAG[tag],
    count: String(count),
    digests,
    root: merkleRoot(tag, digests),
    proofs: digests.map((_, index) => merkleProof(tag, digests, index)),
  }
}

function goldenChunks() {
  const jobId = wordOf('chunks job')
  const data = ['', 'a', 'Hello, ', 'w\u00f6rld', '\u0000\u0001\u0002', 'x'.repeat(300)].map(utf8)
  const chain = new ChunkChain(jobId)
  const heads = [chain.head]
  const salts = data.map((_, index) => wordOf('chunk salt', index))
  for (const [at, bytes] of data.entries()) {
    chain.accept({ index: at + 1, data: bytes, salt: salts[at] as Digest })
    heads.push(chain.head)
  }
  return { jobId, data: data.map(bytesToHex), salts, heads }
}

function goldenInputs() {
  const data = ['', 'prompt', '{"messages":[]}'].map(utf8)
  const salts = data.map((_, index) => wordOf('input salt', index))
  return {
    salts,
    data: data.map(bytesToHex),
    inputHash: data.map((bytes, index) => inputHashOf(salts[index] as Digest, bytes)),
    runtimeClass: wordOf('runtime class'),
    traceHash: wordOf('trace'),
    trace: traceDigestOf(wordOf('runtime class'), wordOf('trace')),
  }
}

function goldenFee(at: number) {
  const below = (name: string, limit: bigint): bigint => (at === 0 ? 0n : integerOf(`fee ${name}`, at, limit))
  const terms: Terms = {
    ...(valuesOf(TERMS)[0] as unknown as Terms),
    macIn: below('macIn', 10n ** 12n),
    macOut: below('macOut', 10n ** 13n),
    memoryMB: Number(below('memoryMB', 200_000n)),
    referenceRate: Number(below('referenceRate', 1_000n)),
    perRequest: below('perRequest', 10n ** 18n),
    perGMAC: below('perGMAC', 10n ** 18n),
    perSecond: below('perSecond', 10n ** 18n),
    perGBSecond: below('perGBSecond', 10n ** 18n),
  }
  const startedAt = Number(below('startedAt', 2n ** 42n))
  const usage = {
    inputUnits: Number(below('inputUnits', 100_000n)),
    outputUnits: Number(below('outputUnits', 10_000n)),
    startedAt,
    finishedAt: startedAt + Number(below('elapsed', 600_000n)),
  }
  const charge = chargeOf(terms, usage)
  return { terms, usage, charge, split: splitFee(charge.fee) }
}

function goldenFees() {
  const rows = Array.from({ length: 12 }, (_, at) => goldenFee(at))
  const termsColumn = (name: keyof Terms): string[] => rows.map(({ terms }) => String(terms[name]))
  const usageColumn = (name: keyof (typeof rows)[number]['usage']): string[] =>
    rows.map(({ usage }) => String(usage[name]))
  return {
    macIn: termsColumn('macIn'),
    macOut: termsColumn('macOut'),
    memoryMB: termsColumn('memoryMB'),
    referenceRate: termsColumn('referenceRate'),
    perRequest: termsColumn('perRequest'),
    perGMAC: termsColumn('perGMAC'),
    perSecond: termsColumn('perSecond'),
    perGBSecond: termsColumn('perGBSecond'),
    inputUnits: usageColumn('inputUnits'),
    outputUnits: usageColumn('outputUnits'),
    startedAt: usageColumn('startedAt'),
    finishedAt: usageColumn('finishedAt'),
    mac: rows.map(({ charge }) => String(charge.mac)),
    billedMs: rows.map(({ charge }) => String(charge.billedMs)),
    fee: rows.map(({ charge }) => String(charge.fee)),
    providerShare: rows.map(({ split }) => String(split.provider)),
    networkShare: rows.map(({ split }) => String(split.network)),
  }
}

function goldenSeats() {
  const stakes: SeatStake[] = Array.from({ length: 12 }, (_, index) => ({
    operator: addressOf('operator', index),
    owner: addressOf('owner', index >> 1),
    weight: index === 5 ? 0n : (2_000n + integerOf('stake', index, 50_000n)) * 10n ** 18n,
  }))
  const epochSeed = wordOf('epoch seed')
  const seats = drawWorkSeats(stakes, epochSeed)
  const committees = stakes.slice(0, 4).map(({ operator, owner }, index) => {
    const blockHash = wordOf('seed block', index)
    const sequence = index * 7
    const seed = fastSeedOf(epochSeed, blockHash, operator, sequence)
    const committee = drawCommittee({ seats, seed, operator, owner })
    return {
      operator,
      owner,
      blockHash,
      sequence: String(sequence),
      seed,
      seats: committee.map(({ seat }) => String(seat)),
      verifiers: committee.map(({ verifier }) => verifier),
    }
  })
  const replayed = Array.from({ length: 256 }, (_, index) => index).filter((index) =>
    mustReplay(epochSeed, 3, index, 50_000),
  )
  return {
    operators: stakes.map(({ operator }) => operator),
    owners: stakes.map(({ owner }) => owner),
    weights: stakes.map(({ weight }) => String(weight)),
    epochSeed,
    seats: seats.map(({ operator }) => operator),
    committees,
    decidingVotes: Array.from({ length: 8 }, (_, size) => String(decidingVotes(size) ?? 0)),
    replay: { seed: epochSeed, seat: '3', ratePpm: '50000', receipts: replayed.map(String) },
  }
}

function goldenSettlers() {
  const settlers = Array.from({ length: 5 }, (_, index) => addressOf('settler', index))
  const previousBatch = wordOf('previous batch')
  const numbers = [1, 2, 3]
  return {
    settlers,
    previousBatch,
    numbers: numbers.map(String),
    orders: numbers.map((number) => settlerOrder(settlers, previousBatch, number)),
  }
}

function goldenRewards() {
  const rewards: RewardRow[] = Array.from({ length: 5 }, (_, index) => ({
    account: addressOf('rewarded account', index),
    cumulative: index === 4 ? 2n ** 128n - 1n : integerOf('reward', index, 10n ** 27n),
  }))
  const digests = rewards.map(rewardDigest)
  return {
    accounts: rewards.map(({ account }) => account),
    cumulatives: rewards.map(({ cumulative }) => String(cumulative)),
    digests,
    root: rewardRoot({ epoch: 0, rows: rewards }),
    proofs: digests.map((_, index) => merkleProof('reward', digests, index)),
  }
}

function goldenAttestation() {
  const binding = {
    chainId: 31337,
    networkId: wordOf('attested network'),
    operator: addressOf('attested operator'),
    sessionKey: addressOf('session key'),
    encryptionKey: wordOf('encryption key'),
    modelsRoot: wordOf('models root'),
    blockNumber: 1_234_567,
    blockHash: wordOf('attested block'),
  }
  const gpuEvidenceDigest = wordOf('gpu evidence')
  return {
    ...binding,
    chainId: String(binding.chainId),
    blockNumber: String(binding.blockNumber),
    gpuEvidenceDigest,
    gpuNonce: gpuNonce(binding),
    reportData: reportData({ ...binding, gpuEvidenceDigest }),
    reportDataWithoutGpu: reportData(binding),
  }
}

/** Every vector of test/golden/protocol.golden.json, from one fixed seed. */
export function buildGolden() {
  const origins = [31337, 84532].map((chainId, index) => ({
    chainId,
    stakeManager: addressOf('stake manager', index),
    deploymentParentHash: wordOf('deployment parent', index),
  }))
  const domains = origins.map((origin) => createDomain(origin.chainId, origin.stakeManager, networkIdOf(origin)))
  const [first, second] = domains as [Domain, Domain]
  return {
    seed: SEED,
    key: { privateKey: PRIVATE_KEY, address: signerAddress() },
    domains: {
      chainId: origins.map(({ chainId }) => String(chainId)),
      verifyingContract: origins.map(({ stakeManager }) => stakeManager),
      deploymentParentHash: origins.map(({ deploymentParentHash }) => deploymentParentHash),
      networkId: origins.map(networkIdOf),
      separator: domains.map(({ separator }) => bytesToHex(separator)),
    },
    types: Object.fromEntries(SIGNED_TYPES.map((type) => [type.name, goldenType(type, [first, second])])),
    hashes: {
      tag: 'OPG/golden/1',
      words: [wordOf('word', 0), wordOf('word', 1)],
      tagged: H('OPG/golden/1', wordOf('word', 0), wordOf('word', 1)),
      untagged: keccakWords(wordOf('word', 0), wordOf('word', 1)),
      keccakOfTag: keccak(utf8('OPG/golden/1')),
    },
    trees: TREE_SIZES.map(goldenTree),
    chunks: goldenChunks(),
    inputs: goldenInputs(),
    attestation: goldenAttestation(),
    fees: goldenFees(),
    seats: goldenSeats(),
    settlers: goldenSettlers(),
    rewards: goldenRewards(),
  }
}

export const renderGolden = (): string => `${JSON.stringify(buildGolden(), null, 2)}\n`

async function main(args: readonly string[]): Promise<number> {
  const rendered = renderGolden()
  if (!args.includes('--check')) {
    await writeFile(GOLDEN_PATH, rendered)
    return 0
  }
  const stored = await readFile(GOLDEN_PATH, 'utf8')
  if (stored === rendered) return 0
  const [want, got] = [stored.split('\n'), rendered.split('\n')]
  const line = want.findIndex((text, at) => text !== got[at])
  process.stderr.write(
    `test/golden/protocol.golden.json:${line + 1}: stored ${want[line]?.trim()}, the code gives ${got[line]?.trim()}\n` +
      'Digests of deployed networks may not change. Where the change is meant, run scripts/generateGolden.ts.\n',
  )
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
