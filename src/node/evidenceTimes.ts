import { type Collateral, type EvidenceInput, parseRevocationList, readClaims } from '../attestation/index.ts'
import { nodeAttestationCrypto } from './attestationCrypto.ts'
import { fileContents } from './attestationFiles.ts'
import { isRecord, jsonOf, textOf } from './attestationForms.ts'
import { embeddedCertificates } from './evidenceCertificates.ts'

/** Milliseconds since 1970 that a document itself says, where its format has a time; else from when it is in force. */
export function signedTime({ kind, document }: EvidenceInput, collateral: Collateral): number | undefined {
  const claims = readClaims(kind, document, nodeAttestationCrypto())
  const own = claims.ok ? claims.value.issuedAt : undefined
  return own ?? inForceFrom(document, collateral)
}

/**
 * Milliseconds since 1970 from which every certificate and list of a piece of evidence is in force: the latest of their
 * first times, and of the dates that Intel's responses give. Undefined where there are none.
 */
export function inForceFrom(document: Uint8Array, collateral: Collateral): number | undefined {
  const times = embeddedCertificates(document).map((certificate) => certificate.notBefore)
  for (const [item, bytes] of collateral) {
    if (item === 'intel/tcb-info' || item === 'intel/qe-identity') times.push(...issueDates(bytes))
    else if (item === 'amd/crl' || item.endsWith('-crl')) {
      const list = parseRevocationList(bytes)
      if (list.ok) times.push(list.value.thisUpdate)
    } else {
      for (const content of fileContents(bytes)) {
        if (content.form === 'certificates') times.push(...content.certificates.map(({ notBefore }) => notBefore))
      }
    }
  }
  return times.length === 0 ? undefined : Math.max(...times)
}

function issueDates(bytes: Uint8Array): number[] {
  const json = jsonOf(textOf(bytes) ?? '')
  const inner = isRecord(json) ? (json.tcbInfo ?? json.enclaveIdentity) : undefined
  const date = isRecord(inner) && typeof inner.issueDate === 'string' ? Date.parse(inner.issueDate) : Number.NaN
  return Number.isNaN(date) ? [] : [date]
}
