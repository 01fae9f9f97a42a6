import 'reflect-metadata'
import { type Extension, X509CrlGenerator } from '@peculiar/x509'
import {
  type Collateral,
  type CollateralItem,
  devnetPolicy,
  type EvidencePolicy,
  encodeCollateral,
  type SnpProduct,
  type SnpTcb,
  type TrustRoot,
  trustRoot,
  type VerifierContext,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import {
  caExtensions,
  chainPem,
  issuerName,
  type VekSubject,
  vekExtensions,
} from '../../src/attestation/simulated/snpAuthority.ts'
import { encodeSnpReport, signSnpReport } from '../../src/attestation/simulated/snpReport.ts'
import { PSS_SHA384, type WebKeyPair } from '../../src/attestation/webcrypto.ts'
import {
  type CertificateRequest,
  generateP384,
  generateRsa,
  issueCertificate,
} from '../../src/attestation/x509/issue.ts'
import { crypto, HOUR, NOW, REPORT_DATA, subtle } from './nitroMint.ts'

/** Bits of the throw-away RSA keys: the least that certificates may have. */
const MODULUS_BITS = 2_048

export const MINTED_TCB: Readonly<Record<SnpProduct, SnpTcb>> = {
  Milan: { bootloader: 4, tee: 1, snp: 24, microcode: 219 },
  Genoa: { bootloader: 10, tee: 2, snp: 23, microcode: 84 },
  Turin: { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 70 },
}
export const CHIP_ID = Uint8Array.from({ length: 64 }, (_, at) => at + 1)
export const CSP_ID = 'CN=cc-test-1.example.com'

/** Where a minted report departs from a good one. */
export interface SnpDeviation {
  readonly signingKey?: 'VCEK' | 'VLEK'
  /** Applied to the report before its signature, and after it. */
  readonly report?: (bytes: Uint8Array, view: DataView) => void
  readonly signed?: (bytes: Uint8Array) => void
  /** Applied to the requests of ARK, intermediate and VEK, positions 0 to 2. */
  readonly certificate?: (request: CertificateRequest, position: number) => CertificateRequest
  /** Extensions of the VEK instead of the ones that fit the report. */
  readonly vek?: { readonly subject?: VekSubject; readonly tcb?: SnpTcb; readonly product?: SnpProduct }
  readonly extensions?: (extensions: Extension[]) => Extension[]
  readonly chain?: (intermediate: Uint8Array, ark: Uint8Array) => Uint8Array
  /** Adds `amd/crl`; what is not given is as AMD's lists are. */
  readonly crl?: {
    readonly revoked?: readonly Uint8Array[]
    readonly thisUpdate?: number
    readonly nextUpdate?: number
    readonly issuer?: string
    readonly signer?: number
    readonly bytes?: Uint8Array
  }
  readonly collateral?: (items: Map<CollateralItem, Uint8Array>) => void
  /** Position of the key that signs the report instead of the VEK's. */
  readonly signer?: number
}

export interface MintedSnp {
  readonly document: Uint8Array
  readonly collateral: Collateral
}

export interface SnpMint {
  readonly product: SnpProduct
  readonly root: TrustRoot
  mint(deviation?: SnpDeviation): Promise<MintedSnp>
}

/** An SNP authority and a chip taken apart, so that every part of what they sign can be wrong. */
export async function createSnpMint(product: SnpProduct): Promise<SnpMint> {
  const rsa = await Promise.all([0, 1].map(() => generateRsa(subtle, MODULUS_BITS)))
  const keys: readonly WebKeyPair[] = [...rsa, await generateP384(subtle)]
  const arkName = `CN=ARK-${product} OPG test SIMULATED - NOT A TEE`
  const fullChip = new Uint8Array(64)
  fullChip.set(product === 'Turin' ? CHIP_ID.subarray(0, 8) : CHIP_ID)

  const subjectOf = (signingKey: 'VCEK' | 'VLEK'): VekSubject =>
    signingKey === 'VCEK' ? { signingKey, chipId: fullChip } : { signingKey, cspId: CSP_ID }
  const request = (position: number, signingKey: 'VCEK' | 'VLEK', deviation: SnpDeviation): CertificateRequest => {
    const { subject, tcb, product: named } = deviation.vek ?? {}
    const leaf = vekExtensions(named ?? product, subject ?? subjectOf(signingKey), tcb ?? MINTED_TCB[product])
    const names = [arkName, issuerName(signingKey, product), `CN=SEV-${signingKey}`]
    const extensions = position === 2 ? leaf : caExtensions(1 - position)
    return {
      subject: names[position]!,
      issuer: names[Math.max(0, position - 1)]!,
      notBefore: NOW - HOUR,
      notAfter: NOW + 1_000 * HOUR,
      serial: new Uint8Array(3).fill(position + 1),
      publicKey: keys[position]!.publicKey,
      signingKey: keys[Math.max(0, position - 1)]!.privateKey,
      signingAlgorithm: PSS_SHA384,
      extensions: position === 2 ? (deviation.extensions?.(extensions) ?? extensions) : extensions,
    }
  }
  const root = await issueCertificate(request(0, 'VCEK', {}), subtle)
  const issue = async (position: number, signingKey: 'VCEK' | 'VLEK', deviation: SnpDeviation) => {
    const usual = request(position, signingKey, deviation)
    const wanted = deviation.certificate?.(usual, position) ?? usual
    return position === 0 && wanted === usual ? root : issueCertificate(wanted, subtle)
  }
  const revocationList = async (crl: NonNullable<SnpDeviation['crl']>): Promise<Uint8Array> => {
    if (crl.bytes !== undefined) return crl.bytes
    const list = await X509CrlGenerator.create(
      {
        issuer: crl.issuer ?? arkName,
        thisUpdate: new Date(crl.thisUpdate ?? NOW - HOUR),
        nextUpdate: new Date(crl.nextUpdate ?? NOW + 10 * HOUR),
        entries: (crl.revoked ?? []).map((serial) => ({
          serialNumber: Buffer.from(serial).toString('hex'),
          revocationDate: new Date(NOW - HOUR),
        })),
        signingKey: keys[crl.signer ?? 0]!.privateKey,
        signingAlgorithm: PSS_SHA384,
      },
      { subtle } as never,
    )
    return new Uint8Array(list.rawData)
  }
  return {
    product,
    root: trustRoot('test', 'amd', root),
    async mint(deviation = {}) {
      const signingKey = deviation.signingKey ?? 'VCEK'
      const ark = await issue(0, signingKey, deviation)
      const intermediate = await issue(1, signingKey, deviation)
      const items = new Map<CollateralItem, Uint8Array>([
        ['amd/vek', await issue(2, signingKey, deviation)],
        ['amd/chain', deviation.chain?.(intermediate, ark) ?? chainPem(intermediate, ark)],
      ])
      if (deviation.crl !== undefined) items.set('amd/crl', await revocationList(deviation.crl))
      deviation.collateral?.(items)
      const reportData = new Uint8Array(64)
      reportData.set(REPORT_DATA)
      const report = encodeSnpReport({
        product,
        signingKey,
        chipId: signingKey === 'VCEK' ? fullChip : new Uint8Array(64),
        tcb: MINTED_TCB[product],
        measurement: new Uint8Array(48).fill(7),
        hostData: new Uint8Array(32).fill(8),
        reportData,
      })
      deviation.report?.(report, new DataView(report.buffer))
      const document = await signSnpReport(report, keys[deviation.signer ?? 2]!.privateKey, subtle)
      deviation.signed?.(document)
      return { document, collateral: items }
    },
  }
}

export const SNP_POLICY: EvidencePolicy = devnetPolicy()

/** Everything `verifyEvidence` says about a report and its collateral. */
export const verifySnpDocument = (
  { document, collateral }: MintedSnp,
  trustRoots: readonly TrustRoot[],
  over: Partial<VerifierContext> = {},
) =>
  verifyEvidence(
    { kind: 'sev-snp', document, collateral: encodeCollateral(collateral) },
    { now: NOW, policy: SNP_POLICY, expectedReportData: REPORT_DATA, trustRoots, crypto, ...over },
  )

/** The verdict's assurance, or the error's code. */
export async function judgeSnp(
  evidence: MintedSnp,
  trustRoots: readonly TrustRoot[],
  over: Partial<VerifierContext> = {},
): Promise<string> {
  const result = await verifySnpDocument(evidence, trustRoots, over)
  return result.ok ? result.value.assurance : result.error.code
}
