import { azureAttacks } from '../azureAttacks.ts'
import {
  AZURE_POLICY,
  type AzureJson,
  type AzureOptions,
  azureBytes,
  chainOf,
  judgeAzure,
  parsedAzure,
  patched,
  readAzure,
} from '../azureVectors.ts'
import type { Attack, AttackSuite } from './suite.ts'

/** Where the SNP report stands in the paravisor's. */
const REPORT_AT = 32
const POLICY_AT = REPORT_AT + 8
const VMPL_AT = REPORT_AT + 0x30

export async function azureSnpAttacks(): Promise<AttackSuite> {
  const chain = await chainOf('milan')
  const items = new Map([['amd/chain', chain]] as const)
  const judge = async (document: Uint8Array, over: AzureOptions = {}): Promise<string> => {
    const result = await judgeAzure('azure-snp-vtpm', document, { items, ...over })
    return result.ok ? 'accept' : result.error.code
  }
  const good = await readAzure('az-snp-vtpm-evidence-v1')
  const parsed = await parsedAzure('az-snp-vtpm-evidence-v1')
  const other = await parsedAzure('az-snp-vtpm-evidence-v2')
  const changed = (
    name: string,
    expected: string,
    change: (json: AzureJson) => unknown,
    over: AzureOptions = {},
  ): Attack => ({
    name,
    expected,
    run: async () => judge(azureBytes(change(structuredClone(parsed))), over),
  })
  const given = (name: string, expected: string, over: AzureOptions): Attack => ({
    name,
    expected,
    run: async () => judge(good, over),
  })
  const [ask] = new TextDecoder().decode(chain).split('-----END CERTIFICATE-----')
  const intermediate = (ask ?? '')
    .replace(/-----BEGIN CERTIFICATE-----|\s/g, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_')
  return {
    kind: 'azure-snp-vtpm',
    document: 'real',
    flips: { bytes: good, unsigned: [], judge },
    attacks: [
      ...azureAttacks({ good, parsed, other, judge }),
      changed('the VCEK of another chip', 'chip-mismatch', (json) => ({ ...json, vcek: other.vcek })),
      changed('a CA used as leaf', 'wrong-certificate-algorithm', (json) => ({ ...json, vcek: intermediate })),
      changed('debug allowed in the guest policy', 'bad-signature', (json) => ({
        ...json,
        hcl_report: patched(json.hcl_report, POLICY_AT + 2, Uint8Array.of(0x0b)),
      })),
      changed("the guest's own privilege level in the report", 'bad-signature', (json) => ({
        ...json,
        hcl_report: patched(json.hcl_report, VMPL_AT, Uint8Array.of(2)),
      })),
      given('an expired VCEK', 'certificate-expired', { now: Date.parse('2040-01-01T00:00:00Z') }),
      given('no chain of the vendor', 'collateral-missing', { items: new Map() }),
      given('another VCEK beside the document', 'malformed-collateral', {
        items: new Map([...items, ['amd/vek', Uint8Array.from(Buffer.from(String(other.vcek), 'base64url'))] as const]),
      }),
      given('the chain of another product', 'product-mismatch', {
        items: new Map([['amd/chain', await chainOf('genoa')] as const]),
      }),
      given('security versions below the floor', 'tcb-below-floor', {
        policy: {
          ...AZURE_POLICY,
          tcbFloors: { ...AZURE_POLICY.tcbFloors, snp: { Milan: { bootloader: 255, tee: 0, snp: 0, microcode: 0 } } },
        },
      }),
    ],
  }
}
