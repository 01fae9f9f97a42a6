import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import {
  type AttestationError,
  type Certificate,
  CLOUD_ASSURANCES,
  type DocumentKind,
  devnetPolicy,
  type EvidencePolicy,
  type EvidenceVerdict,
  parseCollateral,
  productionPolicy,
  REPORT_DATA_BYTES,
  TCB_STATUSES,
  type TrustRoot,
  trustRoot,
  vendorRoots,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { type FileContent, fileContents } from '../../src/node/attestationFiles.ts'
import { assembleEvidence } from '../../src/node/evidenceAssembly.ts'
import { isSelfIssued } from '../../src/node/evidenceCertificates.ts'
import { signedTime } from '../../src/node/evidenceTimes.ts'
import { nodeAttestationCrypto } from '../../src/node/index.ts'
import { vendorCertificates } from '../../src/node/vendorFolders.ts'
import { type TrustVendor, toError } from '../../src/protocol/index.ts'

/** A list of evidence files with the time to judge each at and what is expected; paths are relative to the list. */
const manifestSchema = z.object({
  vectors: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      evidence: z.string(),
      with: z.array(z.string()).default([]),
      at: z.string().nullable().default(null),
      expect: z.record(z.string(), z.unknown()),
    }),
  ),
})
export type ManifestVector = z.infer<typeof manifestSchema>['vectors'][number]

const VERDICTS = ['accept', 'reject', 'accept-without-collateral', 'unappraised'] as const

/** What came of one entry, in the members that `expect` may name. */
export interface ActualVerdict {
  readonly verdict: (typeof VERDICTS)[number]
  readonly reason?: string
  /** The refusal in words. */
  readonly message?: string
  readonly tcbStatus?: string
  readonly advisories?: readonly string[]
  readonly assurance?: string
  readonly root?: string
  readonly eventLog?: 'replay-equals-quote'
  readonly digests?: 'match'
  readonly measurements?: EvidenceVerdict['measurements']
  readonly reportData?: string
  readonly instanceId?: string
  readonly checked?: readonly string[]
  readonly notChecked?: readonly string[]
  readonly freshness?: string
  readonly expiresAt?: string
}

export interface VectorResult {
  readonly name: string
  readonly kind: string
  /** RFC 3339: when it was judged; null where that could not be told. */
  readonly at: string | null
  readonly expect: Readonly<Record<string, unknown>>
  readonly actual: ActualVerdict
  readonly ok: boolean
}

export interface ManifestResult {
  readonly manifest: string
  readonly vectors: readonly VectorResult[]
  readonly passed: number
  readonly failed: number
}

/** Folders beside a manifest that hold the vendors' certificates, by kind. */
const KIND_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  nitro: ['nitro'],
  tdx: ['tdx'],
  sgx: ['sgx'],
  'tdx-dstack': ['tdx'],
  'sev-snp': ['sev-snp'],
  'azure-snp-vtpm': ['azure-vtpm', 'sev-snp'],
  'azure-tdx-vtpm': ['azure-vtpm', 'tdx'],
  'nvidia-gpu': ['nvidia'],
  'nvidia-switch': ['nvidia'],
  nras: ['nvidia'],
}

/** Bytes of a file: above every format's own bound, so that the verifier's refusal is what an oversized document gets. */
const MAX_FILE_BYTES = 64 * 1_048_576
/** Milliseconds: entries say when to judge; only a document's own certificates bound its age. */
const MAX_AGE_MS = 20 * 365 * 86_400_000
const MAX_AHEAD_MS = 5 * 60_000

/** Any program of any real machine, unbound, with every status that a vendor does not call revoked. */
const RUNNER_POLICY: EvidencePolicy = {
  ...productionPolicy(),
  assurances: [...productionPolicy().assurances, ...CLOUD_ASSURANCES],
  measurements: 'any',
  allowUnbound: true,
  maxAgeMs: MAX_AGE_MS,
  maxAheadMs: MAX_AHEAD_MS,
  tcbStatuses: TCB_STATUSES.filter((status) => status !== 'Revoked'),
}
const SIMULATED_POLICY: EvidencePolicy = { ...RUNNER_POLICY, assurances: devnetPolicy().assurances }

/** Judges every entry of a manifest. Throws SyntaxError or ZodError for a file that is no manifest, or what reading throws. */
export async function runManifest(path: string, vectorsFolder?: string): Promise<ManifestResult> {
  const { vectors } = manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  const folder = dirname(path)
  const roots = [folder, ...(vectorsFolder === undefined ? [] : [join(vectorsFolder, 'tee')])]
  const results: VectorResult[] = []
  for (const vector of vectors) results.push(await runVector(vector, folder, roots))
  const passed = results.filter((result) => result.ok).length
  return { manifest: path, vectors: results, passed, failed: results.length - passed }
}

async function runVector(vector: ManifestVector, folder: string, roots: readonly string[]): Promise<VectorResult> {
  const { name, kind, expect } = vector
  try {
    const { at, actual } = await judge(vector, folder, roots)
    return { name, kind, at: new Date(at).toISOString(), expect, actual, ok: meets(expect, actual) }
  } catch (thrown) {
    const { reason, message } =
      thrown instanceof EntryFault ? thrown : { reason: 'crashed', message: toError(thrown).stack ?? 'no stack' }
    const actual: ActualVerdict = { verdict: 'reject', reason, message }
    const refused = reason === 'unrecognised-file' && meets(expect, actual)
    return { name, kind, at: vector.at, expect, actual, ok: refused }
  }
}

/** The entry itself is at fault: it fails, whatever it expects; but for a file of rubbish, which is refused as such. */
class EntryFault extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

async function judge(
  vector: ManifestVector,
  folder: string,
  roots: readonly string[],
): Promise<{ readonly at: number; readonly actual: ActualVerdict }> {
  const bytes = await readEntry(join(folder, vector.evidence))
  const contents = fileContents(bytes)
  const given: FileContent[] = []
  for (const path of vector.with) {
    const found = fileContents(await readEntry(join(folder, path)))
    if (found.length === 0) throw new EntryFault('unrecognised-file', `${path} is nothing that goes with evidence`)
    given.push(...found)
  }
  const simulated = vector.kind === 'simulated'
  const kind = simulated ? undefined : documentKind(vector.kind)
  const shape = kind ?? contents.find((content) => content.form === 'evidence')?.kind ?? 'nitro'
  const folders = (KIND_FOLDERS[shape] ?? []).flatMap((name) => roots.map((root) => join(root, name)))
  const vendor = simulated ? [] : await vendorCertificates([dirname(join(folder, vector.evidence)), ...folders])
  const input = assembleEvidence({ ...(kind === undefined ? {} : { kind }), bytes, contents, given, vendor })
  if (input === undefined)
    throw new EntryFault('unrecognised-file', `${vector.evidence} is no evidence of a known kind`)
  const collateral = parseCollateral(input.collateral ?? new Uint8Array(0))
  const at =
    vector.at === null ? signedTime(input, collateral.ok ? collateral.value : new Map()) : Date.parse(vector.at)
  if (at === undefined || Number.isNaN(at)) throw new EntryFault('no-time', 'expected a time to judge at, got none')
  const verdict = await verifyEvidence(input, {
    now: at,
    trustRoots: simulated ? devnetRoots(given, input.kind) : vendorRoots(),
    policy: simulated ? SIMULATED_POLICY : RUNNER_POLICY,
    crypto: nodeAttestationCrypto(),
  })
  return { at, actual: verdict.ok ? acceptedAs(verdict.value, at) : refusedAs(verdict.error) }
}

async function readEntry(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES) throw new RangeError(`it has ${size} bytes`)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new EntryFault('unreadable-file', `${path}: ${toError(cause).message}`)
  }
}

function documentKind(name: string): DocumentKind {
  const kind = (Object.keys(REPORT_DATA_BYTES) as DocumentKind[]).find((known) => known === name)
  if (kind === undefined) throw new EntryFault('unknown-kind', `expected a kind of evidence or simulated, got ${name}`)
  return kind
}

const VENDORS: Readonly<Partial<Record<DocumentKind, TrustVendor>>> = {
  nitro: 'aws',
  tdx: 'intel',
  sgx: 'intel',
  'tdx-dstack': 'intel',
  'azure-tdx-vtpm': 'intel',
  'sev-snp': 'amd',
  'azure-snp-vtpm': 'amd',
  'nvidia-gpu': 'nvidia',
  'nvidia-switch': 'nvidia',
}

/** The self-issued certificates that came with a simulated document: its devnet's roots, in the vendor's place. */
function devnetRoots(given: readonly FileContent[], kind: DocumentKind): TrustRoot[] {
  const certificates: Certificate[] = given.flatMap((content) =>
    content.form === 'certificates' ? content.certificates : [],
  )
  const vendor = VENDORS[kind]
  if (vendor === undefined) return []
  return certificates.filter(isSelfIssued).map(({ der }) => trustRoot('devnet root', vendor, der))
}

function acceptedAs(verdict: EvidenceVerdict, at: number): ActualVerdict {
  const { tcbStatus, advisories, assurance, root, measurements, reportData, instanceId, checked, notChecked } = verdict
  const { freshness, expiresAt } = verdict
  // The runner's age is generous: a document whose own certificates have ended meanwhile is too old nevertheless.
  if (at > expiresAt) {
    return { verdict: 'reject', reason: 'certificate-expired', message: `in force until ${dateOf(expiresAt)}` }
  }
  return {
    verdict: tcbStatus === 'Unknown' ? 'accept-without-collateral' : 'accept',
    ...(tcbStatus === undefined ? {} : { tcbStatus }),
    advisories,
    assurance,
    root: root.name,
    ...(checked.includes('event-log') ? { eventLog: 'replay-equals-quote' } : {}),
    ...(verdict.kind === 'nras' ? { digests: 'match' } : {}),
    measurements,
    reportData,
    instanceId,
    checked,
    notChecked,
    freshness: freshness.basis,
    expiresAt: dateOf(expiresAt),
  }
}

function refusedAs({ detail, message }: AttestationError): ActualVerdict {
  const reason: string = detail.code
  // The digests of a detached bundle are compared before its signatures, so a missing key set says that they match.
  if (reason === 'no-jwks') return { verdict: 'unappraised', reason, message, digests: 'match' }
  return { verdict: 'reject', reason, message }
}

/** NVIDIA's device certificates end in the year 9999. */
const dateOf = (time: number): string => (Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : 'never')

/** Every member expected is found as it is; of `notChecked` each name. */
export function meets(expected: Readonly<Record<string, unknown>>, actual: ActualVerdict): boolean {
  const found: Readonly<Record<string, unknown>> = { ...actual }
  return Object.entries(expected).every(([name, value]) => {
    const got = found[name]
    if (name === 'notChecked' && Array.isArray(value) && Array.isArray(got)) {
      return value.every((check) => got.includes(check))
    }
    return JSON.stringify(value) === JSON.stringify(got)
  })
}
