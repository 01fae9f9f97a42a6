import { type DocumentKind, pinKeySet, TOKEN_KINDS, type TrustedKeySet } from '../attestation/index.ts'
import { utf8 } from '../protocol/index.ts'
import { nodeAttestationCrypto } from './attestationCrypto.ts'
import type { FileContent } from './attestationFiles.ts'
import { isRecord, jsonOf, textOf } from './attestationForms.ts'
import { isSelfIssued } from './evidenceCertificates.ts'

/**
 * Key sets and roots that somebody named as files beside a token, pinned for the issuer that the token names: whoever
 * names a file on a command line trusts it. Never for what a peer sent. Empty for documents that are no tokens.
 */
export function givenKeySets(
  kind: DocumentKind,
  document: Uint8Array,
  given: readonly FileContent[],
): readonly TrustedKeySet[] {
  const issuer = TOKEN_KINDS.some((token) => token === kind) ? issuerOf(document) : undefined
  if (issuer === undefined) return []
  const sets: Uint8Array[] = []
  for (const content of given) {
    const keys = content.form === 'collateral' ? content.items.get('jwks') : undefined
    if (keys !== undefined) sets.push(keys)
    if (content.form !== 'certificates') continue
    const roots = content.certificates.filter(isSelfIssued).map(({ der }) => Buffer.from(der).toString('base64'))
    if (roots.length > 0) sets.push(utf8(JSON.stringify({ keys: roots.map((root) => ({ kty: 'RSA', x5c: [root] })) })))
  }
  return sets.flatMap((set) => {
    const pinned = pinKeySet(issuer, set, nodeAttestationCrypto())
    return pinned.ok ? [pinned.value] : []
  })
}

/** `iss` of the first token in a document. */
function issuerOf(document: Uint8Array): string | undefined {
  // Looked for where a run of such letters begins, and nowhere in it: once over the document.
  const payload = /(?<![\w-])[\w-]+\.([\w-]+)\.[\w-]*/.exec(textOf(document) ?? '')?.[1]
  const claims = payload === undefined ? undefined : jsonOf(Buffer.from(payload, 'base64url').toString('utf8'))
  return isRecord(claims) && typeof claims.iss === 'string' ? claims.iss : undefined
}
