import { beforeAll, describe, expect, it } from 'vitest'
import {
  createVerdictCache,
  devnetPolicy,
  type EvidenceJudge,
  type VerifierContext,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { createMint, crypto, HOUR, type Mint, NOW, REPORT_DATA } from '../../support/nitroMint.ts'

let mint: Mint
let document: Uint8Array
let context: VerifierContext
beforeAll(async () => {
  mint = await createMint()
  document = await mint.mint()
  context = { now: NOW, trustRoots: [mint.root], expectedReportData: REPORT_DATA, policy: devnetPolicy(), crypto }
})

function counted(capacity?: number) {
  let judged = 0
  const judge: EvidenceJudge = (evidence, given) => {
    judged += 1
    return verifyEvidence(evidence, given)
  }
  const cache = createVerdictCache(capacity, judge)
  const ask = async (over: Partial<VerifierContext> = {}, bytes = document) => {
    const verdict = await cache.verify({ kind: 'nitro', document: bytes }, { ...context, ...over })
    return verdict.ok ? verdict.value : verdict.error.code
  }
  return { ask, judged: () => judged, cache }
}

describe('the cache of verdicts', () => {
  it('answers the same bytes under the same policy once, with the age of the moment', async () => {
    const { ask, judged } = counted()
    const first = await ask()
    const second = await ask({ now: NOW + 1_000 }, document.slice())
    expect(judged()).toBe(1)
    expect(first).toMatchObject({ freshness: { ageMs: 0 } })
    expect(second).toMatchObject({ freshness: { ageMs: 1_000 }, assurance: 'simulated' })
  })

  it('asks again for another binding, block, policy, set of roots or document', async () => {
    const { ask, judged } = counted()
    await ask()
    expect(await ask({ expectedReportData: new Uint8Array(32) })).toBe('report-data-mismatch')
    expect(await ask({ trustRoots: [] })).toBe('untrusted-root')
    expect(await ask({ policy: devnetPolicy([]) })).toBe('measurement-refused')
    await ask({ boundAt: NOW })
    await ask({}, await mint.mint())
    expect(judged()).toBe(6)
  })

  it('takes policies and roots of the same content for the same', async () => {
    const { ask, judged } = counted()
    await ask()
    await ask({ policy: devnetPolicy(), trustRoots: [{ ...mint.root }] })
    expect(judged()).toBe(1)
  })

  it('drops a verdict when the evidence is too old, and asks anew about a time before it was judged', async () => {
    const { ask, judged, cache } = counted()
    await ask()
    expect(await ask({ now: NOW + HOUR + 1 })).toBe('evidence-too-old')
    expect(cache.size).toBe(0)
    await ask({ now: NOW + HOUR })
    expect(await ask({ now: NOW - 2 * HOUR })).toBe('evidence-from-the-future')
    expect(judged()).toBe(4)
  })

  it('drops a verdict when a certificate ends', async () => {
    const { ask, judged, cache } = counted()
    const patient = { ...devnetPolicy(), maxAgeMs: 2 * HOUR }
    await ask({ policy: patient })
    await ask({ policy: patient, now: NOW + 2 * HOUR })
    expect([judged(), cache.size]).toEqual([2, 0])
  })

  it('keeps no refusals, and forgets the least recently used', async () => {
    const { ask, judged, cache } = counted(2)
    const [second, third] = [await mint.mint(), await mint.mint()]
    await ask({ trustRoots: [] })
    expect(cache.size).toBe(0)
    await ask()
    await ask({}, second)
    await ask()
    await ask({}, third)
    expect(cache.size).toBe(2)
    const before = judged()
    await ask()
    expect(judged()).toBe(before)
    await ask({}, second)
    expect(judged()).toBe(before + 1)
  })
})
