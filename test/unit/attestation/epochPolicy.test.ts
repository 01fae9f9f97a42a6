import { describe, expect, it } from 'vitest'
import {
  commitmentOf,
  defaultPolicyFile,
  devnetPolicy,
  type EpochPolicy,
  formatEpochPolicy,
  measurementDigest,
  narrowed,
  parseEpochPolicy,
  parsePolicyFile,
  policyEntries,
  policyUnder,
  productionPolicy,
  verifyCommitment,
} from '../../../src/attestation/index.ts'
import { mergePolicies } from '../../../src/attestation/policyFile.ts'
import { bytesToHex, H, merkleProof, sha256, utf8, verifyMerkleProof } from '../../../src/protocol/index.ts'

const program = (byte: string) => ({ kind: 'nitro', values: { pcr0: `0x${byte.repeat(48)}` } }) as const
const gpu = (arch: string) => ({ kind: 'nvidia-gpu', values: { arch: bytesToHex(utf8(arch)) } }) as const
/** An entry that no GPU meets. */
const noGpu = { kind: 'nvidia-gpu', values: {} } as const
const snp = { bootloader: 3, tee: 0, snp: 8, microcode: 115 }

const POLICY: EpochPolicy = {
  version: 1,
  measurements: [program('aa'), program('bb')],
  revokedChips: ['chip-1', 'chip-2'],
  revokedCertificates: [H('certificate')],
  tcbFloors: { tcbEvaluationDataNumber: 17, snp: { Milan: snp } },
  assurances: ['hardware-amd', 'hardware-aws'],
  maxAgeMs: 600_000,
}
const text = new TextDecoder().decode(formatEpochPolicy(POLICY))
const codeOf = (changed: string): string | undefined => {
  const parsed = parseEpochPolicy(utf8(changed))
  return parsed.ok ? undefined : parsed.error.code
}

describe('the policy document of an epoch (R14)', () => {
  it('is read back as it was written, whatever the order of its lists', () => {
    const parsed = parseEpochPolicy(formatEpochPolicy(POLICY))
    expect(parsed.ok && parsed.value).toEqual(POLICY)
    const turned = { ...POLICY, measurements: [program('bb'), program('aa'), program('bb')] }
    expect(formatEpochPolicy(turned)).toEqual(formatEpochPolicy(POLICY))
  })

  it.each([
    ['spaces', `${text} `],
    ['a list out of order', text.replace('["chip-1","chip-2"]', '["chip-2","chip-1"]')],
    ['an entry twice', text.replace('["chip-1","chip-2"]', '["chip-1","chip-1"]')],
    ['a name twice', text.replace('{"assurances"', '{"version":1,"assurances"')],
    ['an unknown member', text.replace('{"assurances"', '{"amnesty":true,"assurances"')],
    ['a program of a cloud’s token', text.replaceAll('"kind":"nitro"', '"kind":"maa"')],
    ['a program without registers', text.replace(/"values":\{[^}]*\}/, '"values":{}')],
    ['a program under any firmware', text.replaceAll('"pcr0"', '"pcr4"')],
    ['another version', text.replace('"version":1', '"version":2')],
    ['an unknown assurance', text.replace('hardware-aws', 'very-good')],
    ['no JSON', 'policy'],
    ['nothing', ''],
  ])('is refused with %s', (_, changed) => {
    expect(changed).not.toBe(text)
    expect(codeOf(changed)).toBe('bad-policy')
  })

  it('is refused above its size before it is read', () => {
    expect(codeOf(`"${'x'.repeat(300_000)}"`)).toBe('evidence-too-large')
  })

  it('is committed to by root and digest, each of which finds a change', () => {
    const published = commitmentOf(POLICY)
    expect(published.digest).toBe(sha256(formatEpochPolicy(POLICY)))
    expect(verifyCommitment(POLICY, published).ok).toBe(true)
    const changes: EpochPolicy[] = [
      { ...POLICY, measurements: [program('aa')] },
      { ...POLICY, revokedChips: ['chip-1'] },
      { ...POLICY, revokedCertificates: [] },
      { ...POLICY, maxAgeMs: 600_001 },
      { ...POLICY, tcbFloors: { tcbEvaluationDataNumber: 16, snp: { Milan: snp } } },
    ]
    for (const changed of changes) {
      const verified = verifyCommitment(changed, published)
      expect(verified.ok ? undefined : verified.error.code).toBe('policy-mismatch')
      expect(commitmentOf(changed).root).not.toBe(published.root)
    }
    const wrongRoot = verifyCommitment(POLICY, { ...published, root: H('another') })
    expect(wrongRoot.ok ? undefined : wrongRoot.error.code).toBe('policy-mismatch')
  })

  it('lets one entry be proved under the root, and an entry of one list is none of another', () => {
    const { root } = commitmentOf(POLICY)
    const entries = policyEntries(POLICY)
    expect(entries).toHaveLength(1 + 2 + 2 + 1)
    const proof = merkleProof('policy', entries, 1)
    expect(verifyMerkleProof('policy', root, 1, entries[1]!, proof)).toBe(true)
    expect(verifyMerkleProof('policy', root, 2, entries[1]!, proof)).toBe(false)
    const moved = { ...POLICY, revokedChips: ['chip-1'], revokedCertificates: [H('certificate')] }
    expect(new Set([...policyEntries(moved), ...entries]).size).toBe(entries.length)
  })

  it('names a program by its kind and registers', () => {
    expect(measurementDigest(program('aa'))).not.toBe(measurementDigest(program('bb')))
    expect(measurementDigest(program('aa'))).not.toBe(measurementDigest({ ...program('aa'), kind: 'tdx' }))
  })
})

describe('a node’s policy and the epoch’s', () => {
  it('give the stricter of both in every member', () => {
    const own = {
      ...productionPolicy([program('bb'), program('cc')]),
      revokedChips: ['chip-2', 'chip-9'],
      maxAgeMs: 300_000,
      allowSmt: true,
      tcbFloors: { tcbEvaluationDataNumber: 18, snp: { Milan: { ...snp, snp: 22, microcode: 1 }, Genoa: snp } },
    }
    const epoch: EpochPolicy = {
      ...POLICY,
      tcbStatuses: ['UpToDate'],
      allowSmt: false,
      requireGpuAppraisal: true,
      minimumVendors: 2,
    }
    expect(mergePolicies(own, epoch)).toMatchObject({
      assurances: ['hardware-aws', 'hardware-amd'],
      measurements: [program('bb')],
      revokedChips: ['chip-2', 'chip-9', 'chip-1'],
      revokedCertificates: [H('certificate')],
      maxAgeMs: 300_000,
      tcbStatuses: ['UpToDate'],
      tcbFloors: {
        tcbEvaluationDataNumber: 18,
        snp: { Milan: { ...snp, snp: 22, microcode: 115 }, Genoa: snp },
      },
      allowSmt: false,
      requireGpuAppraisal: true,
      minimumVendors: 2,
    })
  })

  it('R6: never accepts what one of them refuses', () => {
    const simulated: EpochPolicy = { ...POLICY, assurances: ['simulated'] }
    expect(mergePolicies(productionPolicy(), simulated).assurances).toEqual([])
    expect(mergePolicies(devnetPolicy(), POLICY).assurances).toEqual(['hardware-aws', 'hardware-amd'])
  })

  it.each([
    ['the epoch names none', [program('aa'), gpu('H100')], [program('aa')], [program('aa'), gpu('H100')]],
    ['the file names none', [program('aa')], [program('aa'), gpu('H100')], [program('aa'), gpu('H100')]],
    ['both name one', [gpu('H100'), gpu('H200')], [gpu('H200'), gpu('B200')], [gpu('H200')]],
    ['they agree on none', [program('aa'), gpu('H100')], [program('aa'), gpu('B200')], [program('aa'), noGpu]],
  ])('keep GPUs to the list that names them where %s', (_, own, epoch, merged) => {
    const { measurements } = mergePolicies(productionPolicy(own), { ...POLICY, measurements: epoch })
    expect(measurements).toEqual(merged)
  })

  it('stay closed to GPUs when the last that was listed is revoked', () => {
    expect(narrowed([program('aa'), gpu('H100')], [program('aa')])).toEqual([program('aa'), noGpu])
    expect(narrowed([program('aa')], [])).toEqual([])
  })

  it('from a local file leaves the chain aside, and takes no program it does not list', () => {
    const file = parsePolicyFile({ maxAgeMs: 1_000 })
    if (!file.ok) throw file.error
    expect(file.value.source).toBe('local')
    expect(policyUnder(file.value, 'devnet', POLICY)).toMatchObject({ measurements: [], revokedChips: [] })
  })

  it('from the chain takes the epoch’s programs, and where none is published none but on a devnet', () => {
    const file = parsePolicyFile({ source: 'chain' })
    if (!file.ok) throw file.error
    expect(policyUnder(file.value, 'production', POLICY).measurements).toEqual(POLICY.measurements)
    expect(policyUnder(file.value, 'production').measurements).toEqual([])
    expect(policyUnder(file.value, 'devnet').measurements).toBe('any')
  })

  it('R6: without a file is the chain’s and hardware alone, on a devnet anything bound', () => {
    expect(defaultPolicyFile('production')).toMatchObject({ source: 'chain', allowUnbound: false })
    expect(defaultPolicyFile('production').assurances).not.toContain('simulated')
    expect(defaultPolicyFile('production').assurances).not.toContain('none')
    expect(policyUnder(defaultPolicyFile('devnet'), 'devnet')).toEqual({ ...devnetPolicy() })
  })

  it('refuses a file with members it does not know', () => {
    const file = parsePolicyFile({ source: 'chain', trustAll: true })
    expect(file.ok ? undefined : file.error.detail).toMatchObject({
      code: 'bad-policy',
      got: 'trustAll',
    })
  })
})
