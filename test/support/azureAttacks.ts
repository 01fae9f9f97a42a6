import type { Attack } from './attacks/suite.ts'
import { type AzureJson, type AzureOptions, azureBytes, patched } from './azureVectors.ts'

export interface AzureWorld {
  /** A document of version 1. */
  readonly good: Uint8Array
  readonly parsed: AzureJson
  /** A document of another machine, of the same hardware or not. */
  readonly other: AzureJson
  readonly judge: (document: Uint8Array, over?: AzureOptions) => Promise<string>
}

/** Runtime data in the paravisor's report, and the first letter of the modulus of its first key. */
const RUNTIME_DATA_AT = 32 + 1_184 + 20

/** What anybody might try with the layers around a hardware report. */
export function azureAttacks({ good, parsed, other, judge }: AzureWorld): Attack[] {
  const changed = (name: string, expected: string, change: (json: AzureJson) => unknown): Attack => ({
    name,
    expected,
    run: async () => judge(azureBytes(change(structuredClone(parsed)))),
  })
  const quoted = (name: string, expected: string, change: (quote: AzureJson['tpm_quote']) => unknown): Attack =>
    changed(name, expected, (json) => ({ ...json, tpm_quote: change(json.tpm_quote) }))
  const given = (name: string, expected: string, document: Uint8Array, over: AzureOptions = {}): Attack => ({
    name,
    expected,
    run: () => judge(document, over),
  })
  const text = new TextDecoder().decode(good)
  const report = Buffer.from(parsed.hcl_report, 'base64url')
  const modulus = report.indexOf('"n":"', RUNTIME_DATA_AT) + 5
  return [
    quoted("the quote of another machine's virtual TPM", 'bad-signature', () => other.tpm_quote),
    changed('a key of the attacker in the runtime data', 'runtime-data-mismatch', (json) => ({
      ...json,
      hcl_report: patched(json.hcl_report, modulus, Buffer.from(report[modulus] === 0x78 ? 'y' : 'x')),
    })),
    changed('a paravisor report of another request', 'malformed-hcl-report', (json) => ({
      ...json,
      hcl_report: patched(json.hcl_report, 12, Uint8Array.of(1)),
    })),
    changed('runtime data under another hash', 'malformed-hcl-report', (json) => ({
      ...json,
      hcl_report: patched(json.hcl_report, 32 + 1_184 + 12, Uint8Array.of(2)),
    })),
    changed('bytes after the runtime data', 'malformed-hcl-report', (json) => ({
      ...json,
      hcl_report: patched(json.hcl_report, 2_599, Uint8Array.of(1)),
    })),
    quoted('another register', 'pcr-mismatch', (quote) => ({
      ...quote,
      pcrs: ['00'.repeat(32), ...quote.pcrs.slice(1)],
    })),
    quoted('a register left out', 'pcr-mismatch', (quote) => ({ ...quote, pcrs: quote.pcrs.slice(1) })),
    quoted('a quote that is a certification', 'malformed-tpm-quote', (quote) => ({
      ...quote,
      message: quote.message.replace(/^ff5443478018/, 'ff5443478017'),
    })),
    quoted('a structure made outside a TPM', 'malformed-tpm-quote', (quote) => ({
      ...quote,
      message: quote.message.replace(/^ff544347/, '00544347'),
    })),
    quoted('another challenge in the quote', 'bad-signature', (quote) => ({
      ...quote,
      message: quote.message.replace('6368616c6c656e6765', '6368616c6c656e6766'),
    })),
    given('replayed: report data of another session', 'report-data-mismatch', good, {
      reportData: new Uint8Array(32).fill(1),
    }),
    given('under no root', 'untrusted-root', good, { trustRoots: [] }),
    changed('a member of its own', 'malformed-evidence', (json) => ({ ...json, trusted: true })),
    changed('a version to come', 'unsupported-version', (json) => ({ ...json, version: 3 })),
    given('a member twice', 'duplicate-key', new TextEncoder().encode(text.replace('{', '{"version":1,'))),
    given('truncated by its bracket', 'malformed-evidence', new TextEncoder().encode(text.trimEnd().slice(0, -1))),
    given('10 MB of it', 'evidence-too-large', new Uint8Array(10_000_000).fill(0x20)),
  ]
}
