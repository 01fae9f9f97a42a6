import { type AttestationError, type EvidenceVerdict, verifyEvidence } from '../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../src/node/index.ts'
import { toError } from '../../src/protocol/index.ts'
import { EntryFault, type ManifestEntry, manifestEntries, questionOf } from './manifestEntries.ts'

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

/** Judges every entry of a manifest. Throws SyntaxError or TypeError for a file that is no manifest, or what reading throws. */
export async function runManifest(path: string, vectorsFolder?: string): Promise<ManifestResult> {
  const results: VectorResult[] = []
  for (const entry of await manifestEntries(path, vectorsFolder)) results.push(await runEntry(entry))
  const passed = results.filter((result) => result.ok).length
  return { manifest: path, vectors: results, passed, failed: results.length - passed }
}

async function runEntry(entry: ManifestEntry): Promise<VectorResult> {
  const { name, kind, expect, at } = entry.vector
  try {
    const { input, context } = await questionOf(entry)
    const verdict = await verifyEvidence(input, { ...context, crypto: nodeAttestationCrypto() })
    const actual = verdict.ok ? acceptedAs(verdict.value, context.now) : refusedAs(verdict.error, kind)
    return { name, kind, at: new Date(context.now).toISOString(), expect, actual, ok: meets(expect, actual) }
  } catch (thrown) {
    const { reason, message } =
      thrown instanceof EntryFault ? thrown : { reason: 'crashed', message: toError(thrown).stack ?? 'no stack' }
    const actual: ActualVerdict = { verdict: 'reject', reason, message }
    const refused = reason === 'unrecognised-file' && meets(expect, actual)
    return { name, kind, at, expect, actual, ok: refused }
  }
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

function refusedAs({ detail, message }: AttestationError, kind: string): ActualVerdict {
  const reason: string = detail.code
  // The digests of a detached bundle are compared before its signatures, so a missing key set says that they match.
  const digests = kind === 'nras' ? ({ digests: 'match' } as const) : {}
  if (reason === 'no-jwks') return { verdict: 'unappraised', reason, message, ...digests }
  return { verdict: 'reject', reason, message }
}

/** NVIDIA's device certificates end in the year 9999. */
const dateOf = (time: number): string => (Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : 'never')

/** Every member expected is found as it is; of `notChecked` each name. Where nothing is expected nothing is met. */
export function meets(expected: Readonly<Record<string, unknown>>, actual: ActualVerdict): boolean {
  if (Object.keys(expected).length === 0) return false
  const found: Readonly<Record<string, unknown>> = { ...actual }
  return Object.entries(expected).every(([name, value]) => {
    const got = found[name]
    if (name === 'notChecked' && Array.isArray(value) && Array.isArray(got)) {
      return value.every((check) => got.includes(check))
    }
    return JSON.stringify(value) === JSON.stringify(got)
  })
}
