import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import {
  type Assurance,
  type AttestationCrypto,
  type CollateralItem,
  devnetPolicy,
  type EvidencePolicy,
  encodeCollateral,
  pinKeySet,
  type TokenKind,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../src/node/attestationCrypto.ts'

export const crypto = nodeAttestationCrypto()
export const NOW = Date.UTC(2026, 5, 1, 12)
export const NONCE = 'ab'.repeat(32)
export const REPORT_DATA = new Uint8Array(32).fill(0xab)
export const ISSUED = NOW / 1000 - 60

export type Claims = Record<string, unknown>

/** A stand-in for a cloud's verifier: a key of its own, and what it publishes about it. */
export interface TokenSigner {
  readonly issuer: string
  readonly jwk: JWK
  readonly jwks: Uint8Array
  sign(claims: Claims): Promise<string>
  /** A token over any header and any text: for what no library would sign. */
  signText(header: unknown, payload: string): Promise<string>
}

const SIGNING = {
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
} as const

const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

export const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

export async function createSigner(issuer: string, alg: 'ES384' | 'RS256', kid = 'key-1'): Promise<TokenSigner> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg }
  return {
    issuer,
    jwk,
    jwks: bytesOf({ keys: [jwk] }),
    sign: async (claims) => new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(privateKey),
    signText: async (header, payload) => {
      const signed = `${base64Url(bytesOf(header))}.${base64Url(bytesOf(payload))}`
      const signature = await globalThis.crypto.subtle.sign(SIGNING[alg], privateKey, Buffer.from(signed))
      return `${signed}.${base64Url(new Uint8Array(signature))}`
    },
  }
}

export const times = { iat: ISSUED, nbf: ISSUED, exp: ISSUED + 3_600 }

/** Claims of version 3 as NVIDIA documents them. */
export const gpuClaims = (over: Claims = {}): Claims => ({
  iss: 'https://nras.attestation.nvidia.com',
  ...times,
  eat_nonce: NONCE,
  ueid: '100200300',
  hwmodel: 'GH100 A01 GSP BROM',
  measres: 'success',
  secboot: true,
  dbgstat: 'disabled',
  'x-nvidia-gpu-driver-version': '550.90.07',
  'x-nvidia-gpu-vbios-version': '96.00.9F.00.01',
  'x-nvidia-gpu-attestation-report-nonce-match': true,
  'x-nvidia-gpu-attestation-report-cert-chain': {
    'x-nvidia-cert-status': 'valid',
    'x-nvidia-cert-ocsp-status': 'good',
  },
  ...over,
})

/** A token out of good claims. */
export type Produce = (claims: Claims) => Promise<string>

export interface NrasDeviation {
  readonly overall?: Claims
  readonly gpus?: readonly Claims[]
  /** Makes the overall token out of its claims. */
  readonly produce?: Produce
  /** Applied to the bundle before it is written. */
  readonly bundle?: (bundle: [[string, string], Record<string, string>]) => unknown
  readonly gpuSigner?: TokenSigner
}

export async function mintNras(signer: TokenSigner, deviation: NrasDeviation = {}): Promise<Uint8Array> {
  const detached: Record<string, string> = {}
  const submods: Record<string, unknown> = {}
  for (const [index, claims] of (deviation.gpus ?? [gpuClaims()]).entries()) {
    const token = await (deviation.gpuSigner ?? signer).sign(claims)
    detached[`GPU-${index}`] = token
    const digest = Buffer.from(crypto.digest('sha256', bytesOf(token))).toString('hex')
    submods[`GPU-${index}`] = ['DIGEST', ['SHA-256', digest]]
  }
  const overall = await (deviation.produce ?? signer.sign)({
    iss: 'https://nras.attestation.nvidia.com',
    sub: 'NVIDIA-PLATFORM-ATTESTATION',
    ...times,
    'x-nvidia-ver': '3.0',
    'x-nvidia-overall-att-result': true,
    eat_nonce: NONCE,
    submods,
    ...deviation.overall,
  })
  const bundle: [[string, string], Record<string, string>] = [['JWT', overall], detached]
  return bytesOf(deviation.bundle?.(bundle) ?? bundle)
}

export const MAA_ISSUER = 'https://sharedweu.weu.attest.azure.net'

const akPub = { kid: 'HCLAkPub', kty: 'RSA', key_ops: ['sign'], e: 'AQAB', n: 'u'.repeat(342).replace(/.$/, 'w') }

/** An SEV-SNP confidential VM, as Microsoft documents the claims of its hardware. */
export const snpClaims = (over: Claims = {}): Claims => ({
  'x-ms-attestation-type': 'sevsnpvm',
  'x-ms-compliance-status': 'azure-compliant-cvm',
  'x-ms-runtime': {
    keys: [akPub],
    'user-data': NONCE.toUpperCase() + '00'.repeat(32),
    'vm-configuration': { 'secure-boot': true, vmUniqueId: '4D40782A-122A-42B6-BB3C-45F76ACE525E' },
  },
  'x-ms-sevsnpvm-is-debuggable': false,
  'x-ms-sevsnpvm-launchmeasurement': '11'.repeat(48),
  'x-ms-sevsnpvm-hostdata': '00'.repeat(32),
  'x-ms-sevsnpvm-reportdata': '22'.repeat(32) + '00'.repeat(32),
  'x-ms-sevsnpvm-reportid': '33'.repeat(32),
  ...over,
})

/** A TDX confidential VM, in Microsoft's profile for it. */
export const tdxClaims = (over: Claims = {}): Claims => ({
  'x-ms-attestation-type': 'tdxvm',
  'x-ms-compliance-status': 'azure-compliant-cvm',
  attester_tcb_status: 'UpToDate',
  dbgstat: 'disabled',
  tdx_mrtd: '44'.repeat(48),
  tdx_rtmr0: '55'.repeat(48),
  tdx_td_attributes_debug: false,
  tdx_report_data: NONCE + '00'.repeat(32),
  ...over,
})

/** A guest appraised by its virtual TPM, its hardware inside. */
export const vtpmClaims = (tee: Claims = snpClaims(), over: Claims = {}): Claims => ({
  'x-ms-attestation-type': 'azurevm',
  secureboot: true,
  'x-ms-azurevm-debuggersdisabled': true,
  'x-ms-azurevm-kerneldebug-enabled': false,
  'x-ms-azurevm-vmid': '4D40782A-122A-42B6-BB3C-45F76ACE525E',
  'x-ms-isolation-tee': tee,
  'x-ms-runtime': { 'client-payload': { nonce: Buffer.from(REPORT_DATA).toString('base64') } },
  ...over,
})

export const maaClaims = (claims: Claims = snpClaims()): Claims => ({
  iss: MAA_ISSUER,
  ...times,
  jti: 'a token',
  'x-ms-ver': '1.0',
  'x-ms-policy-hash': 'wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs',
  ...claims,
})

export const GCP_ISSUER = 'https://confidentialcomputing.googleapis.com'
export const AUDIENCE = 'https://opg.example/evidence'

/** Confidential Space on TDX, as Google documents the claims. */
export const gcpClaims = (over: Claims = {}): Claims => ({
  iss: GCP_ISSUER,
  ...times,
  aud: AUDIENCE,
  sub: 'https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i',
  eat_nonce: [NONCE],
  hwmodel: 'GCP_INTEL_TDX',
  swname: 'CONFIDENTIAL_SPACE',
  dbgstat: 'disabled-since-boot',
  secboot: true,
  attester_tcb: ['INTEL'],
  tdx: { gcp_attester_tcb_status: 'UpToDate' },
  submods: {
    container: { image_digest: `sha256:${'66'.repeat(32)}` },
    gce: { project_id: 'project', instance_id: '42' },
  },
  ...over,
})

/** The defaults of a devnet, with one cloud's word and keys accepted. */
export function trusting(signer: TokenSigner, assurance: Assurance): EvidencePolicy {
  const pinned = pinKeySet(signer.issuer, signer.jwks, crypto)
  if (!pinned.ok) throw pinned.error
  return { ...devnetPolicy(), assurances: [assurance], trustedKeySets: [pinned.value] }
}

export interface JudgeOptions {
  readonly policy: EvidencePolicy
  readonly jwks?: Uint8Array | undefined
  readonly now?: number
  readonly reportData?: Uint8Array
}

/** The verdict under a key set that came along. */
export async function judgeToken(
  kind: TokenKind,
  document: Uint8Array | string,
  options: JudgeOptions,
  cryptography: AttestationCrypto = crypto,
) {
  const items = new Map<CollateralItem, Uint8Array>(options.jwks === undefined ? [] : [['jwks', options.jwks]])
  return verifyEvidence(
    {
      kind,
      document: typeof document === 'string' ? bytesOf(document) : document,
      collateral: encodeCollateral(items),
    },
    {
      now: options.now ?? NOW,
      trustRoots: [],
      policy: options.policy,
      expectedReportData: options.reportData ?? REPORT_DATA,
      crypto: cryptography,
    },
  )
}

/** The code of each document under the same options, or `accept`. */
export const judgeTokenWith =
  (kind: TokenKind, options: JudgeOptions, cryptography: AttestationCrypto) =>
  async (document: Uint8Array): Promise<string> => {
    const result = await judgeToken(kind, document, options, cryptography)
    return result.ok ? 'accept' : result.error.code
  }
