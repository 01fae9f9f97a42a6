import type { Result } from '../../protocol/index.ts'
import type { AttestationCrypto } from '../crypto.ts'
import type { AttestationError } from '../errors.ts'
import type { DocumentKind } from '../evidence.ts'
import { azureClaims } from './azure.ts'
import type { DocumentClaims } from './claims.ts'
import { quoteClaims } from './dcap.ts'
import { dstackClaims } from './dstack.ts'
import { nitroClaims } from './nitro.ts'
import { deviceClaims } from './nvidia.ts'
import { snpClaims } from './snp.ts'
import { bundleClaims, tokenClaims } from './token.ts'

type Reader = (document: Uint8Array, crypto: AttestationCrypto) => Result<DocumentClaims, AttestationError>

const READERS: Readonly<Record<DocumentKind, Reader>> = {
  nitro: nitroClaims,
  tdx: (document) => quoteClaims(document, 'tdx'),
  sgx: (document) => quoteClaims(document, 'sgx'),
  'sev-snp': snpClaims,
  'azure-snp-vtpm': (document, crypto) => azureClaims(document, 'snp', crypto),
  'azure-tdx-vtpm': (document, crypto) => azureClaims(document, 'tdx', crypto),
  'tdx-dstack': dstackClaims,
  'nvidia-gpu': (document) => deviceClaims(document, false),
  'nvidia-switch': (document) => deviceClaims(document, true),
  nras: bundleClaims,
  maa: (document) => tokenClaims(document, { algorithm: 'RS256' }),
  gcp: (document) => tokenClaims(document, { algorithm: 'RS256', x5c: true }),
}

/** What a document of the kind says, by the parser of its verifier; the same codes for what it cannot read. */
export function readClaims(
  kind: DocumentKind,
  document: Uint8Array,
  crypto: AttestationCrypto,
): Result<DocumentClaims, AttestationError> {
  return READERS[kind](document, crypto)
}
