import { tokenAttacks, tokenCode } from '../tokenAttacks.ts'
import {
  bytesOf,
  type Claims,
  createSigner,
  gpuClaims,
  type JudgeOptions,
  judgeToken,
  mintNras,
  NOW,
  type NrasDeviation,
  trusting,
} from '../tokenMint.ts'
import type { Attack, AttackSuite } from './suite.ts'

const ISSUER = 'https://nras.attestation.nvidia.com'

export async function nrasAttacks(): Promise<AttackSuite> {
  const signer = await createSigner(ISSUER, 'ES384')
  const stranger = await createSigner(ISSUER, 'ES384')
  const usual: JudgeOptions = { policy: trusting(signer, 'verifier-nvidia'), jwks: signer.jwks }
  const judge = async (document: Uint8Array, over: Partial<JudgeOptions> = {}): Promise<string> =>
    tokenCode(await judgeToken('nras', document, { ...usual, ...over }))
  const good = await mintNras(signer)
  const minted = (
    name: string,
    expected: string,
    deviation: NrasDeviation,
    over: Partial<JudgeOptions> = {},
  ): Attack => ({
    name,
    expected,
    run: async () => judge(await mintNras(signer, deviation), over),
  })
  const gpu = (name: string, expected: string, claims: Claims): Attack =>
    minted(name, expected, { gpus: [gpuClaims(claims)] })
  const other = JSON.parse(new TextDecoder().decode(await mintNras(signer, { gpus: [gpuClaims({ ueid: '9' })] })))

  return {
    kind: 'nras',
    document: 'minted',
    flips: { bytes: good, unsigned: [], judge },
    attacks: [
      ...(await tokenAttacks({
        algorithm: 'ES384',
        signer,
        stranger,
        usual,
        judge,
        document: (produce) => mintNras(signer, { produce }),
      })),
      minted('a device that the overall token does not name', 'digest-mismatch', {
        bundle: ([pair, gpus]) => [pair, { ...gpus, 'GPU-1': gpus['GPU-0'] }],
      }),
      minted('a device left out', 'digest-mismatch', {
        gpus: [gpuClaims(), gpuClaims({ ueid: '2' })],
        bundle: ([pair, gpus]) => [pair, { 'GPU-0': gpus['GPU-0'] }],
      }),
      minted('a device token of another bundle', 'digest-mismatch', { bundle: ([pair]) => [pair, other[1]] }),
      minted(
        'a device token of another bundle, without a key set',
        'digest-mismatch',
        { bundle: ([pair]) => [pair, other[1]] },
        { jwks: undefined },
      ),
      minted('no devices', 'malformed-evidence', { gpus: [] }),
      minted('33 devices', 'malformed-evidence', {
        bundle: ([pair, gpus]) => [
          pair,
          Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`GPU-${at}`, gpus['GPU-0']])),
        ],
      }),
      minted('a digest under another algorithm', 'malformed-token', {
        overall: { submods: { 'GPU-0': ['DIGEST', ['SHA-1', '00'.repeat(20)]] } },
      }),
      minted('a device token by a key that nobody trusts', 'bad-signature', { gpuSigner: stranger }),
      minted('an overall result of false', 'verifier-refused', { overall: { 'x-nvidia-overall-att-result': false } }),
      minted('an overall result in words', 'verifier-refused', { overall: { 'x-nvidia-overall-att-result': 'true' } }),
      gpu('measurements that failed', 'verifier-refused', { measres: 'fail' }),
      gpu('a device without secure boot', 'verifier-refused', { secboot: false }),
      gpu('a report of another nonce, by its own claims', 'verifier-refused', {
        'x-nvidia-gpu-attestation-report-nonce-match': false,
      }),
      gpu('a device certificate that is revoked', 'verifier-refused', {
        'x-nvidia-gpu-attestation-report-cert-chain': {
          'x-nvidia-cert-status': 'revoked',
          'x-nvidia-cert-ocsp-status': 'revoked',
        },
      }),
      gpu('debug mode', 'debug', { dbgstat: 'enabled' }),
      gpu('a device with another nonce than the overall token', 'malformed-token', { eat_nonce: 'cd'.repeat(32) }),
      gpu('a device token of another issuer', 'issuer-refused', { iss: 'https://attacker.example' }),
      gpu('a device token that has expired', 'token-expired', { exp: NOW / 1000 }),
      minted('one device twice', 'malformed-token', { gpus: [gpuClaims(), gpuClaims()] }),
      {
        name: 'a revoked device',
        expected: 'chip-revoked',
        run: async () => judge(good, { policy: { ...usual.policy, revokedChips: ['100200300'] } }),
      },
      {
        name: 'a device twice in the bundle',
        expected: 'duplicate-key',
        run: async () => judge(bytesOf(new TextDecoder().decode(good).replace('{"GPU-0"', '{"GPU-0":"","GPU-0"'))),
      },
    ],
  }
}
