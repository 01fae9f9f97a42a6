import { dirname, join } from 'node:path'
import {
  type DocumentKind,
  type EvidenceInput,
  productionPolicy,
  TCB_STATUSES,
  type VerifierContext,
  vendorRoots,
} from '../../src/attestation/index.ts'
import { fileContents } from '../../src/node/attestationFiles.ts'
import { assembleEvidence } from '../../src/node/evidenceAssembly.ts'
import { nodeAttestationCrypto } from '../../src/node/index.ts'
import { vendorCertificates } from '../../src/node/vendorFolders.ts'
import { readVector, vectorsAtHand } from '../support/vectors.ts'

/** A real document with its collateral, and everything to judge it by. */
export interface AttestInput {
  readonly evidence: EvidenceInput
  readonly context: VerifierContext
}

/** Reads a document of `OPG_VECTORS`; `at` is a time at which it holds. */
export async function attestInput(
  kind: DocumentKind,
  path: string,
  given: readonly string[],
  at: string,
): Promise<AttestInput> {
  const folder = vectorsAtHand()
  const bytes = await readVector(path, folder)
  const files = await Promise.all(given.map((name) => readVector(name, folder)))
  const vendor = await vendorCertificates(folder === undefined ? [] : [join(folder, dirname(path))])
  const evidence = assembleEvidence({
    kind,
    bytes,
    contents: fileContents(bytes),
    given: files.flatMap((file) => fileContents(file)),
    vendor,
  })
  if (evidence === undefined) throw new RangeError(`expected evidence in ${path}`)
  const policy = {
    ...productionPolicy(),
    measurements: 'any' as const,
    allowUnbound: true,
    requireSnpFloor: false,
    tcbStatuses: TCB_STATUSES.filter((status) => status !== 'Revoked'),
  }
  const crypto = nodeAttestationCrypto()
  return { evidence, context: { now: Date.parse(at), trustRoots: vendorRoots(), policy, crypto } }
}
