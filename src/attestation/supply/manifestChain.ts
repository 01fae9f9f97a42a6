import { ok, type Result } from '../../protocol/index.ts'
import type { AttestationError } from '../errors.ts'
import { parseManifest } from '../nvidia/rim.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'

/** The chain that a reference manifest carries, root first, for which OCSP answers are wanted. Nothing is verified. */
export function manifestChain(xml: Uint8Array): Result<readonly Certificate[], AttestationError> {
  const manifest = parseManifest(xml)
  if (!manifest.ok) return manifest
  const chain: Certificate[] = []
  for (const [position, der] of [...manifest.value.signature.certificates].reverse().entries()) {
    const certificate = parseCertificate(der, position)
    if (!certificate.ok) return certificate
    chain.push(certificate.value)
  }
  return ok(chain)
}
