import type { Result } from '../../protocol/index.ts'
import { type AttestationError, refuse } from '../errors.ts'
import type { DocumentKind } from '../evidence.ts'
import type { DocumentClaims } from './claims.ts'
import { nitroClaims } from './nitro.ts'
import { snpClaims } from './snp.ts'

type Reader = (document: Uint8Array) => Result<DocumentClaims, AttestationError>

const READERS: Readonly<Partial<Record<DocumentKind, Reader>>> = {
  nitro: nitroClaims,
  'sev-snp': snpClaims,
}

/** What a document of the kind says, by the parser of its verifier; the same codes for what it cannot read. */
export function readClaims(kind: DocumentKind, document: Uint8Array): Result<DocumentClaims, AttestationError> {
  const reader = READERS[kind]
  return reader === undefined ? refuse('unsupported-kind', Object.keys(READERS).join(', '), kind) : reader(document)
}
