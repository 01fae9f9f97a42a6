import { base64ToBytes, bytesToBase64 } from './base64.ts'
import { canonicalBytes, type Json } from './canonical.ts'
import { MAX_CHUNK_BYTES } from './chunks.ts'
import { createDomain, type Domain } from './eip712.ts'
import { CodedError, fail, ok, type Result, toError } from './errors.ts'
import { toChecksumAddress } from './hash.ts'
import { type Address, type Digest, type Hex, isDigest, isHex } from './hex.ts'
import { MAX_PARAMETER_BYTES } from './jobParameters.ts'
import { MAX_PROOF_LENGTH } from './merkle.ts'
import {
  EVIDENCE_KIND,
  type Evidence,
  type EvidenceKind,
  type GpuEvidence,
  type RejectionReason,
  type SignedCheckpoint,
  type SignedGrant,
  type SignedHead,
  type SignedJob,
  type SignedReceipt,
  type SignedVote,
  type TranscriptChunk,
} from './messages.ts'
import {
  BATCH,
  type Batch,
  CHECKPOINT,
  HEAD,
  JOB,
  LEAF,
  type Leaf,
  OFFER,
  type Offer,
  RECEIPT,
  SESSION_GRANT,
  TERMS,
  type Terms,
  VOTE,
} from './objects.ts'
import type { Signature } from './ports.ts'
import {
  addressAt,
  JsonMemberError,
  listAt,
  memberError,
  objectAt,
  structFromJson,
  structToJson,
} from './structJson.ts'

export const RECEIPT_FILE_VERSION = 1

/** Whose signatures these are: the parts of the EIP-712 domain (R3). */
export interface ReceiptNetwork {
  readonly chainId: number
  readonly stakeManager: Address
  readonly networkId: Digest
}

/** Terms and the signed offer they stand in. */
export interface ProvenTerms {
  readonly terms: Terms
  readonly offer: Offer
  readonly offerSignature: Signature
  readonly index: number
  readonly proof: readonly Digest[]
}

export interface ReceiptWithTrace extends SignedReceipt {
  /** With `traceHash` the preimage of `receipt.trace` (R17). */
  readonly runtimeClass: Digest
  readonly traceHash: Digest
}

export interface BatchSigner {
  readonly signer: Address
  readonly signature: Signature
}

/** The batch a checkpoint stands in (section 2): its leaf, the way to the root, and who signed. */
export interface AnchoredLeaf {
  readonly batch: Batch
  readonly leaf: Leaf
  readonly leafProof: readonly Digest[]
  readonly signatures: readonly BatchSigner[]
}

/** What verifiers and settlers said of the receipt. */
export interface BatchProof {
  readonly checkpoint: SignedCheckpoint
  /** Sibling path of the receipt under `checkpoint.receiptsRoot`. */
  readonly receiptProof: readonly Digest[]
  /** With `anchored`: those under `leaf.certificate`. */
  readonly votes: readonly SignedVote[]
  readonly anchored?: AnchoredLeaf
}

/** What a requester may hand on of the job itself. */
export interface ReceiptTranscript {
  readonly inputSalt: Digest
  readonly input: Uint8Array
  /** RFC 8785 bytes. */
  readonly parameters: Uint8Array
  /** In order; chunks count from 1. */
  readonly chunks: readonly Pick<TranscriptChunk, 'data' | 'salt'>[]
}

/**
 * All that proves one answer, in one file: everything in it is bound by a signature or a hash, and what is not is left
 * out. Written as RFC 8785 JSON by `formatReceiptFile`; read by `parseReceiptFile`, which takes no other bytes.
 */
export interface ReceiptFile {
  readonly network: ReceiptNetwork
  readonly job: SignedJob
  readonly grant: Omit<SignedGrant, 'evidence'>
  readonly terms: ProvenTerms
  readonly receipt: ReceiptWithTrace
  readonly heads: readonly SignedHead[]
  /** With the collateral it was checked with, so that it can be checked again without the vendor. */
  readonly evidence: Evidence
  readonly transcript?: ReceiptTranscript
  readonly batchProof?: BatchProof
}

/** Bounds of a file from outside; each above what the protocol allows to be honest. */
export const RECEIPT_FILE_LIMITS = {
  /** An input and an output of tensors, in base64. */
  bytes: 96 * 1024 * 1024,
  heads: 1_000_000,
  chunks: 1_000_000,
  votes: 1_024,
  signatures: 64,
  evidenceBytes: 64 * 1024,
  gpuBytes: 160 * 1024,
  collateralBytes: 192 * 1024,
} as const

export const RECEIPT_FILE_ERRORS = [
  'receipt-file-too-large',
  'receipt-file-not-json',
  'receipt-file-not-canonical',
  'receipt-file-member-unknown',
  'receipt-file-member-missing',
  'receipt-file-member-invalid',
] as const
export type ReceiptFileErrorCode = (typeof RECEIPT_FILE_ERRORS)[number]

export class ReceiptFileError extends CodedError<{
  readonly code: ReceiptFileErrorCode
  readonly at: string
  readonly expected: string
  readonly got: string
}> {}

export const domainOfReceipt = ({ network }: Pick<ReceiptFile, 'network'>): Domain =>
  createDomain(network.chainId, network.stakeManager, network.networkId)

/** The file's bytes. Throws RangeError when a value has no JSON form. */
export function formatReceiptFile(file: ReceiptFile): Uint8Array {
  const { network, job, grant, terms, receipt, heads, evidence, transcript, batchProof } = file
  return canonicalBytes({
    version: RECEIPT_FILE_VERSION,
    network: {
      chainId: network.chainId,
      stakeManager: toChecksumAddress(network.stakeManager),
      networkId: network.networkId,
    },
    job: { job: structToJson(JOB, job.job), signature: job.signature },
    grant: { grant: structToJson(SESSION_GRANT, grant.grant), signature: grant.signature },
    terms: {
      terms: structToJson(TERMS, terms.terms),
      offer: structToJson(OFFER, terms.offer),
      offerSignature: terms.offerSignature,
      index: terms.index,
      proof: terms.proof,
    },
    receipt: {
      receipt: structToJson(RECEIPT, receipt.receipt),
      signature: receipt.signature,
      runtimeClass: receipt.runtimeClass,
      traceHash: receipt.traceHash,
    },
    heads: heads.map(({ head, signature }) => ({ head: structToJson(HEAD, head), signature })),
    evidence: evidenceJson(evidence),
    ...(transcript === undefined ? {} : { transcript: transcriptJson(transcript) }),
    ...(batchProof === undefined ? {} : { batchProof: batchProofJson(batchProof) }),
  })
}

const evidenceJson = ({ kind, document, blockNumber, blockHash, collateral, gpu }: Evidence): Json => ({
  kind,
  document: bytesToBase64(document),
  blockNumber,
  blockHash,
  ...collateralJson(collateral),
  ...(gpu === undefined ? {} : { gpu: { document: bytesToBase64(gpu.document), ...collateralJson(gpu.collateral) } }),
})

const collateralJson = (collateral: Uint8Array): { readonly [name: string]: Json } =>
  collateral.length === 0 ? {} : { collateral: bytesToBase64(collateral) }

const transcriptJson = ({ inputSalt, input, parameters, chunks }: ReceiptTranscript): Json => ({
  inputSalt,
  input: bytesToBase64(input),
  parameters: bytesToBase64(parameters),
  chunks: chunks.map(({ data, salt }) => ({ data: bytesToBase64(data), salt })),
})

const batchProofJson = ({ checkpoint, receiptProof, votes, anchored }: BatchProof): Json => ({
  checkpoint: structToJson(CHECKPOINT, checkpoint.checkpoint),
  signature: checkpoint.signature,
  receiptProof,
  votes: votes.map(({ vote, signature, reasons }) => ({
    vote: structToJson(VOTE, vote),
    signature,
    reasons: reasons.map(({ index, code }) => ({ index, code })),
  })),
  ...(anchored === undefined
    ? {}
    : {
        anchored: {
          batch: structToJson(BATCH, anchored.batch),
          leaf: structToJson(LEAF, anchored.leaf),
          leafProof: anchored.leafProof,
          signatures: anchored.signatures.map(({ signer, signature }) => ({
            signer: toChecksumAddress(signer),
            signature,
          })),
        },
      }),
})

/** Reads the bytes `formatReceiptFile` writes, and no others: unknown members, other spellings and spaces are refused. */
export function parseReceiptFile(bytes: Uint8Array): Result<ReceiptFile, ReceiptFileError> {
  if (bytes.length > RECEIPT_FILE_LIMITS.bytes) {
    return refuse('receipt-file-too-large', '', `at most ${RECEIPT_FILE_LIMITS.bytes} bytes`, `${bytes.length} bytes`)
  }
  let json: Json
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as Json
  } catch (thrown) {
    return refuse('receipt-file-not-json', '', 'JSON in UTF-8', toError(thrown).message)
  }
  try {
    const file = readFile(json)
    return sameBytes(canonicalBytes(json), bytes)
      ? ok(file)
      : refuse('receipt-file-not-canonical', '', 'the RFC 8785 bytes of the file', 'other bytes of the same values')
  } catch (thrown) {
    if (thrown instanceof JsonMemberError) {
      const { code, at, expected, got } = thrown.detail
      return refuse(`receipt-file-${code}`, at, expected, got)
    }
    if (thrown instanceof RangeError) return refuse('receipt-file-not-canonical', '', 'RFC 8785 JSON', thrown.message)
    throw thrown
  }
}

function readFile(json: Json): ReceiptFile {
  const members = objectAt(
    json,
    'file',
    ['version', 'network', 'job', 'grant', 'terms', 'receipt', 'heads', 'evidence'],
    ['transcript', 'batchProof'],
  )
  if (members.version !== RECEIPT_FILE_VERSION) {
    throw memberError('member-invalid', 'version', `${RECEIPT_FILE_VERSION}`, members.version)
  }
  const job = objectAt(members.job, 'job', ['job', 'signature'])
  const grant = objectAt(members.grant, 'grant', ['grant', 'signature'])
  const terms = objectAt(members.terms, 'terms', ['terms', 'offer', 'offerSignature', 'index', 'proof'])
  const receipt = objectAt(members.receipt, 'receipt', ['receipt', 'signature', 'runtimeClass', 'traceHash'])
  const { transcript, batchProof } = members
  return {
    network: readNetwork(members.network),
    job: { job: structFromJson(JOB, job.job, 'job.job'), signature: signatureAt(job.signature, 'job.signature') },
    grant: {
      grant: structFromJson(SESSION_GRANT, grant.grant, 'grant.grant'),
      signature: signatureAt(grant.signature, 'grant.signature'),
    },
    terms: {
      terms: structFromJson(TERMS, terms.terms, 'terms.terms'),
      offer: structFromJson(OFFER, terms.offer, 'terms.offer'),
      offerSignature: signatureAt(terms.offerSignature, 'terms.offerSignature'),
      index: integerAt(terms.index, 'terms.index'),
      proof: proofAt(terms.proof, 'terms.proof'),
    },
    receipt: {
      receipt: structFromJson(RECEIPT, receipt.receipt, 'receipt.receipt'),
      signature: signatureAt(receipt.signature, 'receipt.signature'),
      runtimeClass: digestAt(receipt.runtimeClass, 'receipt.runtimeClass'),
      traceHash: digestAt(receipt.traceHash, 'receipt.traceHash'),
    },
    heads: listAt(members.heads, 'heads', RECEIPT_FILE_LIMITS.heads, readHead),
    evidence: readEvidence(members.evidence),
    ...(transcript === undefined ? {} : { transcript: readTranscript(transcript) }),
    ...(batchProof === undefined ? {} : { batchProof: readBatchProof(batchProof) }),
  }
}

function readNetwork(json: unknown): ReceiptNetwork {
  const { chainId, stakeManager, networkId } = objectAt(json, 'network', ['chainId', 'stakeManager', 'networkId'])
  return {
    chainId: integerAt(chainId, 'network.chainId'),
    stakeManager: addressAt(stakeManager, 'network.stakeManager'),
    networkId: digestAt(networkId, 'network.networkId'),
  }
}

function readHead(json: unknown, at: string): SignedHead {
  const { head, signature } = objectAt(json, at, ['head', 'signature'])
  return { head: structFromJson(HEAD, head, `${at}.head`), signature: signatureAt(signature, `${at}.signature`) }
}

function readEvidence(json: unknown): Evidence {
  const members = objectAt(json, 'evidence', ['kind', 'document', 'blockNumber', 'blockHash'], ['collateral', 'gpu'])
  const { kind, gpu } = members
  if (typeof kind !== 'string' || !Object.hasOwn(EVIDENCE_KIND, kind)) {
    throw memberError('member-invalid', 'evidence.kind', Object.keys(EVIDENCE_KIND).join(', '), kind)
  }
  return {
    kind: kind as EvidenceKind,
    document: bytesAt(members.document, 'evidence.document', RECEIPT_FILE_LIMITS.evidenceBytes),
    blockNumber: integerAt(members.blockNumber, 'evidence.blockNumber'),
    blockHash: digestAt(members.blockHash, 'evidence.blockHash'),
    collateral: collateralAt(members.collateral, 'evidence.collateral'),
    ...(gpu === undefined ? {} : { gpu: readGpu(gpu) }),
  }
}

function readGpu(json: unknown): GpuEvidence {
  const members = objectAt(json, 'evidence.gpu', ['document'], ['collateral'])
  return {
    document: bytesAt(members.document, 'evidence.gpu.document', RECEIPT_FILE_LIMITS.gpuBytes),
    collateral: collateralAt(members.collateral, 'evidence.gpu.collateral'),
  }
}

/** No collateral is no member: an empty one would be a second spelling. */
function collateralAt(json: unknown, at: string): Uint8Array {
  if (json === undefined) return new Uint8Array(0)
  const bytes = bytesAt(json, at, RECEIPT_FILE_LIMITS.collateralBytes)
  if (bytes.length === 0) throw memberError('member-invalid', at, 'at least one byte', json)
  return bytes
}

function readTranscript(json: unknown): ReceiptTranscript {
  const at = 'transcript'
  const members = objectAt(json, at, ['inputSalt', 'input', 'parameters', 'chunks'])
  return {
    inputSalt: digestAt(members.inputSalt, `${at}.inputSalt`),
    input: bytesAt(members.input, `${at}.input`, RECEIPT_FILE_LIMITS.bytes),
    parameters: bytesAt(members.parameters, `${at}.parameters`, MAX_PARAMETER_BYTES),
    chunks: listAt(members.chunks, `${at}.chunks`, RECEIPT_FILE_LIMITS.chunks, (item, place) => {
      const { data, salt } = objectAt(item, place, ['data', 'salt'])
      return { data: bytesAt(data, `${place}.data`, MAX_CHUNK_BYTES), salt: digestAt(salt, `${place}.salt`) }
    }),
  }
}

function readBatchProof(json: unknown): BatchProof {
  const at = 'batchProof'
  const members = objectAt(json, at, ['checkpoint', 'signature', 'receiptProof', 'votes'], ['anchored'])
  return {
    checkpoint: {
      checkpoint: structFromJson(CHECKPOINT, members.checkpoint, `${at}.checkpoint`),
      signature: signatureAt(members.signature, `${at}.signature`),
    },
    receiptProof: proofAt(members.receiptProof, `${at}.receiptProof`),
    votes: listAt(members.votes, `${at}.votes`, RECEIPT_FILE_LIMITS.votes, readVote),
    ...(members.anchored === undefined ? {} : { anchored: readAnchored(members.anchored, `${at}.anchored`) }),
  }
}

function readVote(json: unknown, at: string): SignedVote {
  const members = objectAt(json, at, ['vote', 'signature', 'reasons'])
  return {
    vote: structFromJson(VOTE, members.vote, `${at}.vote`),
    signature: signatureAt(members.signature, `${at}.signature`),
    reasons: listAt(members.reasons, `${at}.reasons`, RECEIPT_FILE_LIMITS.votes, (item, place): RejectionReason => {
      const { index, code } = objectAt(item, place, ['index', 'code'])
      return { index: integerAt(index, `${place}.index`), code: integerAt(code, `${place}.code`) }
    }),
  }
}

function readAnchored(json: unknown, at: string): AnchoredLeaf {
  const members = objectAt(json, at, ['batch', 'leaf', 'leafProof', 'signatures'])
  return {
    batch: structFromJson(BATCH, members.batch, `${at}.batch`),
    leaf: structFromJson(LEAF, members.leaf, `${at}.leaf`),
    leafProof: proofAt(members.leafProof, `${at}.leafProof`),
    signatures: listAt(members.signatures, `${at}.signatures`, RECEIPT_FILE_LIMITS.signatures, (item, place) => {
      const { signer, signature } = objectAt(item, place, ['signer', 'signature'])
      return { signer: addressAt(signer, `${place}.signer`), signature: signatureAt(signature, `${place}.signature`) }
    }),
  }
}

function digestAt(json: unknown, at: string): Digest {
  if (!isDigest(json)) throw memberError('member-invalid', at, '0x and 64 lower-case hex digits', json)
  return json
}

const SIGNATURE_CHARACTERS = 132

function signatureAt(json: unknown, at: string): Hex {
  if (!isHex(json) || json.length !== SIGNATURE_CHARACTERS) {
    throw memberError('member-invalid', at, 'a signature of 65 bytes in lower-case hex', json)
  }
  return json
}

function integerAt(json: unknown, at: string): number {
  if (!Number.isSafeInteger(json) || (json as number) < 0) throw memberError('member-invalid', at, 'an integer', json)
  return json as number
}

const proofAt = (json: unknown, at: string): Digest[] => listAt(json, at, MAX_PROOF_LENGTH, digestAt)

function bytesAt(json: unknown, at: string, most: number): Uint8Array {
  const bytes = typeof json === 'string' ? base64ToBytes(json) : undefined
  if (bytes === undefined || bytes.length > most) {
    throw memberError('member-invalid', at, `at most ${most} bytes in padded base64`, json)
  }
  return bytes
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}

const refuse = (
  code: ReceiptFileErrorCode,
  at: string,
  expected: string,
  got: string,
): { readonly ok: false; readonly error: ReceiptFileError } =>
  fail(
    new ReceiptFileError(
      { code, at, expected, got },
      `receipt file${at === '' ? '' : ` ${at}`}: expected ${expected}, got ${got}`,
    ),
  )
