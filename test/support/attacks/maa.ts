import { tokenAttacks, tokenCode } from '../tokenAttacks.ts'
import {
  bytesOf,
  type Claims,
  createSigner,
  type JudgeOptions,
  judgeToken,
  MAA_ISSUER,
  maaClaims,
  NONCE,
  snpClaims,
  tdxClaims,
  trusting,
  vtpmClaims,
} from '../tokenMint.ts'
import type { Attack, AttackSuite } from './suite.ts'

export async function maaAttacks(): Promise<AttackSuite> {
  const signer = await createSigner(MAA_ISSUER, 'RS256')
  const stranger = await createSigner(MAA_ISSUER, 'RS256')
  const usual: JudgeOptions = { policy: trusting(signer, 'verifier-azure'), jwks: signer.jwks }
  const judge = async (document: Uint8Array, over: Partial<JudgeOptions> = {}): Promise<string> =>
    tokenCode(await judgeToken('maa', document, { ...usual, ...over }))
  const claiming = (name: string, expected: string, claims: Claims): Attack => ({
    name,
    expected,
    run: async () => judge(bytesOf(await signer.sign(maaClaims(claims)))),
  })
  return {
    kind: 'maa',
    document: 'minted',
    flips: { bytes: bytesOf(await signer.sign(maaClaims())), unsigned: [], judge },
    attacks: [
      ...(await tokenAttacks({
        algorithm: 'RS256',
        signer,
        stranger,
        usual,
        judge,
        document: async (produce) => bytesOf(await produce(maaClaims())),
      })),
      claiming(
        'a policy that nothing complied with',
        'verifier-refused',
        snpClaims({ 'x-ms-compliance-status': 'none' }),
      ),
      claiming('an enclave kind that is none of a confidential VM', 'malformed-token', {
        'x-ms-attestation-type': 'sgx',
        'x-ms-compliance-status': 'azure-compliant-cvm',
      }),
      claiming('a VM without the claims of its hardware', 'malformed-token', vtpmClaims({})),
      claiming('another version of the claims', 'malformed-token', { ...snpClaims(), 'x-ms-ver': '2.0' }),
      claiming('an SNP guest that its host may debug', 'debug', snpClaims({ 'x-ms-sevsnpvm-is-debuggable': true })),
      claiming('a TDX guest that its host may debug', 'debug', tdxClaims({ tdx_td_attributes_debug: true })),
      claiming(
        'a guest that says nothing of debugging',
        'malformed-token',
        snpClaims({ 'x-ms-sevsnpvm-is-debuggable': undefined }),
      ),
      claiming(
        'a kernel debugger in the guest',
        'debug',
        vtpmClaims(snpClaims(), { 'x-ms-azurevm-kerneldebug-enabled': true }),
      ),
      claiming('a guest without secure boot', 'verifier-refused', vtpmClaims(snpClaims(), { secureboot: false })),
      claiming('our report data as the nonce of the request, which binds nothing', 'report-data-mismatch', {
        ...snpClaims({ 'x-ms-runtime': { 'user-data': '00'.repeat(64) } }),
        nonce: NONCE,
      }),
      claiming(
        'our report data followed by other bytes',
        'report-data-mismatch',
        snpClaims({ 'x-ms-runtime': { 'user-data': NONCE + '01'.repeat(32) } }),
      ),
      claiming(
        'a TDX platform that is out of date',
        'tcb-status-refused',
        tdxClaims({ attester_tcb_status: 'OutOfDate' }),
      ),
      claiming(
        'a TDX platform of a status unheard of',
        'collateral-missing',
        tdxClaims({ attester_tcb_status: 'Fine' }),
      ),
    ],
  }
}
