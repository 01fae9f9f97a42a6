import 'reflect-metadata'
import { PemConverter } from '@peculiar/x509'
import {
  type AssuranceName,
  type Digest,
  type EvidenceKind,
  isDigest,
  ok,
  type Result,
  sha256,
} from '../protocol/index.ts'
import { type AttestationError, mismatch, refuse } from './errors.ts'
import { admitAssurance, type EvidencePolicy } from './policy.ts'

/**
 * A certificate that evidence of one kind may start from, pinned by the SHA-256 of its DER. It says nothing about
 * assurance: that follows from the table of vendor roots alone, so no configuration can call a devnet root hardware.
 */
export interface TrustRoot {
  readonly name: string
  readonly kind: EvidenceKind
  readonly sha256: Digest
}

/** AWS Nitro Enclaves root G1; AWS publishes this digest beside the certificate. */
export const AWS_NITRO_ROOT_G1: TrustRoot = {
  name: 'AWS Nitro Enclaves Root G1',
  kind: 'nitro',
  sha256: '0x641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
}

const VENDOR_ROOTS: readonly { readonly root: TrustRoot; readonly assurance: AssuranceName }[] = [
  { root: AWS_NITRO_ROOT_G1, assurance: 'hardware-aws' },
]

/** Every pinned vendor root: what a production network trusts. */
export const vendorRoots = (): TrustRoot[] => VENDOR_ROOTS.map((entry) => entry.root)

/** R6: what evidence under this root is worth: the vendor's assurance for a pinned digest, else `simulated`. */
export function rootAssurance(root: TrustRoot): AssuranceName {
  const vendor = VENDOR_ROOTS.find((entry) => entry.root.kind === root.kind && entry.root.sha256 === root.sha256)
  return vendor?.assurance ?? 'simulated'
}

/** Pins a certificate, PEM or DER, given in configuration. */
export function trustRoot(name: string, kind: EvidenceKind, certificate: string | Uint8Array): TrustRoot {
  if (certificate instanceof Uint8Array) return { name, kind, sha256: sha256(certificate) }
  const blocks = PemConverter.decode(certificate)
  const [der] = blocks
  if (der === undefined || blocks.length !== 1)
    throw mismatch('malformed-root', 'one PEM certificate', `${blocks.length} PEM blocks`)
  return { name, kind, sha256: sha256(new Uint8Array(der)) }
}

/** Which rules a network runs under. Whatever is not a devnet is treated as production. */
export type TrustProfile = 'production' | 'devnet'

/**
 * R6: to be called before a node starts. Throws AttestationError `malformed-root`, `duplicate-root`, or, on anything
 * but a devnet, `non-vendor-root`.
 */
export function assertTrustRoots(profile: TrustProfile, roots: readonly TrustRoot[]): void {
  const seen = new Set<string>()
  for (const root of roots) {
    if (!isDigest(root.sha256))
      throw mismatch('malformed-root', 'the SHA-256 of a certificate, 0x + 64 hex digits', String(root.sha256))
    const id = `${root.kind} ${root.sha256}`
    if (seen.has(id)) throw mismatch('duplicate-root', 'each root once', `${root.name} twice`)
    seen.add(id)
    if (profile !== 'devnet' && rootAssurance(root) === 'simulated')
      throw mismatch(
        'non-vendor-root',
        'vendor roots alone on a production network; remove the others from the configuration',
        `${root.name} (${root.kind}, ${root.sha256})`,
      )
  }
}

export interface AdmittedRoot {
  readonly root: TrustRoot
  readonly assurance: AssuranceName
}

/** R6: the configured root these bytes are, and what the policy thinks of it. */
export function admitRoot(
  der: Uint8Array,
  kind: EvidenceKind,
  roots: readonly TrustRoot[],
  policy: EvidencePolicy,
): Result<AdmittedRoot, AttestationError> {
  const digest = sha256(der)
  const root = roots.find((candidate) => candidate.kind === kind && candidate.sha256 === digest)
  if (root === undefined)
    return refuse('untrusted-root', `one of ${roots.map((each) => each.name).join(', ') || 'no root'}`, digest)
  const assurance = rootAssurance(root)
  const admitted = admitAssurance(policy, assurance)
  return admitted.ok ? ok({ root, assurance }) : admitted
}
