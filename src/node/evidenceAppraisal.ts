import {
  AttestationError,
  type Certificate,
  CLOUD_ASSURANCES,
  collateralDigest,
  type DocumentClaims,
  type DocumentKind,
  devnetPolicy,
  type EvidenceInput,
  type EvidencePolicy,
  type EvidenceVerdict,
  nameText,
  type PeerEvidence,
  parseCertificate,
  parseCollateral,
  parsePolicyFile,
  policyUnder,
  productionPolicy,
  readClaims,
  type TrustedKeySet,
  type TrustProfile,
  type VerifierContext,
  vendorRoots,
  verifyEvidence,
  verifyPeerEvidence,
} from '../attestation/index.ts'
import type { NetworkFile } from '../chain/index.ts'
import {
  bindingOf,
  type Digest,
  fail,
  hexToBytes,
  ok,
  type PeerBinding,
  parseReceiptFile,
  type Result,
  sha256,
} from '../protocol/index.ts'
import { nodeAttestationCrypto } from './attestationCrypto.ts'
import { type FileContent, fileContents } from './attestationFiles.ts'
import { isRecord, jsonOf, textOf } from './attestationForms.ts'
import { NodeError } from './errors.ts'
import { assembleEvidence } from './evidenceAssembly.ts'
import { embeddedCertificates } from './evidenceCertificates.ts'
import { givenKeySets } from './tokenKeys.ts'

/** Evidence with what the file it came from says it must speak for. */
export interface EvidenceSource {
  readonly input: EvidenceInput
  /** Of a receipt: its grant's beginning, what the evidence must speak for (R5), and the GPU beside the processor. */
  readonly grant: ReceiptGrant | undefined
  /** Keys of a token's issuer that were named as files. */
  readonly trustedKeySets: readonly TrustedKeySet[]
}

interface ReceiptGrant {
  readonly notBefore: number
  readonly binding: PeerBinding
  readonly gpu: PeerEvidence['gpu']
}

/**
 * Evidence from the bytes of files: a document in any form its vendor's tools write, or a receipt file, and what was
 * given with it. `evidence-unrecognised` names what is not understood.
 */
export function readEvidence(
  bytes: Uint8Array,
  given: readonly Uint8Array[],
  kind?: DocumentKind,
): Result<EvidenceSource, NodeError> {
  const contents: FileContent[] = []
  for (const [index, file] of given.entries()) {
    const found = fileContents(file)
    if (found.length === 0) return unrecognised('certificates, revocation lists or collateral beside evidence', index)
    contents.push(...found)
  }
  const receipt = receiptEvidence(bytes)
  const named = receipt?.kind ?? kind
  const input = assembleEvidence({
    bytes: receipt?.document ?? bytes,
    contents: receipt?.contents ?? fileContents(bytes),
    given: contents,
    vendor: [],
    ...(named === undefined ? {} : { kind: named }),
  })
  if (input === undefined) return unrecognised('evidence of a known kind, or a receipt file')
  const trustedKeySets = givenKeySets(input.kind, input.document, contents)
  return ok({ input, grant: receipt?.grant, trustedKeySets })
}

/** `given`: which of the files beside the evidence, from 0 on. */
function unrecognised(expected: string, given?: number): Result<never, NodeError> {
  const detail = { code: 'evidence-unrecognised', expected, ...(given === undefined ? {} : { given }) } as const
  return fail(new NodeError(detail, `expected ${expected}, got a file of something else`))
}

/** The evidence of a receipt file; undefined for other files. Throws ReceiptFileError for a receipt that is malformed. */
function receiptEvidence(bytes: Uint8Array): ReceiptEvidence | undefined {
  const json = jsonOf(textOf(bytes) ?? '')
  if (!isRecord(json) || json.grant === undefined || json.receipt === undefined) return undefined
  const parsed = parseReceiptFile(bytes)
  if (!parsed.ok) throw parsed.error
  const { evidence, network } = parsed.value
  const { grant } = parsed.value.grant
  const { kind, document, collateral, gpu } = evidence
  const items = parseCollateral(collateral)
  if (!items.ok) throw items.error
  return {
    kind,
    document,
    contents: [
      { form: 'evidence', kind, document },
      { form: 'collateral', items: items.value },
    ],
    grant: { notBefore: grant.notBefore, binding: bindingOf(network, grant, evidence), gpu },
  }
}

interface ReceiptEvidence extends Pick<EvidenceInput, 'kind' | 'document'> {
  readonly contents: readonly FileContent[]
  readonly grant: ReceiptGrant
}

export interface CertificateView {
  /** `document`, or the item of the bundle that holds it. */
  readonly in: string
  readonly subject: string
  readonly issuer: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly isCa: boolean
  readonly sha256: Digest
}

/** What evidence says of itself; nothing about it is verified. */
export interface EvidenceDescription {
  readonly kind: DocumentKind
  readonly bytes: number
  readonly sha256: Digest
  readonly fields: DocumentClaims['fields']
  readonly certificates: readonly CertificateView[]
  readonly collateral: readonly { readonly item: string; readonly bytes: number; readonly sha256: Digest }[]
}

/** Everything a document says, by its kind's parser; the parser's refusal for what it cannot read. */
export function describeEvidence(input: EvidenceInput): Result<EvidenceDescription, AttestationError> {
  const claims = readClaims(input.kind, input.document, nodeAttestationCrypto())
  if (!claims.ok) return claims
  const collateral = parseCollateral(input.collateral ?? new Uint8Array(0))
  if (!collateral.ok) return collateral
  const own = claims.value.certificates.flatMap((der, position) => {
    const certificate = parseCertificate(der, position)
    return certificate.ok ? [certificate.value] : []
  })
  const carried = own.length > 0 ? own : embeddedCertificates(input.document)
  return ok({
    kind: input.kind,
    bytes: input.document.length,
    sha256: sha256(input.document),
    fields: claims.value.fields,
    certificates: [
      ...carried.map((certificate) => viewOf('document', certificate)),
      ...[...collateral.value].flatMap(([item, bytes]) =>
        fileContents(bytes).flatMap((content) =>
          content.form === 'certificates' ? content.certificates.map((each) => viewOf(item, each)) : [],
        ),
      ),
    ],
    collateral: [...collateral.value].map(([item, bytes]) => ({ item, bytes: bytes.length, sha256: sha256(bytes) })),
  })
}

function viewOf(place: string, { subject, issuer, notBefore, notAfter, isCa, der }: Certificate): CertificateView {
  return {
    in: place,
    subject: nameText(subject),
    issuer: nameText(issuer),
    notBefore,
    notAfter,
    isCa,
    sha256: sha256(der),
  }
}

export interface AppraisalInit {
  /** Whose trust roots count besides the vendors', and which policy where none is given. */
  readonly network?: NetworkFile
  /** A policy as its file holds it. */
  readonly policy?: unknown
  /** Milliseconds since 1970; a receipt's own time, else `now`, where it is left out. */
  readonly asOf?: number
  readonly now: number
  /** The 32 bytes that the evidence must carry; those of a receipt's grant where it is one. */
  readonly reportData?: Digest
}

/** What was found, and when it was judged. */
export interface Appraisal {
  readonly verdict: EvidenceVerdict
  readonly at: number
  readonly collateral: Digest | undefined
}

/** Judges evidence under a policy file, else under what production or the network's devnet accepts, of any program. */
export async function appraiseEvidence(
  source: EvidenceSource,
  init: AppraisalInit,
): Promise<Result<Appraisal, AttestationError>> {
  const { input, grant } = source
  const { reportData } = init
  const policy = policyOf(init, source, reportData !== undefined || grant !== undefined)
  if (!policy.ok) return policy
  const at = init.asOf ?? grant?.notBefore ?? init.now
  const context = {
    now: at,
    trustRoots: [...vendorRoots(), ...(init.network?.trustRoots ?? [])],
    policy: policy.value,
    crypto: nodeAttestationCrypto(),
  }
  const expected = reportData === undefined ? {} : { expectedReportData: hexToBytes(reportData) }
  const verdict =
    grant === undefined || reportData !== undefined
      ? await appraiseAlone(input, { ...context, ...expected })
      : await appraiseGrant(input, grant, context)
  return verdict.ok ? ok({ verdict: verdict.value, at, collateral: bundleDigest(input) }) : verdict
}

/** One document has one vendor: a policy that asks for more is not met by it, whatever it says. */
async function appraiseAlone(
  input: EvidenceInput,
  context: VerifierContext,
): Promise<Result<EvidenceVerdict, AttestationError>> {
  const verdict = await verifyEvidence(input, context)
  const { minimumVendors } = context.policy
  if (!verdict.ok || minimumVendors === 1) return verdict
  const [expected, got] = [`hardware of ${minimumVendors} vendors`, `one document of ${verdict.value.root.vendor}`]
  const message = `too-few-vendors: expected ${expected}, got ${got}`
  return fail(new AttestationError({ code: 'too-few-vendors', expected, got }, message))
}

/** R5: what stands behind a grant is judged whole, and what no processor binds is refused. */
async function appraiseGrant(
  input: EvidenceInput,
  { binding, gpu }: ReceiptGrant,
  context: Omit<VerifierContext, 'expectedReportData'>,
): Promise<Result<EvidenceVerdict, AttestationError>> {
  const peer = await verifyPeerEvidence(gpu === undefined ? input : { ...input, gpu }, { ...context, binding })
  if (!peer.ok) return peer
  const { cpu, assurance, checked, notChecked, expiresAt } = peer.value
  return ok({ ...cpu, assurance, checked, notChecked, expiresAt })
}

export interface Bundle {
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly items: readonly string[]
}

/** What goes with the evidence, as it travels; undefined where nothing does. */
export function bundleOf(input: EvidenceInput): Bundle | undefined {
  const digest = bundleDigest(input)
  const bytes = input.collateral ?? new Uint8Array(0)
  const items = parseCollateral(bytes)
  return digest === undefined || !items.ok ? undefined : { bytes, digest, items: [...items.value.keys()] }
}

/** Content address of what goes with the evidence; undefined where nothing does. */
const bundleDigest = ({ collateral }: EvidenceInput): Digest | undefined =>
  collateral === undefined || collateral.length === 0
    ? undefined
    : collateralDigest(collateral, nodeAttestationCrypto())

/**
 * Without a policy file any program will do, bound or not, and a cloud's word under keys that were named: the verdict
 * says what was not compared, and whose word it is.
 */
function policyOf(
  init: AppraisalInit,
  { trustedKeySets }: EvidenceSource,
  bound: boolean,
): Result<EvidencePolicy, AttestationError> {
  if (init.policy !== undefined) return readPolicy(init.policy, init.network?.profile ?? 'production')
  const base = init.network?.profile === 'devnet' ? devnetPolicy() : productionPolicy()
  const clouds = trustedKeySets.length > 0 ? CLOUD_ASSURANCES : []
  return ok({
    ...base,
    assurances: [...base.assurances, ...clouds],
    measurements: 'any',
    allowUnbound: !bound,
    trustedKeySets,
  })
}

/** A policy file without a chain to ask: one that leans on the epoch's policy would be judged too leniently. */
function readPolicy(file: unknown, profile: TrustProfile): Result<EvidencePolicy, AttestationError> {
  const parsed = parsePolicyFile(file)
  if (!parsed.ok) return parsed
  if (parsed.value.source === 'local') return ok(policyUnder(parsed.value, profile))
  const expected = 'source local: no chain is asked for the policy of an epoch here'
  return fail(new AttestationError({ code: 'bad-policy', expected, got: 'chain' }, `bad-policy: expected ${expected}`))
}
