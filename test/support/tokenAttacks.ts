import { createHmac } from 'node:crypto'
import type { Attack } from './attacks/suite.ts'
import {
  bytesOf,
  type Claims,
  createSigner,
  type JudgeOptions,
  type judgeToken,
  NOW,
  type Produce,
  type TokenSigner,
} from './tokenMint.ts'

/** The code of a refusal, or `accept`. */
export const tokenCode = (result: Awaited<ReturnType<typeof judgeToken>>): string =>
  result.ok ? 'accept' : result.error.code

export interface TokenWorld {
  readonly algorithm: 'ES384' | 'RS256'
  readonly signer: TokenSigner
  /** Somebody with a key of his own under the same name. */
  readonly stranger: TokenSigner
  readonly usual: JudgeOptions
  readonly judge: (document: Uint8Array, over?: Partial<JudgeOptions>) => Promise<string>
  /** A document around a token made of good claims. */
  readonly document: (produce: Produce) => Promise<Uint8Array>
}

const hour = 3_600
const base64Url = (value: unknown): string => Buffer.from(bytesOf(value)).toString('base64url')

/** What anybody might try with any signed token. */
export async function tokenAttacks(world: TokenWorld): Promise<Attack[]> {
  const { algorithm, signer, stranger, usual, judge, document } = world
  const header = { alg: algorithm, kid: 'key-1', typ: 'JWT' }
  const good = await document(signer.sign)
  const produced = (name: string, expected: string, produce: Produce, over: Partial<JudgeOptions> = {}): Attack => ({
    name,
    expected,
    run: async () => judge(await document(produce), over),
  })
  const claiming = (name: string, expected: string, over: Claims): Attack =>
    produced(name, expected, (claims) => signer.sign({ ...claims, ...over }))
  const headed = (name: string, expected: string, over: Claims): Attack =>
    produced(name, expected, (claims) => signer.signText({ ...header, ...over }, JSON.stringify(claims)))
  const given = (name: string, expected: string, over: Partial<JudgeOptions>): Attack => ({
    name,
    expected,
    run: async () => judge(good, over),
  })
  const elsewhere = await createSigner('https://elsewhere.example', algorithm)
  return [
    produced('no signature, algorithm none', 'wrong-algorithm', async (claims) =>
      [base64Url({ ...header, alg: 'none' }), base64Url(claims), ''].join('.'),
    ),
    produced('an HMAC under the public key (algorithm confusion)', 'wrong-algorithm', async (claims) => {
      const signed = `${base64Url({ ...header, alg: 'HS256' })}.${base64Url(claims)}`
      return `${signed}.${createHmac('sha256', JSON.stringify(signer.jwk)).update(signed).digest('base64url')}`
    }),
    headed('another algorithm of signatures', 'wrong-algorithm', { alg: algorithm === 'RS256' ? 'ES384' : 'RS256' }),
    headed('a critical header', 'unknown-critical-header', { crit: ['exp'] }),
    headed('its own key in the header', 'unexpected-header', { jwk: signer.jwk }),
    headed('an address of a certificate in the header', 'unexpected-header', { x5u: 'https://attacker.example' }),
    headed('a key that is not in the set', 'unknown-key', { kid: 'key-2' }),
    headed('no name of a key', 'unknown-key', { kid: undefined }),
    produced('signed by another key of the same name', 'bad-signature', stranger.sign),
    produced('signed by another key, which came along', 'untrusted-key', stranger.sign, { jwks: stranger.jwks }),
    produced(
      "an address of the attacker's keys, which came along",
      'untrusted-key',
      (claims) => stranger.signText({ ...header, jku: 'https://attacker.example' }, JSON.stringify(claims)),
      { jwks: stranger.jwks },
    ),
    given('a key that we trust for another issuer', 'untrusted-key', {
      policy: {
        ...usual.policy,
        trustedKeySets: usual.policy.trustedKeySets.map((set) => ({ ...set, issuer: elsewhere.issuer })),
      },
    }),
    given('no keys trusted', 'untrusted-key', { policy: { ...usual.policy, trustedKeySets: [] } }),
    given('no key set', 'no-jwks', { jwks: undefined }),
    given('two keys of one name in the set', 'unknown-key', { jwks: bytesOf({ keys: [signer.jwk, stranger.jwk] }) }),
    given('a private key in the set', 'malformed-collateral', {
      jwks: bytesOf({ keys: [{ ...signer.jwk, d: 'AA' }] }),
    }),
    given("a policy that does not take this cloud's word", 'assurance-refused', {
      policy: { ...usual.policy, assurances: ['hardware-intel', 'simulated'] },
    }),
    claiming('another issuer', 'issuer-refused', { iss: elsewhere.issuer }),
    claiming('an issuer that only begins like the right one', 'issuer-refused', {
      iss: `${signer.issuer}.attacker.example`,
    }),
    claiming('an expired token', 'token-expired', { exp: NOW / 1000 }),
    claiming('a token without an end', 'malformed-token', { exp: undefined }),
    claiming('a token that is not valid yet', 'token-not-yet-valid', { nbf: NOW / 1000 + 3 }),
    claiming('issued more than an hour ago', 'evidence-too-old', {
      iat: NOW / 1000 - hour - 1,
      nbf: NOW / 1000 - hour - 1,
      exp: NOW / 1000 + hour,
    }),
    given('replayed: report data of another session', 'report-data-mismatch', {
      reportData: new Uint8Array(32).fill(1),
    }),
    produced('a claim twice', 'duplicate-key', (claims) =>
      signer.signText(header, JSON.stringify(claims).replace('{', '{"iss":"https://attacker.example",')),
    ),
    produced('claims that nest without end', 'malformed-token', () =>
      signer.signText(header, `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
    ),
    { name: 'truncated by a byte', expected: expectedOfCut(good), run: () => judge(good.slice(0, -1)) },
    { name: '10 MB of it', expected: 'evidence-too-large', run: () => judge(new Uint8Array(10_000_000).fill(0x65)) },
  ]
}

/** A bundle loses its bracket, a token the last character of its signature. */
const expectedOfCut = (document: Uint8Array): string =>
  document[0] === 0x5b ? 'malformed-evidence' : 'malformed-token'
