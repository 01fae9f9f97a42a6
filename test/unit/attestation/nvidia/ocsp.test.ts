import { beforeAll, describe, expect, it } from 'vitest'
import { type CollateralItem, encodeCollateral } from '../../../../src/attestation/index.ts'
import { roleExtensions } from '../../../../src/attestation/x509/issue.ts'
import { sha256 } from '../../../../src/protocol/index.ts'
import { extension, oid, sequence } from '../../../support/derWriter.ts'
import { HOUR, NOW } from '../../../support/nitroMint.ts'
import {
  type AnswerRequest,
  answersFor,
  bytesOf,
  driverManifest,
  mintAnswer,
  mintManifest,
  ocspBundle,
  vbiosManifest,
} from '../../../support/nvidiaCollateral.ts'
import { createNvidiaMint, judgeMinted, type NvidiaMint, verifyMinted } from '../../../support/nvidiaMint.ts'
import { issueParty, type Party } from '../../../support/testPki.ts'

let mint: NvidiaMint
let document: Uint8Array
let chain: readonly Party[]
beforeAll(async () => {
  mint = await createNvidiaMint()
  const { entry, chain: parties } = await mint.device()
  document = bytesOf(JSON.stringify([entry]))
  chain = parties
})

const at = (position: number): Party => chain[position] as Party
const items = (given: { readonly [item in CollateralItem]?: Uint8Array }) =>
  new Map(Object.entries(given) as [CollateralItem, Uint8Array][])
const verdictOf = async (responses: readonly Uint8Array[], device = document) => {
  const verdict = await verifyMinted(device, mint, { collateral: items({ 'nvidia/ocsp': ocspBundle(responses) }) })
  return verdict.ok ? verdict.value : verdict.error.code
}
const given = (bundle: Uint8Array, policy = {}): Promise<string> =>
  judgeMinted(document, mint, { policy, collateral: items({ 'nvidia/ocsp': bundle }) })
/** One answer about the chip's certificate. */
const judge = async (over: Partial<AnswerRequest> = {}, policy = {}): Promise<string> =>
  given(ocspBundle([await mintAnswer({ certificate: at(3), issuer: at(2), ...over })]), policy)

describe('OCSP answers about the chain of a device', () => {
  it('are complete when every certificate that NVIDIA issued has one; the leaf is of its chip', async () => {
    const responses = await answersFor(chain, 1)
    expect(responses.length).toBe(3)
    const verdict = await verdictOf(responses)
    expect(verdict).toMatchObject({ expiresAt: NOW + HOUR })
    expect(verdict).toHaveProperty('checked', expect.arrayContaining(['ocsp']))
    for (const missing of [0, 1, 2])
      expect(await verdictOf(responses.toSpliced(missing, 1))).toHaveProperty(
        'notChecked',
        expect.arrayContaining(['ocsp']),
      )
  })

  it('are asked for about every device, and about the signers of manifests', async () => {
    const second = await mint.device({ number: 1 })
    const both = bytesOf(JSON.stringify([(await mint.device()).entry, second.entry]))
    const responses = [...(await answersFor(chain, 1)), ...(await answersFor(second.chain, 1))]
    expect(await verdictOf(responses, both)).toHaveProperty('checked', expect.arrayContaining(['ocsp']))
    expect(await verdictOf(await answersFor(chain, 1), both)).toHaveProperty(
      'notChecked',
      expect.arrayContaining(['ocsp']),
    )

    const [driver, vbios] = [await mintManifest(mint, driverManifest), await mintManifest(mint, vbiosManifest)]
    const device = await answersFor(chain, 1)
    const signers = [...(await answersFor(driver.chain, 0)), ...(await answersFor(vbios.chain, 0))]
    const policy = { requireGpuAppraisal: true }
    const collateral = (responses: readonly Uint8Array[]) =>
      items({ 'nvidia/driver-rim': driver.xml, 'nvidia/vbios-rim': vbios.xml, 'nvidia/ocsp': ocspBundle(responses) })
    expect(encodeCollateral(collateral([...device, ...signers])).length).toBeLessThan(130_048)
    expect(await judgeMinted(document, mint, { policy, collateral: collateral([...device, ...signers]) })).toBe(
      'accept',
    )
    expect(await judgeMinted(document, mint, { policy, collateral: collateral(device) })).toBe('collateral-missing')
    const revoked = await answersFor(vbios.chain, 0, { status: 'revoked' })
    expect(await judgeMinted(document, mint, { collateral: collateral([...device, ...revoked]) })).toBe(
      'certificate-revoked',
    )
  })

  it('are missing: said, unless the policy asks for them', async () => {
    expect(await judgeMinted(document, mint)).toBe('accept')
    expect(await judgeMinted(document, mint, { policy: { requireGpuAppraisal: true } })).toBe('collateral-missing')
  })

  it('refuse a certificate that is revoked or on hold, and one the responder does not know', async () => {
    expect(await judge()).toBe('accept')
    expect(await judge({ status: 'revoked' })).toBe('certificate-revoked')
    expect(await judge({ status: 'unknown' })).toBe('ocsp-status-unknown')
    const [good, bad] = [
      await mintAnswer({ certificate: at(3), issuer: at(2) }),
      await mintAnswer({ certificate: at(3), issuer: at(2), status: 'revoked' }),
    ]
    expect(await given(ocspBundle([good, bad]))).toBe('certificate-revoked')
  })

  it('hold from their date to the next', async () => {
    expect(await judge({ thisUpdate: NOW + 1_000 })).toBe('ocsp-not-yet-valid')
    expect(await judge({ nextUpdate: NOW - 1_000 })).toBe('ocsp-expired')
    expect(await judge({ nextUpdate: undefined })).toBe('malformed-ocsp')
  })

  it('name the certificate under SHA-2', async () => {
    for (const hash of ['sha256', 'sha384', 'sha512'] as const) expect(await judge({ hash })).toBe('accept')
    expect(await judge({ hash: 'sha1' })).toBe('malformed-ocsp')
  })

  it('about other certificates are passed over', async () => {
    const stranger = await issueParty({ subject: 'CN=stranger', issuer: at(2), ca: true })
    expect(await judge({ certificate: stranger, status: 'revoked' })).toBe('accept')
    const sibling = await issueParty({ subject: at(2).subject, issuer: at(1), ca: true })
    expect(await judge({ issuer: sibling, status: 'revoked' })).toBe('accept')
  })

  it('come from the issuer, or from a responder that it or the root has certified', async () => {
    expect(await judge({ responderIssuer: mint.root })).toBe('accept')
    expect(await judge({ responderIssuer: at(1) })).toBe('ocsp-signer-refused')
    expect(await judge({ responder: { extensions: [] } })).toBe('ocsp-signer-refused')
    const clientAuth = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2')))
    expect(await judge({ responder: { extensions: [clientAuth] } })).toBe('ocsp-signer-refused')
    expect(await judge({ responder: { extensions: [extension('2.5.29.37', Uint8Array.of(5, 0))] } })).toBe(
      'ocsp-signer-refused',
    )
    expect(await judge({ signer: at(2) })).toBe('accept')
    expect(await judge({ signer: at(1) })).toBe('ocsp-signer-refused')
    const silent = await mint.device({
      certificate: (request, position) => (position === 2 ? { ...request, role: usage(0x02) } : request),
    })
    const answer = await mintAnswer({
      certificate: silent.chain[3] as Party,
      issuer: silent.chain[2] as Party,
      signer: silent.chain[2] as Party,
    })
    const collateral = items({ 'nvidia/ocsp': ocspBundle([answer]) })
    const device = bytesOf(JSON.stringify([silent.entry]))
    expect(await judgeMinted(device, mint, { collateral })).toBe('ocsp-signer-refused')
  })

  it('come from a responder in date, that is no CA and not revoked', async () => {
    expect(await judge({ responder: { notAfter: NOW - 1_000 } })).toBe('certificate-expired')
    expect(await judge({ responder: { notBefore: NOW + 1_000 } })).toBe('certificate-not-yet-valid')
    const brief = await mintAnswer({ certificate: at(3), issuer: at(2), responder: { notAfter: NOW + 60_000 } })
    expect(await verdictOf([brief])).toMatchObject({ expiresAt: NOW + 60_000 })
    expect(await judge({ responder: { ca: true } })).toBe('leaf-is-ca')
    expect(await judge({ responderIssuer: at(3) })).toBe('ocsp-signer-refused')
    const forged = await issueParty({ subject: at(2).subject, ca: true })
    expect(await judge({ responderIssuer: forged })).toBe('bad-certificate-signature')
    const listed = { revokedCertificates: [sha256(at(2).der)] }
    expect(await judge({}, listed)).toBe('certificate-revoked')
  })

  it('are signed', async () => {
    const flip = (mark: readonly number[], by: number) => (der: Uint8Array) => {
      const position = Buffer.from(der).indexOf(Buffer.from(mark))
      return der.with(position + by, (der[position + by] ?? 0) ^ 1)
    }
    expect(await judge({ altered: flip([0x80, 0x00, 0x18], 16) })).toBe('bad-ocsp-signature')
  })

  it.each<[string, Partial<AnswerRequest>]>([
    ['a responder that failed', { outerStatus: 6 }],
    ['bytes after the end', { altered: (der) => Uint8Array.of(...der, 0) }],
    ['bytes missing', { altered: (der) => der.slice(0, -1) }],
    [
      'a critical extension',
      { extensions: sequence(sequence(oid('1.2.3'), Uint8Array.of(1, 1, 255), Uint8Array.of(4, 0))) },
    ],
    ['more bytes than allowed', { altered: () => new Uint8Array(16_385) }],
    [
      'another type',
      { altered: (der) => der.with(Buffer.from(der).indexOf(Buffer.from([0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1])) + 8, 2) },
    ],
  ])('are refused with %s', async (_, over) => {
    expect(await judge(over)).toBe('malformed-ocsp')
  })

  it('may echo a nonce', async () => {
    const nonce = sequence(sequence(oid('1.3.6.1.5.5.7.48.1.2'), Uint8Array.of(1, 1, 255), Uint8Array.of(4, 0)))
    expect(await judge({ extensions: nonce })).toBe('accept')
  })

  it('come as a CBOR array of at most 64', async () => {
    expect(await given(Uint8Array.of(0xff))).toBe('malformed-ocsp')
    expect(await given(Uint8Array.of(0x80))).toBe('malformed-ocsp')
    expect(await given(Uint8Array.of(0x81, 0x01))).toBe('malformed-ocsp')
    const [one] = await answersFor(chain, 1)
    expect(await given(ocspBundle(Array(65).fill(one)))).toBe('malformed-ocsp')
  })
})

/** Key usage of these bits alone, with the CA flag. */
const usage = (bits: number) => [
  ...roleExtensions({ ca: true, pathLength: undefined }).slice(0, 1),
  extension('2.5.29.15', Uint8Array.of(3, 2, 1, bits | 0x04), true),
]
