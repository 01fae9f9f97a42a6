import { beforeAll, describe, expect, it } from 'vitest'
import {
  createVerdictCache,
  devnetPolicy,
  type EvidencePolicy,
  evidenceDigest,
  narrowed,
  type PeerContext,
  type PeerEvidence,
  productionPolicy,
  reappraise,
  verifyEvidence,
  verifyPeerEvidence,
} from '../../../src/attestation/index.ts'
import { gpuNonce, H, hexToBytes, type PeerBinding, reportData } from '../../../src/protocol/index.ts'
import { createMint, crypto, HOUR, type Mint, NOW } from '../../support/nitroMint.ts'
import { createNvidiaMint, type NvidiaMint } from '../../support/nvidiaMint.ts'

const binding: PeerBinding = {
  chainId: 31337,
  networkId: H('network'),
  operator: `0x${'11'.repeat(20)}`,
  sessionKey: `0x${'22'.repeat(20)}`,
  encryptionKey: H('encryption'),
  modelsRoot: H('models'),
  blockNumber: 40,
  blockHash: H('block'),
}
const none = new Uint8Array(0)

let cpuMint: Mint
let gpuMint: NvidiaMint
let gpuDocument: Uint8Array

const cpuFor = (userData: Uint8Array): Promise<Uint8Array> =>
  cpuMint.mint({ fields: (payload) => payload.set('user_data', userData) })
const cpuBinding = (gpu: Uint8Array | undefined, of: PeerBinding = binding): Promise<Uint8Array> =>
  cpuFor(
    hexToBytes(reportData(gpu === undefined ? of : { ...of, gpuEvidenceDigest: evidenceDigest('nvidia-gpu', gpu) })),
  )
const gpuFor = (of: PeerBinding): Promise<Uint8Array> =>
  gpuMint.document({
    report: (parts) => {
      parts.nonce = hexToBytes(gpuNonce(of))
    },
  })
const contextOf = (over: Partial<PeerContext> = {}): PeerContext => ({
  now: NOW,
  boundAt: NOW - 1_000,
  trustRoots: [cpuMint.root, ...gpuMint.roots],
  policy: devnetPolicy(),
  binding,
  crypto,
  ...over,
})
const judge = async (evidence: PeerEvidence, over: Partial<PeerContext> = {}): Promise<string> => {
  const verdict = await verifyPeerEvidence(evidence, contextOf(over))
  return verdict.ok ? verdict.value.assurance : verdict.error.code
}
const policy = (over: Partial<EvidencePolicy>): Partial<PeerContext> => ({ policy: { ...devnetPolicy(), ...over } })

beforeAll(async () => {
  cpuMint = await createMint()
  gpuMint = await createNvidiaMint()
  gpuDocument = await gpuFor(binding)
})

describe('the evidence of a peer with a GPU (R5)', () => {
  it('holds when each names the other, and says what was not shown', async () => {
    const document = await cpuBinding(gpuDocument)
    const evidence: PeerEvidence = { kind: 'nitro', document, gpu: { document: gpuDocument, collateral: none } }
    const verdict = await verifyPeerEvidence(evidence, contextOf())
    if (!verdict.ok) throw verdict.error
    expect(verdict.value).toMatchObject({
      assurance: 'simulated',
      cpu: { kind: 'nitro', keyBinding: { reportData: 'matched' } },
      gpu: { kind: 'nvidia-gpu', keyBinding: { reportData: 'matched' }, freshness: { basis: 'bound-block' } },
      vendors: ['aws', 'nvidia'],
    })
    expect(verdict.value.checked).toEqual(expect.arrayContaining(['signature', 'report-data', 'gpu-cpu-binding']))
    expect(verdict.value.notChecked).toEqual(expect.arrayContaining(['gpu-cpu-colocation', 'rim', 'ocsp', 'hardware']))
    const both = verdict.value.checked.filter((check) => verdict.value.notChecked.includes(check))
    expect(both).toEqual([])
    const { cpu, gpu, expiresAt } = verdict.value
    expect(expiresAt).toBe(Math.min(cpu.expiresAt, gpu?.expiresAt ?? 0))
  })

  it('is refused where the processor does not name the GPU', async () => {
    const gpu = { document: gpuDocument }
    expect(await judge({ kind: 'nitro', document: await cpuBinding(undefined), gpu })).toBe('gpu-unbound')
  })

  it('is refused with the GPU of another host, whichever of the two was changed', async () => {
    const elsewhere = await gpuFor({ ...binding, sessionKey: `0x${'33'.repeat(20)}` })
    const gpu = { document: elsewhere }
    expect(await judge({ kind: 'nitro', document: await cpuBinding(elsewhere), gpu })).toBe('gpu-unbound')
    expect(await judge({ kind: 'nitro', document: await cpuBinding(gpuDocument), gpu })).toBe('report-data-mismatch')
  })

  it('is refused where the processor names a GPU that is not shown', async () => {
    const document = await cpuBinding(gpuDocument)
    expect(await judge({ kind: 'nitro', document })).toBe('report-data-mismatch')
  })

  it('is refused for the keys, block or network of another', async () => {
    const gpu = { document: gpuDocument }
    const document = await cpuBinding(gpuDocument)
    for (const other of [{ operator: `0x${'99'.repeat(20)}` }, { blockHash: H('x') }, { networkId: H('y') }] as const) {
      expect(await judge({ kind: 'nitro', document, gpu }, { binding: { ...binding, ...other } })).toBe(
        'report-data-mismatch',
      )
    }
  })

  it('is refused from a GPU alone', async () => {
    expect(await judge({ kind: 'nvidia-gpu', document: gpuDocument })).toBe('gpu-unbound')
    expect(await judge({ kind: 'nvidia-switch', document: gpuDocument })).toBe('gpu-unbound')
  })

  it('is refused from the statement of a cloud’s verifier', async () => {
    expect(await judge({ kind: 'maa', document: none })).toBe('unsupported-kind')
  })

  it('is refused when the GPU’s report or its chain does not hold', async () => {
    const broken = gpuDocument.slice()
    broken.fill(0x20, broken.length - 40, broken.length - 30)
    const document = await cpuBinding(broken)
    expect(await judge({ kind: 'nitro', document, gpu: { document: broken } })).not.toBe('simulated')
    const untrusted = { trustRoots: [cpuMint.root] }
    const gpu = { document: gpuDocument }
    expect(await judge({ kind: 'nitro', document: await cpuBinding(gpuDocument), gpu }, untrusted)).toBe(
      'untrusted-root',
    )
  })

  it('R6: a simulated GPU makes the whole simulated, so production refuses it', async () => {
    const gpu = { document: gpuDocument }
    const document = await cpuBinding(gpuDocument)
    const strict = { ...productionPolicy(), measurements: 'any' } as const
    expect(await judge({ kind: 'nitro', document, gpu }, { policy: strict })).toBe('assurance-refused')
    const hardwareCpu = await verifyPeerEvidence(
      { kind: 'nitro', document, gpu },
      contextOf(),
      async (input, given) => {
        const verdict = await verifyEvidence(input, given)
        if (!verdict.ok || input.kind !== 'nitro') return verdict
        return { ok: true, value: { ...verdict.value, assurance: 'hardware-aws' } }
      },
    )
    expect(hardwareCpu.ok && hardwareCpu.value.assurance).toBe('simulated')
  })

  it('counts vendors, and refuses a peer with too few', async () => {
    const document = await cpuBinding(gpuDocument)
    const gpu = { document: gpuDocument }
    expect(await judge({ kind: 'nitro', document, gpu }, policy({ minimumVendors: 2 }))).toBe('simulated')
    expect(await judge({ kind: 'nitro', document, gpu }, policy({ minimumVendors: 3 }))).toBe('too-few-vendors')
    const alone = await cpuBinding(undefined)
    expect(await judge({ kind: 'nitro', document: alone }, policy({ minimumVendors: 2 }))).toBe('too-few-vendors')
  })

  it('refuses revoked chips of either', async () => {
    const evidence = { kind: 'nitro', document: await cpuBinding(gpuDocument), gpu: { document: gpuDocument } } as const
    const whole = await verifyPeerEvidence(evidence, contextOf())
    if (!whole.ok || whole.value.gpu === undefined) throw new Error('expected a verdict with a GPU')
    for (const { instanceId } of [whole.value.cpu, whole.value.gpu]) {
      expect(await judge(evidence, policy({ revokedChips: [instanceId] }))).toBe('chip-revoked')
    }
  })

  it('judges programs of the processor by the list, and of the GPU where the list names any', async () => {
    const evidence = { kind: 'nitro', document: await cpuBinding(gpuDocument), gpu: { document: gpuDocument } } as const
    const program = { kind: 'nitro', values: { pcr0: `0x${'07'.repeat(48)}` } } as const
    const verdict = await verifyPeerEvidence(evidence, contextOf(policy({ measurements: [program] })))
    expect(verdict.ok && verdict.value.checked).toContain('measurements')
    const other = { kind: 'nvidia-gpu', values: { arch: '0x00' } } as const
    expect(await judge(evidence, policy({ measurements: [program, other] }))).toBe('measurement-refused')
    const revoked = narrowed([program, other], [program])
    expect(await judge(evidence, policy({ measurements: revoked }))).toBe('measurement-refused')
    expect(await judge(evidence, policy({ requireGpuAppraisal: true }))).toBe('collateral-missing')
  })

  it('is as old as its documents or the block they name', async () => {
    const evidence = { kind: 'nitro', document: await cpuBinding(gpuDocument), gpu: { document: gpuDocument } } as const
    expect(await judge(evidence, { boundAt: NOW - 2 * HOUR })).toBe('evidence-too-old')
    expect(await judge(evidence, { now: NOW + 90 * 60_000 })).toBe('evidence-too-old')
  })

  it('gives the same verdict through a cache', async () => {
    const evidence = { kind: 'nitro', document: await cpuBinding(gpuDocument), gpu: { document: gpuDocument } } as const
    const cache = createVerdictCache()
    const first = await verifyPeerEvidence(evidence, contextOf(), cache.verify)
    const second = await verifyPeerEvidence(evidence, contextOf(), cache.verify)
    expect(cache.size).toBe(2)
    expect(second).toEqual(first)
  })
})

describe('evidence judged as of another time', () => {
  it('gives the same verdict whenever it is asked, and refuses a time at which it did not hold', async () => {
    const evidence = { kind: 'nitro', document: await cpuBinding(gpuDocument), gpu: { document: gpuDocument } } as const
    const { now: _, ...context } = contextOf()
    const then = await reappraise(evidence, NOW + 5_000, context)
    const again = await reappraise(structuredClone(evidence), NOW + 5_000, context)
    expect(then.ok).toBe(true)
    expect(again).toEqual(then)
    const late = await reappraise(evidence, NOW + 3 * HOUR, context)
    expect(late.ok ? undefined : late.error.code).toBe('evidence-too-old')
  })
})
