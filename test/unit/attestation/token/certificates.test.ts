import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { devnetPolicy, type EvidencePolicy, pinKeySet } from '../../../../src/attestation/index.ts'
import { type ChainDeviation, createRsaChain, type RsaChain } from '../../../support/rsaChain.ts'
import {
  bytesOf,
  crypto,
  GCP_ISSUER,
  gcpClaims,
  judgeToken,
  MAA_ISSUER,
  maaClaims,
} from '../../../support/tokenMint.ts'

const jwksOf = (certificates: readonly string[], over: Record<string, unknown> = {}) =>
  bytesOf({ keys: [{ kty: 'RSA', kid: 'key-1', x5c: certificates, ...over }] })

describe('keys by their certificates', () => {
  let chain: RsaChain
  let good: readonly string[]
  beforeAll(async () => {
    chain = await createRsaChain()
    good = await chain.x5c()
  })

  const policyFor = (
    issuer: string,
    certificate: string,
    assurance: 'verifier-azure' | 'verifier-google',
  ): EvidencePolicy => {
    const pinned = pinKeySet(issuer, jwksOf([certificate]), crypto)
    if (!pinned.ok) throw pinned.error
    return { ...devnetPolicy(), assurances: [assurance], trustedKeySets: [pinned.value] }
  }
  const header = (x5c: readonly string[]) => ({ alg: 'RS256', typ: 'JWT', x5c })
  const gcp = async (x5c: readonly string[], root = good[2] ?? '') => {
    const token = await chain.sign(header(x5c), gcpClaims())
    return judgeToken('gcp', token, { policy: policyFor(GCP_ISSUER, root, 'verifier-google') })
  }
  const codeOf = async (deviation: ChainDeviation): Promise<string> => {
    const result = await gcp(await chain.x5c(deviation))
    return result.ok ? 'accept' : result.error.code
  }

  it('Google: takes a token with its chain, under a root whose key the policy pins', async () => {
    const result = await gcp(good)
    if (!result.ok) throw result.error
    expect(result.value.assurance).toBe('verifier-google')
    expect(result.value.checked).toContain('certificate-chain')
    expect(result.value.notChecked).toContain('certificate-revocation')
  })

  it("Google: refuses a chain under somebody else's root, and a pinned leaf in a root's place", async () => {
    const other = await createRsaChain()
    const result = await gcp(good, (await other.x5c())[2])
    expect(result.ok ? 'accept' : result.error.code).toBe('untrusted-key')
    const leaf = await gcp(good, good[0])
    expect(leaf.ok ? 'accept' : leaf.error.code).toBe('untrusted-key')
  })

  it('Google: refuses a chain that does not hold', async () => {
    expect(await codeOf({ swapRole: 1 })).toBe('not-a-ca')
    expect(await codeOf({ swapRole: 2 })).toBe('leaf-is-ca')
    expect(await codeOf({ expired: 2 })).toBe('certificate-expired')
    const short = await gcp([good[2] ?? ''])
    expect(short.ok ? 'accept' : short.error.code).toBe('malformed-token')
    const reversed = await gcp([...good].reverse())
    expect(reversed.ok ? 'accept' : reversed.error.code).toBe('untrusted-key')
  })

  it('refuses a chain in the header of a token of any other verifier', async () => {
    const policy = policyFor(MAA_ISSUER, good[2] ?? '', 'verifier-azure')
    const result = await judgeToken('maa', await chain.sign(header(good), maaClaims()), { policy })
    expect(result.ok ? 'accept' : result.error.code).toBe('unexpected-header')
  })

  it('Microsoft: takes a key that its set publishes by certificate alone', async () => {
    const [leaf = ''] = good
    const policy = policyFor(MAA_ISSUER, leaf, 'verifier-azure')
    const token = await chain.sign({ alg: 'RS256', kid: 'key-1', jku: `${MAA_ISSUER}/certs`, typ: 'JWT' }, maaClaims())
    const result = await judgeToken('maa', token, { policy, jwks: jwksOf([leaf]) })
    if (!result.ok) throw result.error
    expect(result.value.root.name).toBe(MAA_ISSUER)
  })

  it('refuses parameters that are not those of the certificate beside them', async () => {
    const [leaf = ''] = good
    const other = new X509Certificate(Buffer.from((await (await createRsaChain()).x5c())[0] ?? '', 'base64'))
    const { n, e } = other.publicKey.export({ format: 'jwk' })
    const policy = policyFor(MAA_ISSUER, leaf, 'verifier-azure')
    const token = await chain.sign({ alg: 'RS256', kid: 'key-1', typ: 'JWT' }, maaClaims())
    const result = await judgeToken('maa', token, { policy, jwks: jwksOf([leaf], { n, e }) })
    expect(result.ok ? 'accept' : result.error.code).toBe('malformed-collateral')
  })
})
