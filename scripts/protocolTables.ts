import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ASSURANCE,
  DOMAIN_TYPE_STRING,
  EVIDENCE_KIND,
  FAST_COMMITTEE,
  MAX_ADDRESSES_PER_OFFER,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS_PER_HEAD,
  MAX_MS_PER_HEAD,
  MAX_PARAMETER_BYTES,
  MAX_PROOF_LENGTH,
  MAX_RECEIPTS,
  MAX_TERMS_PER_OFFER,
  METHOD,
  MIN_COMMITTEE,
  MODE,
  NETWORK_SHARE_PPM,
  NOT_CHECKED,
  OUTCOME,
  PARAMETERS,
  type Parameter,
  PRIVACY,
  REASON,
  type ReasonName,
  ROUND,
  SIGNED_TYPES,
  STATUS,
  TIER,
  WORK_SEATS,
} from '../src/protocol/index.ts'
import { WIRE_LIMITS, type WireLimit } from '../src/wire/index.ts'
import { ROOT, readSources, type SourceFile } from './sourceTree.ts'

export const PROTOCOL_DOC = join(ROOT, 'docs/protocol.md')

type Row = readonly (string | number | bigint)[]
const code = (text: string): string => `\`${text}\``
const cell = (value: string | number | bigint): string => String(value).replaceAll('|', '\\|')
const table = (header: Row, rows: readonly Row[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

const SIGNERS: { readonly [type: string]: string } = {
  SessionGrant: 'operator',
  Terms: 'nobody alone: under `Offer.termsRoot`',
  Offer: 'operator',
  Load: 'operator',
  Job: 'requester',
  Head: 'session key',
  Receipt: 'session key',
  Checkpoint: 'operator',
  Vote: "verifier's operator key",
  Delivery: "verifier's operator key",
  Batch: 'signing set',
  Leaf: 'nobody alone: its hashStruct is under `Batch.checkpointsRoot`',
  RewardRoot: 'signing set',
  VoidRoot: 'jury',
}

/** Every domain-separating tag of src: what it hashes and its words after the tag. */
export const TAGS: { readonly [tag: string]: readonly [words: string, meaning: string] } = {
  'OPG/network/1': ['chainId, StakeManager, parent hash of its deployment block', 'network id (R2)'],
  'OPG/attest/1': [
    'chainId, networkId, operator, sessionKey, encryptionKey, modelsRoot, gpuEvidenceDigest, blockNumber, blockHash',
    'report data; the nonce of a GPU has the same words without gpuEvidenceDigest (R5)',
  ],
  'OPG/evidence/1': ['code of the kind, keccak256(document)', '`SessionGrant.evidence`, `Receipt.evidence` (R5)'],
  'OPG/seal/1': ['as bytes, not by H', 'HPKE info of a sealed input (R5)'],
  'OPG/seal/response/1': ['as bytes, not by H', 'export context of the keys of a sealed answer (R5)'],
  'OPG/seal/chunk/1 to-requester': ['as bytes, not by H', 'additional data of a sealed chunk of an answer (R5)'],
  'OPG/seal/chunk/1 to-provider': ['as bytes, not by H', 'additional data of a sealed chunk of an input (R5)'],
  'OPG/runtime/1': [
    'keccak256 of engine, version, execution provider and session options, digest of the probe models’ outputs',
    'runtime class (R16)',
  ],
  'OPG/trace/1': ['runtimeClass, traceHash', '`Receipt.trace` (R16, R17)'],
  'OPG/input/1': ['salt, keccak256(bytes)', '`inputHash`'],
  'OPG/addresses/1': ['keccak256(addresses joined by newlines)', '`Offer.addressesHash`'],
  'OPG/chunk/0': ['jobId', 'head(0)'],
  'OPG/chunk/1': ['head(i-1), i, content', 'head(i)'],
  'OPG/chunk/data/1': ['salt, keccak256(data)', 'content of a chunk'],
  'OPG/seat/1': ['epoch seed, seat', 'point of a work seat (R13)'],
  'OPG/fast/1': ['epoch seed, blockHash, operator, sequence', 'seed of a fast committee (R14)'],
  'OPG/fast/seat/1': ['fast seed, place', 'shuffle of the seats for a fast committee (R14)'],
  'OPG/replay/1': ['fast seed, seat, receipt index', 'whether a seat must replay a receipt (R14)'],
  'OPG/sketch/1': ['fast seed, seat, receipt index', 'seed of a sketch (R17)'],
  'OPG/sketch/position/1': ['sketch seed, index', 'position of a sketch (R17)'],
  'OPG/settler/seed/1': ['digest of the previous batch, number', 'seed of the order of settlers (R19)'],
  'OPG/settler/1': ['settler seed, place', 'shuffle of the settlers (R19)'],
  'OPG/leaf/receipt/1': ['index, digest', 'leaf under `Checkpoint.receiptsRoot`'],
  'OPG/leaf/head/1': ['index, digest', 'leaf under `Receipt.headsRoot`'],
  'OPG/leaf/terms/1': ['index, digest', 'leaf under `Offer.termsRoot`'],
  'OPG/leaf/model/1': ['index, model id', 'leaf under `SessionGrant.modelsRoot`, ids ascending'],
  'OPG/leaf/checkpoint/1': ['index, hashStruct of a Leaf', 'leaf under `Batch.checkpointsRoot`'],
  'OPG/leaf/vote/1': ['index, digest of a vote', 'leaf under `Leaf.certificate`, votes by seat'],
  'OPG/leaf/certificate/1': ['index, certificate root', 'leaf under `Batch.votesRoot`'],
  'OPG/leaf/reason/1': ['index, reason', 'leaf under `Vote.reasons`, by ascending receipt index'],
  'OPG/leaf/policy/1': ['index, entry', "leaf under the root of an epoch's policy (R14): rules first"],
  'OPG/policy/1': ['code of the entry, keccak256(RFC 8785 bytes)', "one entry of an epoch's policy (R14)"],
  'OPG/measurement/1': ['code of the kind, keccak256(RFC 8785 bytes)', 'a program, as `MeasurementRegistry` names it'],
  'OPG/leaf/reward/1': ['index, digest', 'leaf under `RewardRoot.root`'],
  'OPG/reward/1': ['account, cumulative', 'what an account has earned over all epochs'],
  'OPG/reason/1': ['receipt index, code of the reason', 'one reason of a vote (R14)'],
  'OPG/light/1': [
    'keccak256(verifier, then each piece of each record with its length)',
    '`WorkOpening.lightDigest`: all record bytes, keyed by the verifier (R17)',
  ],
  'OPG/work/1': [
    'verifier, checkpoint, round, salt, lightDigest, keccak256(sketches)',
    '`Vote.workCommit`, opened by its preimage (R17)',
  ],
  'opg-devnet/1': ['keccak256(seed), keccak256(role), index', 'private key of a devnet participant'],
}

const METHODS: { readonly [name in keyof typeof METHOD]: string } = {
  signatures: 'signatures, grants, membership and ranges were checked',
  accounting: 'terms, usage, fee, ceiling and charge were recomputed',
  evidence: "the evidence was checked against the epoch's policy",
  'exact-replay': 'the model was run again and compared bit by bit within one runtime class',
  'tolerant-replay': 'the model was run again and compared within tolerance',
  'token-replay': 'the tokens were passed through the model again',
}

const UNCHECKED: { readonly [name in keyof typeof NOT_CHECKED]: string } = {
  output: 'nobody recomputed the output',
  'evidence-collateral': 'certificates or revocation lists of the vendor were not at hand',
  measurements: 'no policy says what the measurements should be',
  'gpu-cpu-colocation': 'nothing shows that GPU and CPU evidence come from one machine',
  transcript: 'privacy kept the transcript from the seat',
  payment: 'channel and voucher were not checked',
}

const REASONS: { readonly [name in ReasonName]: string } = {
  'output-mismatch': 'a replay gives another output',
  'trace-mismatch': 'a replay gives another trace',
  'bad-signature': 'a signature does not recover to its signer',
  'bad-grant': 'the grant does not hold for this receipt',
  'bad-evidence': 'the evidence does not verify or does not bind this grant',
  'stale-policy': "the evidence is not under the epoch's policy",
  'job-mismatch': 'receipt and job differ in a field they share',
  'bad-terms': 'the terms are not under the offer, or not for this job',
  'fee-mismatch': 'the recomputed fee differs',
  'over-ceiling': 'the fee is above `maxFee`',
  late: 'the job ended after its deadline',
  'bad-chain': 'the chunks do not give the output head',
  'bad-heads': 'the heads are not those under `headsRoot`, or are too few',
  'units-mismatch': 'the units are not those of the transcript',
  'below-minimum-fee': 'the fee is below what pays for verification',
  overexposed: 'the checkpoint is beyond the exposure of its operator (R29)',
  'wrong-receiver': "the channel does not pay the provider's splitter",
  'bad-charge': '`chargedAfter` does not follow the ledger of the channel',
  'bad-sequence': 'the sequence of the receipt is not the one of its place',
  'bad-membership': 'the receipt is not under `receiptsRoot` at its index',
  'assurance-mismatch': 'the assurance is not the one of the root that matched',
  'replayed-job': 'the job was billed before',
}

const enumerations = (): string => {
  const all: readonly (readonly [string, { readonly [name: string]: number }, string])[] = [
    ['tier', TIER, 'R12'],
    ['privacy', PRIVACY, 'R12'],
    ['mode', MODE, 'R11'],
    ['status', STATUS, 'section 3'],
    ['assurance', ASSURANCE, 'R6'],
    ['round', ROUND, 'R14, R15'],
    ['evidence kind', EVIDENCE_KIND, 'R5'],
    ['outcome', OUTCOME, 'R10'],
  ]
  return table(
    ['enumeration', 'code', 'name', 'rule'],
    all.flatMap(([name, codes, rule]) => Object.entries(codes).map(([value, at]) => [name, at, code(value), rule])),
  )
}

const bits = (codes: { readonly [name: string]: number }, meanings: { readonly [name: string]: string }): string =>
  table(
    ['bit', 'name', 'meaning'],
    Object.entries(codes).map(([name, mask]) => [Math.log2(mask), code(name), meanings[name] as string]),
  )

const MS_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** A number as code holds it and, for times, as people say it. */
function quantity(value: number, unit: Parameter['unit']): string {
  const spoken = unit === 'ms' && value > 0 ? MS_UNITS.find(([, size]) => value % size === 0) : undefined
  return spoken === undefined ? String(value) : `${value} (${value / spoken[1]} ${spoken[0]})`
}

const parameters = (): string =>
  table(
    ['parameter', 'unit', 'Base', 'devnet', 'least', 'greatest', 'meaning'],
    (Object.entries(PARAMETERS) as [string, Parameter][]).map(([name, { unit, base, devnet, min, max, meaning }]) => [
      code(name),
      unit,
      ...[base, devnet, min, max].map((value) => quantity(value, unit)),
      meaning,
    ]),
  )

const CONSTANTS: readonly Row[] = [
  ['MAX_RECEIPTS', MAX_RECEIPTS, 'count', 'receipts of a checkpoint; bits of a map'],
  ['MAX_CHUNK_BYTES', MAX_CHUNK_BYTES, 'bytes', 'data of one chunk'],
  ['MAX_CHUNKS_PER_HEAD', MAX_CHUNKS_PER_HEAD, 'count', 'chunks between two heads'],
  ['MAX_MS_PER_HEAD', MAX_MS_PER_HEAD, 'ms', 'time between two heads'],
  ['MAX_PARAMETER_BYTES', MAX_PARAMETER_BYTES, 'bytes', 'canonical parameters of a job'],
  ['MAX_TERMS_PER_OFFER', MAX_TERMS_PER_OFFER, 'count', 'terms under one offer'],
  ['MAX_ADDRESSES_PER_OFFER', MAX_ADDRESSES_PER_OFFER, 'count', 'addresses under one offer'],
  ['MAX_PROOF_LENGTH', MAX_PROOF_LENGTH, 'count', 'digests of a Merkle proof'],
  ['WORK_SEATS', WORK_SEATS, 'count', 'work seats of an epoch (R13)'],
  ['FAST_COMMITTEE', FAST_COMMITTEE, 'count', 'seats of a fast committee (R13)'],
  ['MIN_COMMITTEE', MIN_COMMITTEE, 'count', 'fewer decide nothing'],
  ['NETWORK_SHARE_PPM', NETWORK_SHARE_PPM, 'ppm', "the network's share of a settled fee at genesis"],
]

const MESSAGE = /^message (\w+) \{/gm
const CONTRACT_TYPE = /keccak256\(\s*"([A-Z]\w*\([^"]*\))"\s*\)/g

const byMatch = (files: readonly SourceFile[], pattern: RegExp): (readonly [string, string])[] =>
  files.flatMap(({ path, text }) => [...text.matchAll(pattern)].map((match) => [match[1] as string, path] as const))

function wireMessages(protos: readonly SourceFile[]): string {
  const limits: { readonly [name: string]: WireLimit } = WIRE_LIMITS
  return table(
    ['message', 'file', 'greatest bytes', 'why'],
    byMatch(protos, MESSAGE).map(([name, path]) => [
      code(name),
      code(path),
      limits[name]?.value ?? 'none',
      limits[name]?.reason ?? 'none',
    ]),
  )
}

function contractTypes(digests: readonly SourceFile[]): string {
  const ours = new Set([DOMAIN_TYPE_STRING, ...SIGNED_TYPES.map(({ typeString }) => typeString)])
  return table(
    ['type string', 'file'],
    byMatch(digests, CONTRACT_TYPE)
      .filter(([typeString]) => !ours.has(typeString))
      .map(([typeString, path]) => [code(typeString), code(path)]),
  )
}

/** Every generated table of docs/protocol.md by name. */
export async function renderTables(): Promise<{ readonly [name: string]: string }> {
  const protos = await readSources(['proto'], ['.proto'])
  const libraries = await readSources(['contracts/src/libraries'], ['.sol'])
  return {
    types: table(
      ['type', 'signed by', 'type string'],
      [
        ['EIP712Domain', '', code(DOMAIN_TYPE_STRING)],
        ...SIGNED_TYPES.map(({ name, typeString }) => [name, SIGNERS[name] ?? '', code(typeString)]),
      ],
    ),
    'contract-types': contractTypes(libraries),
    tags: table(
      ['tag', 'words after it', 'what it hashes'],
      Object.entries(TAGS).map(([tag, [words, meaning]]) => [code(tag), words, meaning]),
    ),
    enumerations: enumerations(),
    methods: bits(METHOD, METHODS),
    'not-checked': bits(NOT_CHECKED, UNCHECKED),
    reasons: table(
      ['code', 'name', 'meaning'],
      Object.entries(REASON).map(([name, at]) => [at, code(name), REASONS[name as ReasonName]]),
    ),
    parameters: parameters(),
    constants: table(
      ['constant', 'value', 'unit', 'meaning'],
      CONSTANTS.map(([name, ...rest]) => [code(String(name)), ...rest]),
    ),
    messages: wireMessages(protos),
  }
}

const SECTION = /<!-- table:([\w-]+) -->\n[\s\S]*?<!-- end:\1 -->/g

/** The names of the tables a document holds. */
export const tablesIn = (document: string): string[] =>
  [...document.matchAll(SECTION)].map((match) => match[1] as string)

/** The document with every table as the code gives it. Throws RangeError on a table that is not known. */
export function withTables(document: string, tables: { readonly [name: string]: string }): string {
  return document.replaceAll(SECTION, (_, name: string) => {
    const rendered = tables[name]
    if (rendered === undefined) {
      throw new RangeError(`docs/protocol.md: expected a table of ${Object.keys(tables).join(', ')}, got ${name}`)
    }
    return `<!-- table:${name} -->\n${rendered}\n<!-- end:${name} -->`
  })
}

async function main(args: readonly string[]): Promise<number> {
  const stored = await readFile(PROTOCOL_DOC, 'utf8')
  const rendered = withTables(stored, await renderTables())
  if (rendered === stored) return 0
  if (!args.includes('--check')) {
    await writeFile(PROTOCOL_DOC, rendered)
    return 0
  }
  process.stderr.write('docs/protocol.md: tables differ from the code; run scripts/protocolTables.ts\n')
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
