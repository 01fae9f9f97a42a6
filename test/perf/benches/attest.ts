import 'reflect-metadata'
import { constants, createPublicKey, verify } from 'node:crypto'
import { BasicConstraintsExtension, KeyUsagesExtension, X509Certificate } from '@peculiar/x509'
import * as dcapQvl from '@phala/dcap-qvl'
import { parseSign1 } from '../../../src/attestation/cose.ts'
import {
  type AttestationCrypto,
  createVerdictCache,
  type SignatureAlgorithm,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { parseNitroDocument } from '../../../src/attestation/nitro/document.ts'
import { parseCertificate } from '../../../src/attestation/x509/certificate.ts'
import { nodeAttestationCrypto } from '../../../src/node/index.ts'
import { readVector } from '../../support/vectors.ts'
import { type AttestInput, attestInput } from '../attestInputs.ts'
import type { Bench, Metrics } from '../bench.ts'
import { median } from '../statistics.ts'

const ROUNDS = 300
const WARM_UP = 30

const TDX = {
  quote: 'tee/tdx/phala-tdx_quote.bin',
  collateral: 'tee/tdx/phala-tdx_quote_collateral.json',
  at: '2025-06-20T00:00:00Z',
} as const

const load = {
  nitro: () => attestInput('nitro', 'tee/nitro/nitro-2024-11-30.cose.bin', [], '2024-11-30T16:22:48Z'),
  tdx: () => attestInput('tdx', TDX.quote, [TDX.collateral], TDX.at),
  snp: () =>
    attestInput(
      'sev-snp',
      'tee/sev-snp/dstack-report.bin',
      ['tee/sev-snp/dstack-sev_snp_vcek.pem'],
      '2026-11-20T00:00:00Z',
    ),
  nvidia: () => attestInput('nvidia-gpu', 'tee/nvidia/hopper_evidence.json', [], '2026-11-20T00:00:00Z'),
} as const

/** Our whole verdict against the bare signatures it rests on, on real documents, one after the other in each round. */
export const attest: Bench = {
  name: 'attest',
  summary: 'verdicts on real evidence against bare node:crypto verifications of the same signatures, and dcap-qvl',
  targets: {
    nitroVsFloor: { op: '<=', value: 1.35 },
    snpVsFloor: { op: '<=', value: 1.35 },
    nvidiaVsFloor: { op: '<=', value: 1.35 },
    tdxVsFloor: { op: '<=', value: 1.35 },
    tdxP50Ms: { op: '<=', value: 2.5 },
    tdxVsDcapQvl: { op: '<=', value: 0.5 },
    cachedP50Ms: { op: '<=', value: 0.05 },
  },
  run: async ({ progress }) => {
    const metrics: Record<string, number> = {}
    for (const [name, input] of Object.entries(load)) {
      progress(`${name}: ${ROUNDS} rounds`)
      Object.assign(metrics, await againstFloor(name, await input()))
    }
    progress('the same TDX quote through dcap-qvl')
    return { ...metrics, ...(await againstDcapQvl()), ...(await cached()), ...(await certificates()) }
  },
}

interface Signed {
  readonly algorithm: SignatureAlgorithm
  readonly spki: Uint8Array
  readonly signature: Uint8Array
  readonly message: Uint8Array
}

/** The signatures that one verdict checks, as the port sees them. */
async function signaturesOf({ evidence, context }: AttestInput): Promise<Signed[]> {
  const seen: Signed[] = []
  const crypto: AttestationCrypto = {
    ...context.crypto,
    verify: (algorithm, spki, signature, message) => {
      seen.push({ algorithm, spki, signature, message })
      return context.crypto.verify(algorithm, spki, signature, message)
    },
  }
  const verdict = await verifyEvidence(evidence, { ...context, crypto })
  if (!verdict.ok) throw verdict.error
  return seen
}

const HASH: Readonly<Record<SignatureAlgorithm, string>> = {
  ES256: 'sha256',
  ES384: 'sha384',
  PS384: 'sha384',
  RS256: 'sha256',
  RS384: 'sha384',
}

/** What nobody can do without: the key read and the signature verified by OpenSSL. */
function bare({ algorithm, spki, signature, message }: Signed): boolean {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (algorithm.startsWith('ES')) return verify(HASH[algorithm], message, { key, dsaEncoding: 'ieee-p1363' }, signature)
  const padding = algorithm === 'PS384' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  return verify(
    HASH[algorithm],
    message,
    { key, padding, ...(algorithm === 'PS384' ? { saltLength: 48 } : {}) },
    signature,
  )
}

/** A peer that has seen nothing yet: the port keeps keys it has read. */
const cold = ({ context }: AttestInput): AttestInput['context'] => ({ ...context, crypto: nodeAttestationCrypto() })

async function againstFloor(name: string, input: AttestInput): Promise<Metrics> {
  const signatures = await signaturesOf(input)
  const [ours, floor] = await inTurn(
    async () => {
      const verdict = await verifyEvidence(input.evidence, cold(input))
      if (!verdict.ok) throw verdict.error
    },
    async () => {
      for (const signed of signatures) if (!bare(signed)) throw new Error('expected a good signature')
    },
  )
  return {
    [`${name}P50Ms`]: ours,
    [`${name}FloorMs`]: floor,
    [`${name}Signatures`]: signatures.length,
    [`${name}VsFloor`]: ours / floor,
  }
}

async function againstDcapQvl(): Promise<Metrics> {
  const input = await load.tdx()
  const quote = Buffer.from(await readVector(TDX.quote))
  const collateral: unknown = JSON.parse(Buffer.from(await readVector(TDX.collateral)).toString())
  const seconds = Date.parse(TDX.at) / 1_000
  const [ours, theirs] = await inTurn(
    async () => {
      const verdict = await verifyEvidence(input.evidence, cold(input))
      if (!verdict.ok) throw verdict.error
    },
    async () => {
      dcapQvl.verify(quote, collateral as never, seconds)
    },
  )
  return { dcapQvlMs: theirs, tdxVsDcapQvl: ours / theirs }
}

async function cached(): Promise<Metrics> {
  const { evidence, context } = await load.tdx()
  const cache = createVerdictCache()
  await cache.verify(evidence, context)
  const [hit] = await inTurn(async () => {
    await cache.verify(evidence, context)
  })
  return { cachedP50Ms: hit }
}

/** docs/decisions/0034-own-der-reader.md: the five certificates of one Nitro document, read two ways. */
async function certificates(): Promise<Metrics> {
  const message = parseSign1((await load.nitro()).evidence.document)
  const document = message.ok ? parseNitroDocument(message.value.payload) : message
  if (!document.ok) throw document.error
  const ders = [...document.value.cabundle, document.value.certificate]
  const [ours, theirs] = await inTurn(
    async () => {
      for (const [position, der] of ders.entries()) if (!parseCertificate(der, position).ok) throw new Error('unread')
    },
    async () => {
      for (const der of ders) readByPeculiar(new Uint8Array(der))
    },
  )
  return { certificatesMs: ours, certificatesPeculiarMs: theirs }
}

/** The same members as ours. */
function readByPeculiar(der: Uint8Array<ArrayBuffer>): readonly unknown[] {
  const certificate = new X509Certificate(der)
  const { notBefore, notAfter, signatureAlgorithm, signature, publicKey, extensions } = certificate
  const names = [certificate.subjectName.toArrayBuffer(), certificate.issuerName.toArrayBuffer()]
  const usage = [certificate.getExtension(BasicConstraintsExtension), certificate.getExtension(KeyUsagesExtension)]
  return [notBefore, notAfter, signatureAlgorithm, signature, publicKey.rawData, extensions, ...names, ...usage]
}

/** Median milliseconds of each, called in turn so that a busy machine is busy for all of them. */
async function inTurn<T extends readonly (() => Promise<void>)[]>(...runs: T): Promise<{ [K in keyof T]: number }> {
  const times: number[][] = runs.map(() => [])
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const [index, run] of runs.entries()) {
      const start = performance.now()
      await run()
      if (round >= 0) times[index]?.push(performance.now() - start)
    }
  }
  return times.map(median) as { [K in keyof T]: number }
}
