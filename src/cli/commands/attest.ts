import {
  type Appraisal,
  type AppraisalInit,
  appraiseEvidence,
  bundleOf,
  type DocumentKind,
  describeEvidence,
  type EvidenceSource,
  readEvidence,
  readNetwork,
  signResult,
  writeWhole,
} from '../../node/index.ts'
import { type Digest, RECEIPT_FILE_LIMITS } from '../../protocol/index.ts'
import type { CommandResult } from '../context.ts'
import { CliError } from '../errors.ts'
import { readBytes, readJson, readText } from '../files.ts'
import { renderDescription, renderVerdict, statementOf } from '../render/attest.ts'

/** A policy of thousands of programs is below a megabyte. */
const MAX_POLICY_BYTES = 1_048_576
/** A PEM key is below a kilobyte. */
const MAX_KEY_BYTES = 16_384
/** Reference measurements of a driver have 100 kB; a receipt file may have what its job had. */
const MAX_GIVEN_BYTES = 4 * 1_048_576

export interface AttestReadOptions {
  readonly kind?: DocumentKind
  readonly with?: readonly string[]
}

export interface AttestVerifyOptions extends AttestReadOptions {
  readonly policy?: string
  readonly network?: string
  /** Milliseconds since 1970. */
  readonly asOf?: number
  readonly reportData?: Digest
}

/** `opg attest show`: what a document says of itself, believed by nobody. */
export async function attestShow(path: string, options: AttestReadOptions): Promise<CommandResult> {
  const { input } = await read(path, options)
  const described = describeEvidence(input)
  if (!described.ok) throw described.error
  const { fields, certificates, ...rest } = described.value
  return {
    text: renderDescription(described.value),
    json: {
      verified: false,
      ...rest,
      collateral: rest.collateral.map((item) => ({ ...item })),
      fields: Object.fromEntries(fields),
      certificates: certificates.map((certificate) => ({ ...certificate })),
    },
  }
}

/** `opg attest verify`: the verdict, and what was not looked at; what is refused ends as an error of its rule's code. */
export async function attestVerify(path: string, options: AttestVerifyOptions): Promise<CommandResult> {
  const { verdict, at, collateral } = (await appraise(path, options)).appraisal
  const { root, freshness, measurements, keyBinding, ...rest } = verdict
  return {
    text: renderVerdict(verdict, at, collateral),
    json: {
      statement: statementOf(verdict),
      ...rest,
      advisories: [...rest.advisories],
      checked: [...rest.checked],
      notChecked: [...rest.notChecked],
      root: { ...root },
      measurements: { ...measurements },
      keyBinding: { ...keyBinding },
      freshness: { ...freshness },
      at,
      collateral: collateral ?? null,
    },
  }
}

export interface AttestExportOptions extends AttestVerifyOptions {
  readonly format: 'ear' | 'bundle'
  /** Private key on P-256, PEM. */
  readonly key?: string
  readonly out?: string
}

/** `opg attest export`: the verdict as a signed attestation result, or what goes with a document as one bundle. */
export const attestExport = async (path: string, options: AttestExportOptions): Promise<CommandResult> =>
  options.format === 'ear' ? await exportResult(path, options) : await exportBundle(path, options)

async function exportResult(path: string, options: AttestExportOptions): Promise<CommandResult> {
  if (options.key === undefined) {
    throw new CliError({ code: 'usage', message: '--format ear needs --key, a private key on P-256 in PEM' })
  }
  const pem = await readText(options.key, MAX_KEY_BYTES)
  const { init, appraisal } = await appraise(path, options)
  const result = await signResult(appraisal, init, pem)
  if (result === undefined) {
    throw new CliError({ code: 'key-malformed', message: `${options.key} is no private key on P-256 in PEM` })
  }
  const { token, kid } = result
  if (options.out !== undefined) await writeWhole(options.out, `${token}\n`)
  return { text: options.out ?? token, json: { format: 'ear', token, kid, statement: statementOf(appraisal.verdict) } }
}

async function exportBundle(path: string, options: AttestExportOptions): Promise<CommandResult> {
  const { input } = await read(path, options)
  const bundle = bundleOf(input)
  if (bundle === undefined) {
    throw new CliError({
      code: 'bundle-empty',
      message: 'nothing goes with this document: a bundle of nothing is no file',
      hint: 'give certificates, revocation lists or the vendor’s collateral with --with',
    })
  }
  const file = options.out ?? `${bundle.digest}.collateral`
  await writeWhole(file, bundle.bytes)
  return {
    text: `bundle  ${bundle.digest}\nitems   ${bundle.items.join(', ')}\nfile    ${file}`,
    json: { format: 'bundle', digest: bundle.digest, items: [...bundle.items], file },
  }
}

async function read(path: string, options: AttestReadOptions): Promise<EvidenceSource> {
  const bytes = await readBytes(path, RECEIPT_FILE_LIMITS.bytes)
  const given: Uint8Array[] = []
  for (const file of options.with ?? []) given.push(await readBytes(file, MAX_GIVEN_BYTES))
  const source = readEvidence(bytes, given, options.kind)
  if (source.ok) return source.value
  const { detail, message } = source.error
  if (detail.code !== 'evidence-unrecognised') throw source.error
  const named = detail.given === undefined ? path : (options.with?.[detail.given] ?? path)
  throw new CliError({ code: detail.code, message: `${named}: ${message}` }, { cause: source.error })
}

async function appraise(
  path: string,
  options: AttestVerifyOptions,
): Promise<{ readonly init: AppraisalInit; readonly appraisal: Appraisal }> {
  const source = await read(path, options)
  const init: AppraisalInit = {
    now: Date.now(),
    ...(options.network === undefined ? {} : { network: await readNetwork(options.network) }),
    ...(options.policy === undefined ? {} : { policy: await readJson(options.policy, MAX_POLICY_BYTES) }),
    ...(options.asOf === undefined ? {} : { asOf: options.asOf }),
    ...(options.reportData === undefined ? {} : { reportData: options.reportData }),
  }
  const appraised = await appraiseEvidence(source, init)
  if (appraised.ok) return { init, appraisal: appraised.value }
  const { error } = appraised
  const hint = HINTS[error.code]
  if (error.code === 'bad-policy') {
    throw new CliError({ code: error.code, message: `${options.policy}: ${error.message}` }, { cause: error })
  }
  if (hint === undefined) throw error
  const { code, message } = error
  throw new CliError({ code, message, hint }, { cause: error })
}

/** What the caller can do about a refusal that is not the evidence's fault. */
const HINTS: { readonly [code: string]: string } = {
  'untrusted-root': 'for a devnet give --network network.json, which names its trust roots',
  'collateral-missing': 'give the vendor’s certificates and lists with --with, or a policy that accepts Unknown',
  'assurance-refused': 'a policy file (--policy) says which assurances are accepted',
  'measurement-refused': 'a policy file (--policy) lists programs under measurements',
  'too-few-vendors': 'judge the receipt of a job, or take a policy with minimumVendors 1',
  'report-data-unbound': 'give --report-data, or a policy with allowUnbound',
  'evidence-too-old': 'judge it at its own time with --as-of',
  'certificate-expired': 'judge it at its own time with --as-of',
  'crl-expired': 'judge it at the collateral’s own time with --as-of',
}
