import {
  type CollateralItem,
  type DocumentKind,
  type EvidencePolicy,
  encodeCollateral,
  productionPolicy,
  type TrustRoot,
  vendorRoots,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../src/node/attestationCrypto.ts'
import { readVector } from './vectors.ts'

/** Within the validity of the certificates of every Azure document of the vectors. */
export const AZURE_TIME = Date.parse('2026-01-01T00:00:00Z')

/** The vectors are of any machine and bound to challenges of their own; Intel's collateral of their time is not there. */
export const AZURE_POLICY: EvidencePolicy = {
  ...productionPolicy(),
  measurements: 'any',
  allowUnbound: true,
  requireSnpFloor: false,
  tcbStatuses: ['UpToDate', 'Unknown'],
}

export const readAzure = async (name: string): Promise<Uint8Array> => readVector(`tee/azure-vtpm/${name}.json`)

export const chainOf = async (product: 'milan' | 'genoa'): Promise<Uint8Array> =>
  readVector(`tee/sev-snp/AMD_ask_ark_${product}.pem`)

/** A document of version 1 or 2, to be taken apart. */
export interface AzureJson {
  [name: string]: unknown
  hcl_report: string
  tpm_quote: { [name: string]: unknown; message: string; signature: string; pcrs: string[] }
}

export async function parsedAzure(name: string): Promise<AzureJson> {
  return JSON.parse(new TextDecoder().decode(await readAzure(name)))
}

export const azureBytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** Base64url as the documents write it. */
export function padded(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64url')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** The report with bytes replaced. */
export function patched(base64Url: string, at: number, bytes: Uint8Array): string {
  const report = Buffer.from(base64Url, 'base64url')
  report.set(bytes, at)
  return padded(report)
}

export interface AzureOptions {
  readonly items?: ReadonlyMap<CollateralItem, Uint8Array>
  readonly now?: number
  readonly trustRoots?: readonly TrustRoot[]
  readonly policy?: EvidencePolicy
  readonly reportData?: Uint8Array
}

/** The verdict under vendor roots. */
export async function judgeAzure(kind: DocumentKind, document: Uint8Array, options: AzureOptions = {}) {
  return verifyEvidence(
    { kind, document, collateral: encodeCollateral(options.items ?? new Map()) },
    {
      now: options.now ?? AZURE_TIME,
      trustRoots: options.trustRoots ?? vendorRoots(),
      policy: options.policy ?? AZURE_POLICY,
      crypto: nodeAttestationCrypto(),
      ...(options.reportData && { expectedReportData: options.reportData }),
    },
  )
}
