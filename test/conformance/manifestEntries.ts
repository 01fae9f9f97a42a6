import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import {
  type Certificate,
  CLOUD_ASSURANCES,
  type DocumentKind,
  devnetPolicy,
  type EvidenceInput,
  type EvidencePolicy,
  parseCollateral,
  productionPolicy,
  REPORT_DATA_BYTES,
  TCB_STATUSES,
  type TrustRoot,
  trustRoot,
  type VerifierContext,
  vendorRoots,
} from '../../src/attestation/index.ts'
import { type FileContent, fileContents } from '../../src/node/attestationFiles.ts'
import { assembleEvidence } from '../../src/node/evidenceAssembly.ts'
import { embeddedCertificates, isSelfIssued } from '../../src/node/evidenceCertificates.ts'
import { signedTime } from '../../src/node/evidenceTimes.ts'
import { givenKeySets } from '../../src/node/tokenKeys.ts'
import { vendorCertificates } from '../../src/node/vendorFolders.ts'
import { type TrustVendor, toError } from '../../src/protocol/index.ts'

/** A list of evidence files with the time to judge each at and what is expected; paths are relative to the list. */
const manifestSchema = z.object({ vectors: z.array(z.unknown()) })
const vectorSchema = z.object({
  name: z.string(),
  kind: z.string(),
  evidence: z.string(),
  with: z.array(z.string()).default([]),
  at: z.string().nullable().default(null),
  expect: z.record(z.string(), z.unknown()).default({}),
})
export type ManifestVector = z.infer<typeof vectorSchema>

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
  requireSnpFloor: false,
  maxAgeMs: MAX_AGE_MS,
  maxAheadMs: MAX_AHEAD_MS,
  tcbStatuses: TCB_STATUSES.filter((status) => status !== 'Revoked'),
  // Production quotes of Google's and Azure's show both settings, and Intel's specification asks for neither.
  allowSeptVe: true,
}
const SIMULATED_POLICY: EvidencePolicy = { ...RUNNER_POLICY, assurances: devnetPolicy().assurances }

/** One line of a manifest with where to look for what it names. */
export interface ManifestEntry {
  readonly vector: ManifestVector
  /** Why the line is no entry, with what could be read of it in `vector`. */
  readonly malformed?: string
  readonly folder: string
  /** Folders whose sub-folders hold vendors' certificates. */
  readonly roots: readonly string[]
}

/** The entries of a manifest. Throws SyntaxError or TypeError for a file that is no manifest, or what reading throws. */
export async function manifestEntries(path: string, vectorsFolder?: string): Promise<ManifestEntry[]> {
  const manifest = manifestSchema.safeParse(JSON.parse(await readFile(path, 'utf8')))
  if (!manifest.success) throw new TypeError('expected {"vectors": [...]}')
  const { vectors } = manifest.data
  const folder = dirname(path)
  const roots = [folder, ...(vectorsFolder === undefined ? [] : [join(vectorsFolder, 'tee')])]
  return vectors.map((line) => {
    const parsed = vectorSchema.safeParse(line)
    if (parsed.success) return { vector: parsed.data, folder, roots }
    const [issue] = parsed.error.issues
    return { vector: readable(line), malformed: `${issue?.path.join('.')}: ${issue?.message}`, folder, roots }
  })
}

/** What can be told of a line that is no entry. */
function readable(line: unknown): ManifestVector {
  const { name, kind, expect } = z
    .object({
      name: z.string().catch('unnamed'),
      kind: z.string().catch('unknown'),
      expect: vectorSchema.shape.expect.catch({}),
    })
    .catch({ name: 'unnamed', kind: 'unknown', expect: {} })
    .parse(line)
  return { name, kind, evidence: '', with: [], at: null, expect }
}

/** The entry itself is at fault: it fails, whatever it expects; but for a file of rubbish, which is refused as such. */
export class EntryFault extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** One entry as a verifier is asked about it, and in what context; only the cryptography is left to the caller. */
export interface Question {
  readonly input: EvidenceInput
  readonly context: Omit<VerifierContext, 'crypto'>
}

/** Reads what an entry names. Throws EntryFault. */
export async function questionOf({ vector, malformed, folder, roots }: ManifestEntry): Promise<Question> {
  if (malformed !== undefined) throw new EntryFault('malformed-entry', malformed)
  const path = resolve(folder, vector.evidence)
  const bytes = await readEntry(path)
  const contents = fileContents(bytes)
  const given: FileContent[] = []
  for (const name of vector.with) {
    const found = fileContents(await readEntry(resolve(folder, name)))
    if (found.length === 0) throw new EntryFault('unrecognised-file', `${name} is nothing that goes with evidence`)
    given.push(...found)
  }
  const simulated = vector.kind === 'simulated'
  const kind = simulated ? undefined : documentKind(vector.kind)
  const shape = kind ?? contents.find((content) => content.form === 'evidence')?.kind ?? 'nitro'
  const beside = [path, ...vector.with.map((name) => resolve(folder, name))].map((file) => dirname(file))
  const above = [...roots, ...beside.map((place) => dirname(place))]
  const folders = (KIND_FOLDERS[shape] ?? []).flatMap((name) => above.map((root) => join(root, name)))
  const vendor = simulated ? [] : await vendorCertificates([...beside, ...folders])
  const named = vector.at === null ? undefined : Date.parse(vector.at)
  if (Number.isNaN(named)) throw new EntryFault('no-time', `expected a time to judge at, got ${vector.at}`)
  const input = assembleEvidence({
    ...(kind === undefined ? {} : { kind }),
    ...(named === undefined ? {} : { at: named }),
    bytes,
    contents,
    given,
    vendor,
  })
  if (input === undefined)
    throw new EntryFault('unrecognised-file', `${vector.evidence} is no evidence of a known kind`)
  const collateral = parseCollateral(input.collateral ?? new Uint8Array(0))
  // What has no time that could be read is no document of its kind: its verifier says so before time matters.
  const at = named ?? signedTime(input, collateral.ok ? collateral.value : new Map()) ?? Date.now()
  return {
    input,
    context: {
      now: at,
      trustRoots: simulated ? devnetRoots(given, input.kind) : vendorRoots(),
      policy: simulated
        ? SIMULATED_POLICY
        : { ...RUNNER_POLICY, trustedKeySets: givenKeySets(input.kind, input.document, given) },
    },
  }
}

async function readEntry(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES) throw new RangeError(`expected at most ${MAX_FILE_BYTES} bytes, got ${size}`)
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
  const certificates = given.flatMap((content): readonly Certificate[] => {
    if (content.form === 'certificates') return content.certificates
    return content.form === 'collateral' ? [...content.items.values()].flatMap(embeddedCertificates) : []
  })
  const vendor = VENDORS[kind]
  if (vendor === undefined) return []
  return certificates.filter(isSelfIssued).map(({ der }) => trustRoot('devnet root', vendor, der))
}
