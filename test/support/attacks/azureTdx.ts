import { azureAttacks } from '../azureAttacks.ts'
import {
  type AzureJson,
  type AzureOptions,
  azureBytes,
  judgeAzure,
  padded,
  parsedAzure,
  patched,
  readAzure,
} from '../azureVectors.ts'
import { readVector } from '../vectors.ts'
import type { Attack, AttackSuite, UnsignedRegion } from './suite.ts'

/** Where the TD report stands in the paravisor's, and what of it no quote holds. */
const REPORT_AT = 32
const CPUSVN = {
  from: REPORT_AT + 16,
  to: REPORT_AT + 32,
  why: 'CPUSVN of the TD report, which only its machine can check',
}
const MAC = {
  from: REPORT_AT + 224,
  to: REPORT_AT + 256,
  why: 'MAC of the TD report, which only its machine can check',
}

export async function azureTdxAttacks(): Promise<AttackSuite> {
  const judge = async (document: Uint8Array, over: AzureOptions = {}): Promise<string> => {
    const result = await judgeAzure('azure-tdx-vtpm', document, over)
    return result.ok ? 'accept' : result.error.code
  }
  const good = await readAzure('az-tdx-vtpm-evidence-v1')
  const parsed = await parsedAzure('az-tdx-vtpm-evidence-v1')
  const other = await parsedAzure('az-snp-vtpm-evidence-v2')
  const foreign = await readVector('tee/tdx/phala-tdx_quote.bin')
  const changed = (name: string, expected: string, change: (json: AzureJson) => unknown): Attack => ({
    name,
    expected,
    run: async () => judge(azureBytes(change(structuredClone(parsed)))),
  })
  const start = new TextDecoder().decode(good).indexOf(parsed.hcl_report)
  /** Letters of base64 that hold bits of these bytes. */
  const letters = ({ from, to, why }: UnsignedRegion): UnsignedRegion => ({
    from: start + Math.floor((from * 4) / 3),
    to: start + Math.ceil((to * 4) / 3),
    why,
  })
  return {
    kind: 'azure-tdx-vtpm',
    document: 'real',
    flips: { bytes: good, unsigned: [letters(CPUSVN), letters(MAC)], judge },
    attacks: [
      ...azureAttacks({ good, parsed, other, judge }),
      changed('the quote of another trust domain', 'td-report-mismatch', (json) => ({
        ...json,
        td_quote: padded(foreign),
      })),
      changed('a TD report of other registers', 'td-report-mismatch', (json) => ({
        ...json,
        hcl_report: patched(json.hcl_report, REPORT_AT + 720, new Uint8Array(48).fill(1)),
      })),
      changed('bytes after the quote', 'trailing-bytes', (json) => ({
        ...json,
        td_quote: padded(Buffer.concat([Buffer.from(String(json.td_quote), 'base64url'), Buffer.of(1)])),
      })),
      {
        name: 'an expired chain',
        expected: 'certificate-expired',
        run: () => judge(good, { now: Date.parse('2060-01-01T00:00:00Z') }),
      },
    ],
  }
}
