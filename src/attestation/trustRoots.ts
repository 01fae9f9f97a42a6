import 'reflect-metadata'
import { PemConverter } from '@peculiar/x509'
import {
  type AssuranceName,
  bytesToHex,
  type Digest,
  isDigest,
  ok,
  type Result,
  sha256,
  type TrustVendor,
} from '../protocol/index.ts'
import type { Assurance } from './assurance.ts'
import type { AttestationCrypto } from './crypto.ts'
import { type AttestationError, mismatch, refuse } from './errors.ts'
import { admitAssurance, type EvidencePolicy } from './policy.ts'

/**
 * A certificate that the chains of one vendor's format may start from, pinned by the SHA-256 of its DER. It says nothing
 * about assurance: that follows from the table of vendor roots alone, so no configuration can call a devnet root hardware.
 */
export interface TrustRoot {
  readonly name: string
  /** Whose format: a devnet root stands in that vendor's place. */
  readonly vendor: TrustVendor
  readonly sha256: Digest
}

/** A key that a cloud's verifier signs tokens with, pinned by its thumbprint (RFC 7638); `name` is the issuer. */
export interface TrustedKey {
  readonly name: string
  readonly vendor: CloudVendor
  readonly sha256: Digest
}

export type CloudVendor = 'nvidia-cloud' | 'azure-cloud' | 'google-cloud'

/** AWS Nitro Enclaves root G1; AWS publishes this digest beside the certificate. */
export const AWS_NITRO_ROOT_G1: TrustRoot = {
  name: 'AWS Nitro Enclaves Root G1',
  vendor: 'aws',
  sha256: '0x641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
}

const VENDOR_ROOTS: readonly { readonly root: TrustRoot; readonly assurance: AssuranceName }[] = [
  { root: AWS_NITRO_ROOT_G1, assurance: 'hardware-aws' },
  {
    root: {
      name: 'Intel SGX Root CA',
      vendor: 'intel',
      sha256: '0x44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3',
    },
    assurance: 'hardware-intel',
  },
  {
    root: {
      name: 'AMD ARK-Milan',
      vendor: 'amd',
      sha256: '0x69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd',
    },
    assurance: 'hardware-amd',
  },
  {
    root: {
      name: 'AMD ARK-Genoa',
      vendor: 'amd',
      sha256: '0x4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1',
    },
    assurance: 'hardware-amd',
  },
  {
    root: {
      name: 'AMD ARK-Turin',
      vendor: 'amd',
      sha256: '0x1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a',
    },
    assurance: 'hardware-amd',
  },
  {
    root: {
      name: 'NVIDIA Device Identity CA',
      vendor: 'nvidia',
      sha256: '0x102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48',
    },
    assurance: 'hardware-nvidia',
  },
  {
    root: {
      name: 'NVIDIA CoRIM signing Root CA',
      vendor: 'nvidia-rim',
      sha256: '0x12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1',
    },
    assurance: 'hardware-nvidia',
  },
]

/** Every pinned vendor root: what a production network trusts. */
export const vendorRoots = (): TrustRoot[] => VENDOR_ROOTS.map((entry) => entry.root)

/** R6: what evidence under this root is worth: the vendor's assurance for a pinned digest, else `simulated`. */
export function rootAssurance(root: TrustRoot): AssuranceName {
  const vendor = VENDOR_ROOTS.find((entry) => entry.root.vendor === root.vendor && entry.root.sha256 === root.sha256)
  return vendor?.assurance ?? 'simulated'
}

/** Pins a certificate, PEM or DER, given in configuration. */
export function trustRoot(name: string, vendor: TrustVendor, certificate: string | Uint8Array): TrustRoot {
  if (certificate instanceof Uint8Array) return { name, vendor, sha256: sha256(certificate) }
  const blocks = PemConverter.decode(certificate)
  const [der] = blocks
  if (der === undefined || blocks.length !== 1)
    throw mismatch('malformed-root', 'one PEM certificate', `${blocks.length} PEM blocks`)
  return { name, vendor, sha256: sha256(new Uint8Array(der)) }
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
    const id = `${root.vendor} ${root.sha256}`
    if (seen.has(id)) throw mismatch('duplicate-root', 'each root once', `${root.name} twice`)
    seen.add(id)
    if (profile !== 'devnet' && rootAssurance(root) === 'simulated')
      throw mismatch(
        'non-vendor-root',
        'vendor roots alone on a production network; remove the others from the configuration',
        `${root.name} (${root.vendor}, ${root.sha256})`,
      )
  }
}

export interface AdmittedRoot {
  /** What the evidence rests on: a vendor's certificate, or the key of a cloud's verifier. */
  readonly root: TrustRoot | TrustedKey
  readonly assurance: Assurance
}

/** R6: the configured root these bytes are, and what the policy thinks of it. */
export function admitRoot(
  der: Uint8Array,
  vendor: TrustVendor,
  { trustRoots, policy, crypto }: RootContext,
): Result<AdmittedRoot, AttestationError> {
  const digest: Digest = bytesToHex(crypto.digest('sha256', der))
  const ours = trustRoots.filter((candidate) => candidate.vendor === vendor)
  const root = ours.find((candidate) => candidate.sha256 === digest)
  if (root === undefined)
    return refuse('untrusted-root', `one of ${ours.map((each) => each.name).join(', ') || 'no root'}`, digest)
  const assurance = rootAssurance(root)
  const admitted = admitAssurance(policy, assurance)
  return admitted.ok ? ok({ root, assurance }) : admitted
}

interface RootContext {
  readonly trustRoots: readonly TrustRoot[]
  readonly policy: EvidencePolicy
  readonly crypto: AttestationCrypto
}
