import { type Assurance, type DocumentKind, encodeCollateral } from '../../../src/attestation/index.ts'
import type { ManifestEntry } from '../../conformance/manifestEntries.ts'
import {
  bytesOf,
  createSigner,
  GCP_ISSUER,
  gcpClaims,
  MAA_ISSUER,
  maaClaims,
  mintNras,
  NOW,
  REPORT_DATA,
  type TokenSigner,
  trusting,
} from '../tokenMint.ts'
import type { Question } from './page.ts'

interface Beside {
  readonly kind: DocumentKind
  readonly evidence: string
  readonly with?: readonly string[]
  readonly at: string
  /** Of the refusal; accepted without one. */
  readonly code?: string
}

const AZURE_AT = '2026-01-01T00:00:00Z'

/** Real documents of kinds and forms that the shared manifest has none of, with a time that the vendors' certificates cover. */
const BESIDE: readonly Beside[] = [
  ...['v0', 'v1', 'v2', 'genoa'].map(
    (name): Beside => ({
      kind: 'azure-snp-vtpm',
      evidence: `azure-vtpm/az-snp-vtpm-evidence-${name}.json`,
      at: AZURE_AT,
    }),
  ),
  ...['v0', 'v1'].map(
    (name): Beside => ({
      kind: 'azure-tdx-vtpm',
      evidence: `azure-vtpm/az-tdx-vtpm-evidence-${name}.json`,
      at: AZURE_AT,
    }),
  ),
  {
    kind: 'tdx-dstack',
    evidence: 'tdx/dstack-quote-report.json',
    with: ['tdx/phala-tdx_quote_outdated_collateral.json'],
    at: '2026-02-25T00:00:00Z',
  },
  {
    kind: 'tdx',
    evidence: 'tdx/automata-quotev5.dat',
    with: ['tdx/phala-tdx_quote_outdated_collateral.json'],
    at: '2026-02-25T00:00:00Z',
    code: 'service-td',
  },
  {
    kind: 'nvidia-gpu',
    evidence: 'nvidia/hopper_evidence.json',
    with: ['nvidia/NV_GPU_DRIVER_GH100_550.144.03.xml'],
    at: '2025-06-01T00:00:00Z',
    code: 'rim-mismatch',
  },
]

export interface JudgedEntry {
  readonly entry: ManifestEntry
  readonly code: string
}

/** As entries of a manifest in the folder of the shared one, with the code of each or `accept`. */
export const documentsBeside = (folder: string): readonly JudgedEntry[] =>
  BESIDE.map(({ kind, evidence, with: given = [], at, code = 'accept' }) => ({
    entry: {
      vector: { name: evidence, kind, evidence, with: [...given], at, expect: {} },
      folder,
      roots: [folder],
    },
    code,
  }))

/** A token of each cloud's verifier, by stand-ins for them: there are no real ones. */
export async function mintedTokens(): Promise<readonly Question[]> {
  const nvidia = await createSigner('https://nras.attestation.nvidia.com', 'ES384')
  const microsoft = await createSigner(MAA_ISSUER, 'RS256')
  const google = await createSigner(GCP_ISSUER, 'RS256')
  return [
    question('nras', await mintNras(nvidia), nvidia, 'verifier-nvidia'),
    question('maa', bytesOf(await microsoft.sign(maaClaims())), microsoft, 'verifier-azure'),
    question('gcp', bytesOf(await google.sign(gcpClaims())), google, 'verifier-google'),
  ]
}

function question(kind: DocumentKind, document: Uint8Array, signer: TokenSigner, assurance: Assurance): Question {
  return {
    input: { kind, document, collateral: encodeCollateral(new Map([['jwks', signer.jwks]])) },
    context: { now: NOW, trustRoots: [], policy: trusting(signer, assurance), expectedReportData: REPORT_DATA },
  }
}
