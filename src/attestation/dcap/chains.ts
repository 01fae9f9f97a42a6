import { ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { type AttestationError, type EvidenceCode, refuse, refuseCertificate } from '../errors.ts'
import type { VerifierContext } from '../evidence.ts'
import { parsePemCertificates } from '../pem.ts'
import { type AdmittedRoot, admitRoot } from '../trustRoots.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { verifyChain } from '../x509/chain.ts'

/** Intel's chains: root, CA and PCK certificate; root and signer of collateral. */
const MAX_CHAIN = 3
/** Bytes of their PEM: below 4 kB as published. */
const MAX_CHAIN_BYTES = 16_384

/** The chains of one verification, under one root: a certificate that several of them share is read and verified once. */
export interface Chains {
  /** Of the first chain read. */
  readonly root: AdmittedRoot | undefined
  /**
   * A PEM chain, leaf first, as certificates, root first: the code given for a text that is no chain of so many,
   * `untrusted-root`, `malformed-certificate`, `wrong-certificate-algorithm`. No signature is looked at.
   */
  read(pem: Uint8Array, length: number, malformed: EvidenceCode): Result<readonly Certificate[], AttestationError>
  /** Everything but CRLs; the last of the chain must be an end entity that signs, or a CA. */
  verify(chain: readonly Certificate[], last?: 'end-entity' | 'ca'): Promise<Result<undefined, AttestationError>>
}

export function intelChains(context: VerifierContext): Chains {
  const known: Certificate[] = []
  const proven = new Map<Certificate, Certificate>()
  const revoked = new Set(context.policy.revokedCertificates)
  let root: AdmittedRoot | undefined

  const admit = (der: Uint8Array): Result<AdmittedRoot, AttestationError> => {
    const first = known[0]
    if (root !== undefined && first !== undefined && equalBytes(first.der, der)) return ok(root)
    return root === undefined ? admitRoot(der, 'intel', context) : refuse('untrusted-root', 'one root', 'a second one')
  }
  const parse = (der: Uint8Array, position: number): Result<Certificate, AttestationError> => {
    const same = known.find((candidate) => candidate.position === position && equalBytes(candidate.der, der))
    if (same !== undefined) return ok(same)
    const certificate = parseCertificate(der, position)
    if (!certificate.ok) return certificate
    const { keyType } = certificate.value
    if (keyType !== 'P-256') return refuseCertificate('wrong-certificate-algorithm', position, 'a P-256 key', keyType)
    known.push(certificate.value)
    return certificate
  }
  const texts: { readonly pem: Uint8Array; readonly chain: readonly Certificate[] }[] = []
  return {
    get root() {
      return root
    },
    read(pem, length, malformed) {
      const same = texts.find((text) => text.chain.length === length && equalBytes(text.pem, pem))
      if (same !== undefined) return ok(same.chain)
      const ders = parsePemCertificates(pem, { malformed, maxBytes: MAX_CHAIN_BYTES, maxCertificates: MAX_CHAIN })
      if (!ders.ok) return ders
      const [rootDer] = ders.value.reverse()
      if (ders.value.length !== length || rootDer === undefined)
        return refuse(malformed, `a chain of ${length} certificates`, String(ders.value.length))
      const admitted = admit(rootDer)
      if (!admitted.ok) return admitted
      const chain: Certificate[] = []
      for (const [position, der] of ders.value.entries()) {
        const certificate = parse(der, position)
        if (!certificate.ok) return certificate
        chain.push(certificate.value)
      }
      root = admitted.value
      texts.push({ pem, chain })
      return ok(chain)
    },
    verify: (chain, last = 'end-entity') => {
      const leafUsage = last === 'ca' ? 'ca' : 'required'
      return verifyChain(chain, { at: context.now, crypto: context.crypto, revoked, leafUsage, proven })
    },
  }
}
