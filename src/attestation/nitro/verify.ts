import { bytesToHex, type Hex, ok } from '../../protocol/index.ts'
import { MAX_NITRO_BYTES } from '../constants.ts'
import { parseSign1, verifySign1 } from '../cose.ts'
import { refuse, refuseCertificate, refuseSize } from '../errors.ts'
import type { EvidenceVerifier } from '../evidence.ts'
import { admitRoot } from '../trustRoots.ts'
import { type Certificate, nameText, parseCertificate } from '../x509/certificate.ts'
import { chainEnd, verifyChain } from '../x509/chain.ts'
import { parseNitroDocument } from './document.ts'

/** Image, kernel and application: AWS zeroes them when an enclave runs in debug mode. */
const IMAGE_PCRS = [0, 1, 2]

/**
 * An AWS Nitro document, or a simulated one in the same form: nothing here knows which, the root decides (R6). The
 * chain must have been valid at the document's own time; its age is judged apart. Certificate revocation lists are not
 * read. Low s is not asked for, because AWS does not keep to it.
 */
export const verifyNitro: EvidenceVerifier = async (evidence, context) => {
  if (evidence.document.length > MAX_NITRO_BYTES) return refuseSize(MAX_NITRO_BYTES, evidence.document.length)
  const message = parseSign1(evidence.document)
  if (!message.ok) return message
  const parsed = parseNitroDocument(message.value.payload)
  if (!parsed.ok) return parsed
  const document = parsed.value

  const ders = [...document.cabundle, document.certificate]
  const admitted = admitRoot(ders[0] ?? document.certificate, 'aws', context)
  if (!admitted.ok) return admitted

  const chain: Certificate[] = []
  for (const [position, der] of ders.entries()) {
    const certificate = parseCertificate(der, position)
    if (!certificate.ok) return certificate
    const { keyType } = certificate.value
    if (keyType !== 'P-384') return refuseCertificate('wrong-certificate-algorithm', position, 'a P-384 key', keyType)
    chain.push(certificate.value)
  }
  const { crypto, policy } = context
  const revoked = new Set(policy.revokedCertificates)
  const chained = await verifyChain(chain, { at: document.timestamp, revoked, crypto, leafUsage: 'required' })
  if (!chained.ok) return chained

  const leaf = chain.at(-1)
  if (leaf === undefined) return refuse('bad-field', 'a leaf certificate', 'none')
  if (!(await verifySign1(message.value, leaf.spki, crypto)))
    return refuse('bad-signature', `an ES384 signature by ${nameText(leaf.subject)}`, 'another')

  const measurements: Record<string, Hex> = {}
  for (const [index, register] of document.pcrs) measurements[`pcr${index}`] = bytesToHex(register)
  return ok({
    ...admitted.value,
    measurements,
    debug: IMAGE_PCRS.some((index) => document.pcrs.get(index)?.every((byte) => byte === 0) ?? true),
    reportData: document.userData ?? new Uint8Array(0),
    publicKey: document.publicKey,
    nonce: document.nonce,
    instanceId: document.moduleId,
    tcbStatus: undefined,
    advisories: [],
    issuedAt: document.timestamp,
    expiresAt: chainEnd(chain),
    checked: ['structure', 'trust-root', 'certificate-chain', 'signature'],
    notChecked: ['certificate-revocation'],
  })
}
