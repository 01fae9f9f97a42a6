import { decodeJwt, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  devnetPolicy,
  type EarClaims,
  type EvidenceVerdict,
  earClaims,
  type PeerVerdict,
  signEar,
  verifyEar,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import type { WebKey } from '../../../src/attestation/webcrypto.ts'
import { createMint, crypto, HOUR, NOW, REPORT_DATA } from '../../support/nitroMint.ts'
import { createSigner, judgeToken, MAA_ISSUER, maaClaims, trusting } from '../../support/tokenMint.ts'
import { readVector, VECTORS } from '../../support/vectors.ts'

const INIT = {
  verifier: { developer: 'https://opg.example', build: 'opg 0.1.0' },
  policyId: 'urn:opg:policy:test',
  issuedAt: NOW,
}

describe('verdicts as EAT attestation results', () => {
  let simulated: EvidenceVerdict
  let publicKey: Uint8Array
  let privateKey: WebKey
  beforeAll(async () => {
    const mint = await createMint()
    const result = await verifyEvidence(
      { kind: 'nitro', document: await mint.mint() },
      { now: NOW, policy: devnetPolicy(), trustRoots: [mint.root], expectedReportData: REPORT_DATA, crypto },
    )
    if (!result.ok) throw result.error
    simulated = result.value
    const keys = await generateKeyPair('ES256', { extractable: true })
    privateKey = keys.privateKey as WebKey
    const pem = await exportSPKI(keys.publicKey)
    publicKey = Uint8Array.from(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
  })

  /** What a verdict on real hardware would say; the mapping alone is looked at. */
  const onHardware = (over: Partial<EvidenceVerdict>): EvidenceVerdict => ({
    ...simulated,
    kind: 'tdx',
    assurance: 'hardware-intel',
    tcbStatus: 'UpToDate',
    checked: ['structure', 'signature', 'tcb', 'measurements', 'report-data', 'hardware'],
    notChecked: [],
    ...over,
  })
  const appraisalOf = (verdict: EvidenceVerdict) => earClaims(verdict, INIT).submods.evidence
  const statusOf = (over: Partial<EvidenceVerdict>) => appraisalOf(onHardware(over))?.['ear.status']
  const vectorOf = (over: Partial<EvidenceVerdict>) => appraisalOf(onHardware(over))?.['ear.trustworthiness-vector']
  const verify = (token: string, now = NOW) =>
    verifyEar(new TextEncoder().encode(token), { now, publicKey, policy: devnetPolicy(), crypto })
  const codeOf = async (token: string, now?: number): Promise<string> => {
    const result = await verify(token, now)
    return result.ok ? 'accept' : result.error.code
  }

  it('R6: a simulated verdict is contraindicated, and affirms nothing', () => {
    const appraisal = appraisalOf(simulated)
    expect(appraisal?.['ear.status']).toBe('contraindicated')
    expect(appraisal?.['opg.assurance']).toBe('simulated')
    const { hardware, ...rest } = appraisal?.['ear.trustworthiness-vector'] ?? {}
    expect(hardware).toBe(97)
    expect(new Set(Object.values(rest))).toEqual(new Set([0]))
  })

  it("the word of a cloud's verifier is no claim of ours", async () => {
    const signer = await createSigner(MAA_ISSUER, 'RS256')
    const result = await judgeToken('maa', await signer.sign(maaClaims()), {
      policy: trusting(signer, 'verifier-azure'),
      jwks: signer.jwks,
    })
    if (!result.ok) throw result.error
    const appraisal = appraisalOf(result.value)
    expect(appraisal?.['ear.status']).toBe('none')
    expect(appraisal?.['opg.not-checked']).toEqual(expect.arrayContaining(['underlying-evidence', 'hardware']))
    expect(new Set(Object.values(appraisal?.['ear.trustworthiness-vector'] ?? {}))).toEqual(new Set([0]))
  })

  it('affirms hardware, program and instance together, or nothing', () => {
    expect(statusOf({})).toBe('affirming')
    expect(vectorOf({})).toEqual({
      'instance-identity': 2,
      configuration: 0,
      executables: 3,
      'file-system': 0,
      hardware: 2,
      'runtime-opaque': 2,
      'storage-opaque': 0,
      'sourced-data': 0,
    })
    expect(statusOf({ checked: ['tcb', 'report-data', 'hardware'], notChecked: ['measurements'] })).toBe('none')
    expect(statusOf({ checked: ['tcb', 'measurements', 'hardware'], notChecked: ['report-data'] })).toBe('none')
    expect(statusOf({ tcbStatus: 'Unknown' })).toBe('none')
    expect(statusOf({ tcbStatus: undefined, notChecked: ['tcb'] })).toBe('none')
    expect(statusOf({ tcbStatus: undefined, notChecked: ['not-debug'] })).toBe('none')
  })

  it('warns of security versions and configurations that the vendor warns of', () => {
    expect(vectorOf({ tcbStatus: 'SWHardeningNeeded' })).toMatchObject({ hardware: 32, configuration: 0 })
    expect(vectorOf({ tcbStatus: 'ConfigurationNeeded' })).toMatchObject({ hardware: 32, configuration: 32 })
    expect(statusOf({ tcbStatus: 'OutOfDate' })).toBe('warning')
    expect(statusOf({ tcbStatus: 'Revoked' })).toBe('contraindicated')
    expect(vectorOf({ checked: ['compose', 'measurements'] })).toMatchObject({ configuration: 2 })
  })

  it('says of an enclave of AWS that it is isolated, not that it is encrypted', () => {
    expect(vectorOf({ assurance: 'hardware-aws', tcbStatus: undefined })).toMatchObject({ 'runtime-opaque': 32 })
    expect(vectorOf({ assurance: 'hardware-nvidia', tcbStatus: undefined })).toMatchObject({ 'runtime-opaque': 0 })
  })

  it('a peer has a submodule for its processor and one for its GPU, and what binds them is said once', () => {
    const gpu = onHardware({ kind: 'nvidia-gpu', assurance: 'hardware-nvidia', tcbStatus: undefined })
    const peer: PeerVerdict = {
      assurance: 'hardware-intel',
      cpu: onHardware({}),
      gpu,
      vendors: ['intel', 'nvidia'],
      checked: ['gpu-cpu-binding'],
      notChecked: ['gpu-cpu-colocation'],
      expiresAt: NOW + 60_500,
    }
    const claims = earClaims(peer, INIT)
    expect(Object.keys(claims.submods)).toEqual(['cpu', 'gpu'])
    expect(claims['opg.not-checked']).toEqual(['gpu-cpu-colocation'])
    expect(claims.exp).toBe(NOW / 1000 + 60)
    expect(Object.keys(earClaims({ ...peer, gpu: undefined }, INIT).submods)).toEqual(['cpu'])
  })

  it('signs and verifies, and another library reads the same', async () => {
    const claims = earClaims(onHardware({}), INIT)
    const token = await signEar(claims, privateKey, 'ear-1')
    const result = await verify(token)
    expect(result.ok && result.value).toEqual(claims)
    expect(decodeJwt(token)).toEqual(claims)
    expect(claims.exp - claims.iat).toBe(HOUR / 1000)
  })

  it('refuses what is not signed, not ours, over, or no result', async () => {
    const claims = earClaims(onHardware({}), INIT)
    const token = await signEar(claims, privateKey, 'ear-1')
    const sign = async (payload: Record<string, unknown>, alg = 'ES256') =>
      new SignJWT(payload).setProtectedHeader({ alg, typ: 'JWT' }).sign(privateKey)
    const stranger = await generateKeyPair('ES256')
    expect(await codeOf(await signEar(claims, stranger.privateKey as WebKey, 'ear-1'))).toBe('bad-signature')
    expect(await codeOf(token.split('.').slice(0, 2).join('.'))).toBe('malformed-token')
    expect(await codeOf(token, NOW + HOUR)).toBe('token-expired')
    expect(await codeOf(token, NOW - 3_000)).toBe('token-not-yet-valid')
    expect(await codeOf(await sign({ ...claims, eat_profile: 'tag:another' }))).toBe('malformed-token')
    expect(await codeOf(await sign({ ...claims, submods: { cpu: {} } }))).toBe('malformed-token')
  })

  it('refuses a status that says better than its vector', async () => {
    const claims = structuredClone(earClaims(simulated, INIT)) as EarClaims
    const appraisal = claims.submods.evidence
    if (appraisal !== undefined) appraisal['ear.status'] = 'affirming'
    expect(await codeOf(await signEar(claims, privateKey, 'ear-1'))).toBe('malformed-token')
  })

  it.skipIf(VECTORS === undefined)('has the members of a result of another implementation', async () => {
    const theirs: EarClaims = JSON.parse(
      new TextDecoder().decode(await readVector('tee/rats/coco-ear-example.token.json')),
    )
    const ours = earClaims(simulated, INIT)
    for (const name of ['eat_profile', 'iat', 'exp', 'ear.verifier-id', 'submods'])
      expect([name, typeof ours[name]]).toEqual([name, typeof theirs[name]])
    expect(Object.keys(ours['ear.verifier-id']).sort()).toEqual(Object.keys(theirs['ear.verifier-id']).sort())
    const [our, their] = [Object.values(ours.submods)[0], Object.values(theirs.submods)[0]]
    for (const name of ['ear.status', 'ear.trustworthiness-vector', 'ear.appraisal-policy-id'])
      expect([name, typeof our?.[name]]).toEqual([name, typeof their?.[name]])
    expect(Object.keys(our?.['ear.trustworthiness-vector'] ?? {}).sort()).toEqual(
      Object.keys(their?.['ear.trustworthiness-vector'] ?? {}).sort(),
    )
  })
})
