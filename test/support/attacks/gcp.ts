import { tokenAttacks, tokenCode } from '../tokenAttacks.ts'
import {
  bytesOf,
  type Claims,
  createSigner,
  GCP_ISSUER,
  gcpClaims,
  type JudgeOptions,
  judgeToken,
  NONCE,
  trusting,
} from '../tokenMint.ts'
import type { Attack, AttackSuite } from './suite.ts'

export async function gcpAttacks(): Promise<AttackSuite> {
  const signer = await createSigner(GCP_ISSUER, 'RS256')
  const stranger = await createSigner(GCP_ISSUER, 'RS256')
  const usual: JudgeOptions = { policy: trusting(signer, 'verifier-google'), jwks: signer.jwks }
  const judge = async (document: Uint8Array, over: Partial<JudgeOptions> = {}): Promise<string> =>
    tokenCode(await judgeToken('gcp', document, { ...usual, ...over }))
  const claiming = (name: string, expected: string, claims: Claims): Attack => ({
    name,
    expected,
    run: async () => judge(bytesOf(await signer.sign(gcpClaims(claims)))),
  })
  const good = bytesOf(await signer.sign(gcpClaims()))
  return {
    kind: 'gcp',
    document: 'minted',
    flips: { bytes: good, unsigned: [], judge },
    attacks: [
      ...(await tokenAttacks({
        algorithm: 'RS256',
        signer,
        stranger,
        usual,
        judge,
        document: async (produce) => bytesOf(await produce(gcpClaims())),
      })),
      claiming('a debug image', 'debug', { dbgstat: 'enabled' }),
      claiming('debugging that is off only now', 'debug', { dbgstat: 'disabled' }),
      claiming('a machine without secure boot', 'verifier-refused', { secboot: false }),
      claiming('a shielded VM, which is no TEE', 'verifier-refused', { hwmodel: 'GCP_SHIELDED_VM' }),
      claiming('a TDX machine appraised by its virtual TPM alone', 'verifier-refused', { attester_tcb: ['GOOGLE'] }),
      claiming('software of another name', 'verifier-refused', { swname: 'ATTACKER' }),
      claiming('two nonces, ours among them', 'report-data-mismatch', { eat_nonce: ['attacker', NONCE] }),
      claiming('two audiences', 'malformed-token', { aud: ['https://sts.googleapis.com', 'https://opg.example'] }),
      claiming('a TDX platform that is out of date', 'tcb-status-refused', {
        tdx: { gcp_attester_tcb_status: 'OutOfDate' },
      }),
      {
        name: 'a token for somebody else',
        expected: 'audience-refused',
        run: async () => {
          const trustedKeySets = usual.policy.trustedKeySets.map((set) => ({
            ...set,
            audiences: ['https://other.example'],
          }))
          return judge(good, { policy: { ...usual.policy, trustedKeySets } })
        },
      },
    ],
  }
}
