import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AWS_NITRO_ROOT_G1,
  assertTrustRoots,
  devnetPolicy,
  type EvidencePolicy,
  productionPolicy,
  type TrustRoot,
  trustRoot,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { bytesToHex, type Result } from '../../../src/protocol/index.ts'
import { needVectors } from '../../support/needVectors.ts'

/** One Nitro entry of the vectors' MANIFEST.json. */
interface Vector {
  readonly name: string
  readonly kind: string
  readonly evidence: string
  readonly at: string | null
  readonly expect: { readonly verdict: string; readonly reason?: string }
}

const crypto = nodeAttestationCrypto()
const folder = process.env.OPG_VECTORS

/** The vectors are of any program and bound to report data of their own; everything else is as in production. */
const policy: EvidencePolicy = { ...productionPolicy(), measurements: 'any', allowUnbound: true }

const codeOf = (result: Result<unknown, { code: string }>): string => (result.ok ? 'accept' : result.error.code)

needVectors('Nitro documents of AWS')

describe.runIf(folder !== undefined)('Nitro documents of AWS', async () => {
  const tee = join(folder ?? '', 'tee')
  const manifest: { vectors: Vector[] } =
    folder === undefined ? { vectors: [] } : JSON.parse(await readFile(join(tee, 'MANIFEST.json'), 'utf8'))
  const vectors = manifest.vectors.filter((vector) => vector.kind === 'nitro')
  const accepted = vectors.filter((vector) => vector.expect.verdict === 'accept')
  const read = async (path: string): Promise<Uint8Array> => Uint8Array.from(await readFile(join(tee, path)))
  const timeOf = (vector: Vector): number => Date.parse(vector.at ?? '')

  let pem = ''
  let trustRoots: TrustRoot[] = []
  beforeAll(async () => {
    pem = await readFile(join(tee, 'nitro/AWS_NitroEnclaves_Root-G1.pem'), 'utf8')
    trustRoots = [trustRoot('from the vectors', 'aws', pem)]
  })

  const verify = async (document: Uint8Array, now: number, over: Partial<Parameters<typeof verifyEvidence>[1]> = {}) =>
    verifyEvidence({ kind: 'nitro', document }, { now, trustRoots, policy, crypto, ...over })

  it('R6: pins the root certificate that the vectors carry', () => {
    expect(trustRoots[0]?.sha256).toBe(AWS_NITRO_ROOT_G1.sha256)
    expect(trustRoots[0]?.sha256).toBe(`0x${new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()}`)
    expect(() => assertTrustRoots('production', trustRoots)).not.toThrow()
  })

  it('covers accepted and refused documents', () => {
    expect(accepted.length).toBeGreaterThanOrEqual(4)
    expect(vectors.length).toBeGreaterThan(accepted.length)
  })

  it.each(vectors)('$name: $expect.verdict', async (vector) => {
    const document = await read(vector.evidence)
    const result = await verify(document, timeOf(vector))
    expect(codeOf(result)).toBe(vector.expect.verdict === 'accept' ? 'accept' : vector.expect.reason)
    if (!result.ok) return
    expect(result.value.assurance).toBe('hardware-aws')
    expect(result.value.checked).toEqual([
      'structure',
      'trust-root',
      'certificate-chain',
      'signature',
      'not-debug',
      'freshness',
      'hardware',
    ])
    expect(result.value.notChecked).toEqual(['certificate-revocation', 'measurements', 'report-data'])
    const { freshness, expiresAt } = result.value
    if (freshness.basis !== 'signed-time') throw new Error('expected a signed time')
    expect(Math.abs(freshness.at - timeOf(vector))).toBeLessThan(1000)
    expect(expiresAt - freshness.at).toBeLessThanOrEqual(3 * 3_600_000)
  })

  it.each(accepted)('$name: the same under the pinned digest, as under the PEM', async (vector) => {
    const result = await verify(await read(vector.evidence), timeOf(vector), { trustRoots: vendorRoots() })
    expect(codeOf(result)).toBe('accept')
  })

  it.each(accepted)('R5: $name: too old an hour later, from the future before its time', async (vector) => {
    const document = await read(vector.evidence)
    expect(codeOf(await verify(document, timeOf(vector) + 3_601_000))).toBe('evidence-too-old')
    expect(codeOf(await verify(document, timeOf(vector) - 3_000))).toBe('evidence-from-the-future')
  })

  it.each(accepted)('R6: $name: refused without its root, and by report data that is not its own', async (vector) => {
    const document = await read(vector.evidence)
    expect(codeOf(await verify(document, timeOf(vector), { trustRoots: [] }))).toBe('untrusted-root')
    expect(codeOf(await verify(document, timeOf(vector), { expectedReportData: new Uint8Array(32) }))).toBe(
      'report-data-mismatch',
    )
    expect(codeOf(await verify(document, timeOf(vector), { policy: devnetPolicy() }))).toBe('report-data-unbound')
    expect(codeOf(await verify(document, timeOf(vector), { policy: productionPolicy() }))).toBe('measurement-refused')
  })

  it.each(accepted)('$name: accepted for its own program', async (vector) => {
    const document = await read(vector.evidence)
    const first = await verify(document, timeOf(vector))
    if (!first.ok) throw first.error
    const { pcr0, pcr1, pcr2 } = first.value.measurements
    if (pcr0 === undefined || pcr1 === undefined || pcr2 === undefined) throw new Error('expected PCR0 to PCR2')
    const own = productionPolicy([{ kind: 'nitro', values: { pcr0, pcr1, pcr2 } }])
    expect(codeOf(await verify(document, timeOf(vector), { policy: { ...own, allowUnbound: true } }))).toBe('accept')
    const other = productionPolicy([{ kind: 'nitro', values: { pcr0: bytesToHex(new Uint8Array(48)), pcr1, pcr2 } }])
    expect(codeOf(await verify(document, timeOf(vector), { policy: other }))).toBe('measurement-refused')
  })

  it('never accepts a document with any bit flipped', async () => {
    const documents = await Promise.all(
      accepted.map(async (vector) => ({ now: timeOf(vector), bytes: await read(vector.evidence) })),
    )
    const flip = fc.record({ document: fc.nat(documents.length - 1), at: fc.nat(), bit: fc.nat(7) })
    await fc.assert(
      fc.asyncProperty(flip, async ({ document, at, bit }) => {
        const chosen = documents[document]
        if (chosen === undefined) throw new RangeError('expected a document')
        const bad = Uint8Array.from(chosen.bytes)
        const position = at % bad.length
        bad[position] = (bad[position] ?? 0) ^ (1 << bit)
        expect(codeOf(await verify(bad, chosen.now))).not.toBe('accept')
      }),
      { numRuns: 150 },
    )
  })

  it('never accepts a document cut short or with bytes inserted', async () => {
    const [vector] = accepted
    if (vector === undefined) throw new RangeError('expected a document')
    const bytes = await read(vector.evidence)
    const cuts = fc.record({ at: fc.nat(bytes.length - 1), insert: fc.uint8Array({ maxLength: 3 }) })
    await fc.assert(
      fc.asyncProperty(cuts, async ({ at, insert }) => {
        const cut =
          insert.length === 0
            ? bytes.slice(0, at)
            : Uint8Array.from([...bytes.slice(0, at), ...insert, ...bytes.slice(at)])
        expect(codeOf(await verify(cut, timeOf(vector)))).not.toBe('accept')
      }),
      { numRuns: 100 },
    )
  })
})
