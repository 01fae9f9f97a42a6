import type { EvidenceKind } from '../../protocol/index.ts'
import type { Attestation, Attester } from '../attester.ts'
import { equalBytes } from '../bytes.ts'
import { type Collateral, encodeCollateral } from '../collateral.ts'
import { padReportData } from '../evidence.ts'
import { certificateTable } from './certificateTable.ts'
import {
  MAX_SNP_TABLE_BYTES,
  MAX_TSM_OUTBLOB_BYTES,
  MAX_TSM_TEXT_BYTES,
  TSM_ATTEMPTS,
  TSM_FIRST_WAIT_MS,
  TSM_LONGEST_WAIT_MS,
} from './constants.ts'
import { AttesterError, attesterError, errnoOf, fromSystem } from './errors.ts'

/**
 * The directory `/sys/kernel/config/tsm/report` (Linux, Documentation/ABI/testing/configfs-tsm-report). Every call may
 * throw an error with an errno in `code`.
 */
export interface TsmDirectory {
  /** Makes a report of this name; the kernel fills it with attributes. */
  make(report: string): Promise<void>
  remove(report: string): Promise<void>
  /** The whole attribute; throws EFBIG beyond `limit` bytes. */
  read(report: string, attribute: string, limit: number): Promise<Uint8Array>
  /** Opens, writes all in one piece, closes: the kernel takes a binary attribute when it is closed. */
  write(report: string, attribute: string, bytes: Uint8Array): Promise<void>
}

export interface TsmComponents {
  readonly directory: TsmDirectory
  /** A name no other report has. */
  readonly name: () => string
  readonly wait: (milliseconds: number) => Promise<void>
}

interface Provider {
  readonly kind: EvidenceKind
  /** Where the report repeats our 64 bytes; undefined for a document that is none of this provider. */
  readonly echoAt: (document: Uint8Array) => number | undefined
}

const SNP_REPORT_BYTES = 1_184
const SNP_REPORT_DATA_AT = 0x50
/** Header of 48 bytes, report data at 520 of the TD report; version 5 has 6 bytes of descriptor between them. */
const TDX_REPORT_DATA_AT: Readonly<Record<number, number>> = { 4: 568, 5: 574 }

const PROVIDERS: Readonly<Record<string, Provider>> = {
  tdx_guest: {
    kind: 'tdx',
    echoAt: (quote) => TDX_REPORT_DATA_AT[(quote[0] ?? 0) | ((quote[1] ?? 0) << 8)],
  },
  sev_guest: {
    kind: 'sev-snp',
    echoAt: (report) => (report.length === SNP_REPORT_BYTES ? SNP_REPORT_DATA_AT : undefined),
  },
}

const NAME = 'configfs-tsm'

/** The provider behind the directory, by making a report and asking it. Throws AttesterError. */
export async function tsmProvider(components: TsmComponents): Promise<{ provider: string; kind: EvidenceKind }> {
  return await withRetries(components, async () =>
    withReport(components, async (report) => {
      const provider = await text(components, report, 'provider')
      return { provider, kind: known(provider).kind }
    }),
  )
}

/** Evidence by the kernel's interface for TDX and SEV-SNP guests. Throws AttesterError where the machine has none. */
export async function tsmAttester(components: TsmComponents): Promise<Attester> {
  const { provider, kind } = await tsmProvider(components)
  return new Tsm(components, provider, kind)
}

class Tsm implements Attester {
  readonly kind: EvidenceKind
  readonly #components: TsmComponents
  readonly #provider: string

  constructor(components: TsmComponents, provider: string, kind: EvidenceKind) {
    this.#components = components
    this.#provider = provider
    this.kind = kind
  }

  async attest(reportData: Uint8Array): Promise<Attestation> {
    const inblob = padReportData(this.kind, reportData)
    return await withRetries(this.#components, () =>
      withReport(this.#components, (report) => this.#request(report, inblob)),
    )
  }

  async #request(report: string, inblob: Uint8Array): Promise<Attestation> {
    const { directory } = this.#components
    const provider = await text(this.#components, report, 'provider')
    if (provider !== this.#provider) throw attesterError('attester-unavailable', NAME, this.#provider, provider)
    const before = await this.#generation(report)
    const options = await this.#takeFloor(report)
    await call(`to write ${inblob.length} bytes to inblob`, () => directory.write(report, 'inblob', inblob))
    const document = await call('to read outblob', () => directory.read(report, 'outblob', MAX_TSM_OUTBLOB_BYTES))
    const collateral = await this.#collateral(report)
    const after = await this.#generation(report)
    const expected = before + options + 1
    if (after !== expected)
      throw attesterError('attester-busy', NAME, `generation ${expected}, our writes alone`, `generation ${after}`)
    const at = known(provider).echoAt(document)
    if (at === undefined || document.length < at + inblob.length)
      throw attesterError('attester-answer-invalid', NAME, `a report of ${provider}`, `${document.length} other bytes`)
    if (!equalBytes(document.subarray(at, at + inblob.length), inblob))
      throw attesterError('attester-busy', NAME, 'a report with our report data', 'a report with other report data')
    return { document, collateral: encodeCollateral(collateral) }
  }

  /**
   * A guest below a paravisor (SVSM) may ask for reports of its own privilege level alone, where the kernel asks for level
   * 0 by itself. Returns how many options it wrote: each counts as a generation.
   */
  async #takeFloor(report: string): Promise<number> {
    if (this.kind !== 'sev-snp') return 0
    const { directory } = this.#components
    const shown = await text(this.#components, report, 'privlevel_floor').catch((thrown: unknown) => {
      if (thrown instanceof AttesterError && errnoOf(thrown.cause) === 'ENOENT') return '0'
      throw thrown
    })
    if (!/^[0-3]$/.test(shown))
      throw attesterError('attester-answer-invalid', NAME, 'a privilege level', JSON.stringify(shown))
    if (shown === '0') return 0
    await call('to write privlevel', () => directory.write(report, 'privlevel', new TextEncoder().encode(shown)))
    return 1
  }

  async #generation(report: string): Promise<number> {
    const shown = await text(this.#components, report, 'generation')
    if (/^[0-9]{1,15}$/.test(shown)) return Number(shown)
    throw attesterError('attester-answer-invalid', NAME, 'a generation', JSON.stringify(shown))
  }

  /** Only SEV-SNP hosts hand certificates over, and not all of them. */
  async #collateral(report: string): Promise<Collateral> {
    if (this.kind !== 'sev-snp') return new Map()
    try {
      return certificateTable(await this.#components.directory.read(report, 'auxblob', MAX_SNP_TABLE_BYTES))
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return new Map()
      throw fromSystem(NAME, 'to read auxblob', thrown)
    }
  }
}

function known(provider: string): Provider {
  const found = Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider] : undefined
  if (found !== undefined) return found
  const expected = `the provider ${Object.keys(PROVIDERS).join(' or ')}`
  throw attesterError('attester-unavailable', NAME, expected, JSON.stringify(provider))
}

async function text({ directory }: TsmComponents, report: string, attribute: string): Promise<string> {
  const bytes = await call(`to read ${attribute}`, () => directory.read(report, attribute, MAX_TSM_TEXT_BYTES))
  return new TextDecoder().decode(bytes).trim()
}

async function call<T>(expected: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (thrown) {
    throw fromSystem(NAME, expected, thrown)
  }
}

/** A report of our own for each request, so that others write elsewhere; removed however the request ends. */
async function withReport<T>(components: TsmComponents, use: (report: string) => Promise<T>): Promise<T> {
  const report = components.name()
  await call('to make a report', () => components.directory.make(report))
  let result: T
  try {
    result = await use(report)
  } catch (thrown) {
    await remove(components, report).catch(() => undefined)
    throw thrown
  }
  await remove(components, report)
  return result
}

async function remove({ directory }: TsmComponents, report: string): Promise<void> {
  try {
    await directory.remove(report)
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw fromSystem(NAME, `to remove the report ${report}`, thrown)
  }
}

/** Names taken by others are as passing as a busy device. */
const passing = (thrown: unknown): boolean =>
  thrown instanceof AttesterError &&
  (thrown.code === 'attester-busy' || (thrown.code === 'attester-failed' && thrown.detail.got === 'EEXIST'))

async function withRetries<T>({ wait }: TsmComponents, attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt()
    } catch (thrown) {
      if (!passing(thrown) || tried === TSM_ATTEMPTS) throw thrown
      await wait(Math.min(TSM_FIRST_WAIT_MS * 2 ** (tried - 1), TSM_LONGEST_WAIT_MS))
    }
  }
}
