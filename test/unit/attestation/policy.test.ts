import { describe, expect, it } from 'vitest'
import {
  AWS_NITRO_ROOT_G1,
  admitAssurance,
  assertPolicy,
  assertTrustRoots,
  devnetPolicy,
  parsePolicy,
  productionPolicy,
  rootAssurance,
  type TrustRoot,
  trustRoot,
  vendorRoots,
} from '../../../src/attestation/index.ts'
import { createMint } from '../../support/nitroMint.ts'

const codeOf = (act: () => void): string | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

const devnetRoot: TrustRoot = { name: 'devnet', vendor: 'aws', sha256: `0x${'12'.repeat(32)}` }

describe('trust roots', () => {
  it('R6: a production network refuses to start with a root of no vendor', () => {
    expect(codeOf(() => assertTrustRoots('production', vendorRoots()))).toBeUndefined()
    expect(codeOf(() => assertTrustRoots('production', [AWS_NITRO_ROOT_G1, devnetRoot]))).toBe('non-vendor-root')
    expect(codeOf(() => assertTrustRoots('testnet' as 'production', [devnetRoot]))).toBe('non-vendor-root')
    expect(codeOf(() => assertTrustRoots('devnet', [AWS_NITRO_ROOT_G1, devnetRoot]))).toBeUndefined()
  })

  it('R6: a vendor’s name on another digest, or its digest for another kind, is no vendor root', () => {
    const posing = { ...AWS_NITRO_ROOT_G1, sha256: devnetRoot.sha256 }
    expect(codeOf(() => assertTrustRoots('production', [posing]))).toBe('non-vendor-root')
    expect(rootAssurance(posing)).toBe('simulated')
    expect(rootAssurance({ ...AWS_NITRO_ROOT_G1, vendor: 'intel' })).toBe('simulated')
    expect(rootAssurance({ ...AWS_NITRO_ROOT_G1, name: 'any' })).toBe('hardware-aws')
  })

  it('refuses roots twice and digests that are none', () => {
    expect(codeOf(() => assertTrustRoots('devnet', [devnetRoot, { ...devnetRoot, name: 'b' }]))).toBe('duplicate-root')
    const upper = { ...AWS_NITRO_ROOT_G1, sha256: AWS_NITRO_ROOT_G1.sha256.toUpperCase() as `0x${string}` }
    expect(codeOf(() => assertTrustRoots('devnet', [upper]))).toBe('malformed-root')
  })

  it('pins PEM and DER of one certificate alike', async () => {
    const der = await (await createMint()).rootDer()
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
    expect(trustRoot('a', 'aws', pem)).toEqual(trustRoot('a', 'aws', der))
    expect(codeOf(() => trustRoot('a', 'aws', pem + pem))).toBe('malformed-root')
    expect(codeOf(() => trustRoot('a', 'aws', 'no PEM'))).toBe('malformed-root')
  })
})

describe('evidence policy', () => {
  it('R6: production refuses simulated and none; a devnet refuses none', () => {
    for (const assurance of ['simulated', 'none'] as const) {
      const refused = admitAssurance(productionPolicy(), assurance)
      expect(refused.ok ? undefined : refused.error.code).toBe('assurance-refused')
    }
    expect(admitAssurance(productionPolicy(), 'hardware-aws').ok).toBe(true)
    expect(admitAssurance(devnetPolicy(), 'simulated').ok).toBe(true)
    expect(admitAssurance(devnetPolicy(), 'none').ok).toBe(false)
  })

  it('R6: a production network refuses to start with a policy that admits less than hardware, or unbound evidence', () => {
    expect(codeOf(() => assertPolicy('production', productionPolicy()))).toBeUndefined()
    expect(codeOf(() => assertPolicy('production', devnetPolicy()))).toBe('policy-refused')
    expect(codeOf(() => assertPolicy('production', { ...productionPolicy(), assurances: ['none'] }))).toBe(
      'policy-refused',
    )
    expect(codeOf(() => assertPolicy('production', { ...productionPolicy(), allowUnbound: true }))).toBe(
      'policy-refused',
    )
    expect(codeOf(() => assertPolicy('production', { ...productionPolicy(), requireSnpFloor: false }))).toBe(
      'policy-refused',
    )
    expect(codeOf(() => assertPolicy('devnet', devnetPolicy()))).toBeUndefined()
  })

  it('reads configuration; what is left out is as strict as production', () => {
    const read = parsePolicy({})
    expect(read.ok && read.value).toEqual(productionPolicy())
    const measurements = [{ kind: 'nitro', values: { pcr0: '0xab' } }]
    const listed = parsePolicy({ assurances: ['simulated'], measurements, maxAgeMs: 1000 })
    expect(listed.ok && listed.value).toMatchObject({ assurances: ['simulated'], measurements, maxAgeMs: 1000 })
  })

  it.each([
    ['an unknown member', { accept: 'all' }, 'the top'],
    ['an unknown assurance', { assurances: ['hardware'] }, 'assurances.0'],
    ['an entry that names no register', { measurements: [{ kind: 'nitro', values: {} }] }, 'measurements'],
    [
      'an entry of a register that any guest writes',
      { measurements: [{ kind: 'tdx', values: { rtmr3: '0xab' } }] },
      'measurements',
    ],
    [
      'an application under any kernel',
      { measurements: [{ kind: 'tdx-dstack', values: { composehash: '0xab', mrtd: '0xab' } }] },
      'measurements',
    ],
    [
      'a boot under any paravisor',
      { measurements: [{ kind: 'azure-snp-vtpm', values: { pcr4: '0xab' } }] },
      'measurements',
    ],
    ['what the host says', { measurements: [{ kind: 'sev-snp', values: { hostdata: '0xab' } }] }, 'measurements'],
    [
      'a register that is no hex',
      { measurements: [{ kind: 'nitro', values: { pcr0: 'zz' } }] },
      'measurements.0.values.pcr0',
    ],
    ['an age over the limit', { maxAgeMs: 3_600_001 }, 'maxAgeMs'],
    ['an age that is no number', { maxAgeMs: '1' }, 'maxAgeMs'],
    ['no object', 'any', 'the top'],
  ])('refuses %s', (_, input, where) => {
    const read = parsePolicy(input)
    if (read.ok) throw new Error('expected a refusal')
    expect(read.error.detail).toMatchObject({ code: 'bad-policy' })
    expect(read.error.message).toContain(`at ${where}`)
  })
})
