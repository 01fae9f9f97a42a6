import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Assurance,
  assertPolicy,
  parsePolicy,
  pinKeySet,
  productionPolicy,
  type TokenKind,
  webAttestationCrypto,
} from '../../../../src/attestation/index.ts'
import { bytesToHex } from '../../../../src/protocol/index.ts'
import {
  bytesOf,
  createSigner,
  crypto,
  GCP_ISSUER,
  gcpClaims,
  gpuClaims,
  judgeToken,
  MAA_ISSUER,
  maaClaims,
  mintNras,
  NONCE,
  NOW,
  snpClaims,
  type TokenSigner,
  tdxClaims,
  trusting,
  vtpmClaims,
} from '../../../support/tokenMint.ts'

const text = (value: string) => bytesToHex(bytesOf(value))

describe("tokens of clouds' verifiers, minted by their published claims", () => {
  let nvidia: TokenSigner
  let azure: TokenSigner
  let google: TokenSigner
  beforeAll(async () => {
    nvidia = await createSigner('https://nras.attestation.nvidia.com', 'ES384')
    azure = await createSigner(MAA_ISSUER, 'RS256')
    google = await createSigner(GCP_ISSUER, 'RS256')
  })
  const nras = async (document: Uint8Array) => {
    const result = await judgeToken('nras', document, {
      policy: trusting(nvidia, 'verifier-nvidia'),
      jwks: nvidia.jwks,
    })
    if (!result.ok) throw result.error
    return result.value
  }
  const maa = async (claims: Record<string, unknown>) => {
    const options = { policy: trusting(azure, 'verifier-azure'), jwks: azure.jwks }
    const result = await judgeToken('maa', await azure.sign(maaClaims(claims)), options)
    if (!result.ok) throw result.error
    return result.value
  }
  const gcp = async (claims: Record<string, unknown> = {}, over: Partial<ReturnType<typeof trusting>> = {}) => {
    const options = { policy: { ...trusting(google, 'verifier-google'), ...over }, jwks: google.jwks }
    const result = await judgeToken('gcp', await google.sign(gcpClaims(claims)), options)
    if (!result.ok) throw result.error
    return result.value
  }

  it('R6: names the verifier behind each, and never hardware', async () => {
    const verdicts = [await nras(await mintNras(nvidia)), await maa(snpClaims()), await gcp()]
    expect(verdicts.map((verdict) => verdict.assurance)).toEqual([
      'verifier-nvidia',
      'verifier-azure',
      'verifier-google',
    ])
    for (const verdict of verdicts) {
      expect(verdict.checked).toEqual(expect.arrayContaining(['structure', 'trust-root', 'signature', 'report-data']))
      expect(verdict.checked).not.toContain('hardware')
      expect(verdict.notChecked).toEqual(expect.arrayContaining(['underlying-evidence', 'hardware']))
      expect(verdict.keyBinding.reportData).toBe('matched')
    }
  })

  it('says whose key it was, by its thumbprint', async () => {
    const { root } = await maa(snpClaims())
    const thumbprint = Buffer.from(await calculateJwkThumbprint(azure.jwk, 'sha256'), 'base64url').toString('hex')
    expect(root).toEqual({ name: MAA_ISSUER, vendor: 'azure-cloud', sha256: `0x${thumbprint}` })
  })

  it('NVIDIA: reads every device, and ends with the first token', async () => {
    const bundle = await mintNras(nvidia, {
      gpus: [gpuClaims(), gpuClaims({ ueid: '2', dbgstat: 'disabled', exp: NOW / 1000 + 60 })],
    })
    const verdict = await nras(bundle)
    expect(verdict.instanceId).toBe('100200300,2')
    expect(verdict.expiresAt).toBe(NOW + 60_000)
    expect(verdict.measurements['gpu-1.driver']).toBe(text('550.90.07'))
  })

  it('Microsoft: reads the hardware of a guest that its virtual TPM speaks for, and of one that speaks itself', async () => {
    expect((await maa(snpClaims())).instanceId).toBe('4D40782A-122A-42B6-BB3C-45F76ACE525E')
    expect((await maa(snpClaims())).measurements.measurement).toBe(`0x${'11'.repeat(48)}`)
    expect((await maa(vtpmClaims())).measurements.measurement).toBe(`0x${'11'.repeat(48)}`)
    const tdx = await maa(tdxClaims())
    expect(tdx.measurements).toEqual({ mrtd: `0x${'44'.repeat(48)}`, rtmr0: `0x${'55'.repeat(48)}` })
    expect(tdx.tcbStatus).toBe('UpToDate')
    const bare = snpClaims({ 'x-ms-runtime': undefined, 'x-ms-sevsnpvm-reportdata': NONCE + '00'.repeat(32) })
    expect((await maa(bare)).reportData).toBe(`0x${NONCE}`)
  })

  it('Google: reads image and machine, and one nonce in an array or alone', async () => {
    const verdict = await gcp({ eat_nonce: NONCE })
    expect(verdict.measurements).toEqual({
      hwmodel: text('GCP_INTEL_TDX'),
      swname: text('CONFIDENTIAL_SPACE'),
      image: `0x${'66'.repeat(32)}`,
    })
    expect(verdict.instanceId).toBe('project/42')
    expect(verdict.tcbStatus).toBe('UpToDate')
    const other = await gcp({ eat_nonce: 'a nonce of words' }, { allowUnbound: true }).catch((cause) => cause.code)
    expect(other).toBe('report-data-mismatch')
  })

  it('Google: takes a token for an audience that the policy names', async () => {
    const policy = trusting(google, 'verifier-google')
    const trustedKeySets = policy.trustedKeySets.map((set) => ({ ...set, audiences: ['https://opg.example/evidence'] }))
    expect((await gcp({}, { trustedKeySets })).assurance).toBe('verifier-google')
  })

  it('refuses claims of any JSON in the place of a text, also objects that turn into none', async () => {
    const hostile = { toString: 1, valueOf: 1 }
    const codeOf = async (
      kind: TokenKind,
      document: Uint8Array | string,
      signer: TokenSigner,
      assurance: Assurance,
    ) => {
      const judged = await judgeToken(kind, document, { policy: trusting(signer, assurance), jwks: signer.jwks })
      return judged.ok ? 'accept' : judged.error.code
    }
    const typed = await nvidia.signText({ alg: 'ES384', kid: 'key-1', typ: hostile }, '{}')
    const asBundle = JSON.stringify([['JWT', typed], { 'GPU-0': typed }])
    expect(await codeOf('nras', asBundle, nvidia, 'verifier-nvidia')).toBe('unexpected-header')
    for (const name of ['iss', 'x-nvidia-overall-att-result']) {
      const document = await mintNras(nvidia, { overall: { [name]: hostile } })
      expect(await codeOf('nras', document, nvidia, 'verifier-nvidia')).toMatch(/^(issuer|verifier)-refused$/)
    }
    for (const name of ['measres', 'secboot', 'x-nvidia-gpu-arch-check']) {
      const document = await mintNras(nvidia, { gpus: [gpuClaims({ [name]: hostile })] })
      expect(await codeOf('nras', document, nvidia, 'verifier-nvidia')).toBe('verifier-refused')
    }
    const compliance = 'x-ms-compliance-status'
    for (const name of ['iss', 'x-ms-ver', 'x-ms-attestation-type', compliance, 'secureboot']) {
      const document = await azure.sign(maaClaims(snpClaims({ [name]: hostile })))
      expect(await codeOf('maa', document, azure, 'verifier-azure')).toMatch(
        /^(issuer-|verifier-)refused$|^malformed-token$/,
      )
    }
    for (const name of ['iss', 'hwmodel', 'swname', 'secboot', 'attester_tcb']) {
      const document = await google.sign(gcpClaims({ [name]: hostile }))
      expect(await codeOf('gcp', document, google, 'verifier-google')).toMatch(/^(issuer|verifier)-refused$/)
    }
  })

  it('answers the same with WebCrypto', async () => {
    const web = webAttestationCrypto(globalThis.crypto.subtle)
    const options = { policy: trusting(nvidia, 'verifier-nvidia'), jwks: nvidia.jwks }
    const [good, foreign] = [await mintNras(nvidia), await mintNras(await createSigner(nvidia.issuer, 'ES384'))]
    expect((await judgeToken('nras', good, options, web)).ok).toBe(true)
    const refused = await judgeToken('nras', foreign, options, web)
    expect(refused.ok ? 'accept' : refused.error.code).toBe('bad-signature')
    const google2 = { policy: trusting(google, 'verifier-google'), jwks: google.jwks }
    expect((await judgeToken('gcp', await google.sign(gcpClaims()), google2, web)).ok).toBe(true)
  })

  it('R6: no production policy takes the word of a cloud, and none trusts a key by default', () => {
    expect(productionPolicy().trustedKeySets).toEqual([])
    expect(() => assertPolicy('production', { ...productionPolicy(), assurances: ['verifier-azure'] })).toThrow(
      expect.objectContaining({ code: 'policy-refused' }),
    )
    const parsed = parsePolicy({ trustedKeySets: [{ issuer: 'http://attacker.example', thumbprints: [] }] })
    expect(parsed.ok ? 'accept' : parsed.error.code).toBe('bad-policy')
  })
})

describe('key sets', () => {
  const pin = (keys: readonly JWK[] | unknown) => pinKeySet('https://issuer.example', bytesOf({ keys }), crypto)

  it('pins keys for both algorithms by RFC 7638, and leaves out what is neither', async () => {
    const made = await Promise.all(
      (['ES384', 'RS256', 'ES256'] as const).map((alg) => generateKeyPair(alg, { extractable: true })),
    )
    const jwks = await Promise.all(made.map(({ publicKey }) => exportJWK(publicKey)))
    const expected = await Promise.all(
      jwks
        .slice(0, 2)
        .map(async (jwk) => `0x${Buffer.from(await calculateJwkThumbprint(jwk), 'base64url').toString('hex')}`),
    )
    const pinned = pin([...jwks, { kty: 'oct', k: 'AA' }, {}])
    expect(pinned.ok && pinned.value.thumbprints).toEqual(expected)
  })

  it.each([
    ['no array', {}],
    ['no keys', undefined],
    ['keys that are no objects', ['a']],
    ['too many keys', Array(65).fill({})],
  ])('refuses a set of %s', (_, keys) => {
    const pinned = pin(keys)
    expect(pinned.ok ? 'accept' : pinned.error.code).toBe('malformed-collateral')
  })
})
