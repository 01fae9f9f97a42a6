import { beforeAll, describe, expect, it } from 'vitest'
import { convergeStatus } from '../../../../src/attestation/dcap/tcbLevels.ts'
import { TCB_STATUSES, type TcbStatus, verifyEvidence } from '../../../../src/attestation/index.ts'
import {
  contextFor,
  createIntelMint,
  firstLevel,
  type IntelDeviation,
  type IntelMint,
  LENIENT,
} from '../../../support/intelMint.ts'

type Body = Record<string, unknown>
const policy = { ...LENIENT, tcbStatuses: [...TCB_STATUSES] }
const level = (status: TcbStatus, tcb: object, ...advisoryIDs: string[]): Body => ({
  tcb,
  tcbDate: '2024-01-01T00:00:00Z',
  tcbStatus: status,
  ...(advisoryIDs.length > 0 ? { advisoryIDs } : {}),
})
const components = (...values: number[]) =>
  [...values, ...new Array(16 - values.length).fill(0)].map((svn) => ({ svn }))
const moduleOf = (body: Body): Body => (body.tdxModuleIdentities as Body[])[0] as Body

describe('TCB of Intel platforms', () => {
  let tdx: IntelMint
  let sgx: IntelMint
  beforeAll(async () => {
    ;[tdx, sgx] = await Promise.all([createIntelMint('tdx'), createIntelMint('sgx')])
  })
  const judge = async (deviation: IntelDeviation, mint = tdx): Promise<string> => {
    const verdict = await verifyEvidence(await mint.mint(deviation), contextFor(mint, { policy }))
    return verdict.ok ? [verdict.value.tcbStatus, ...verdict.value.advisories].join(' ') : verdict.error.code
  }

  it.each<[string, string, (body: Body) => void]>([
    ['the other TEE', 'collateral-mismatch', (body) => Object.assign(body, { id: 'SGX' })],
    ['another family of platforms', 'collateral-mismatch', (body) => Object.assign(body, { fmspc: '00806F050000' })],
    ['another PCE', 'collateral-mismatch', (body) => Object.assign(body, { pceId: '0001' })],
    ['a version of tomorrow', 'malformed-collateral', (body) => Object.assign(body, { version: 4 })],
    ['another way to compose a TCB', 'malformed-collateral', (body) => Object.assign(body, { tcbType: 1 })],
    ['no levels', 'tcb-level-not-found', (body) => Object.assign(body, { tcbLevels: [] })],
    ['levels that are none', 'malformed-collateral', (body) => Object.assign(body, { tcbLevels: [1] })],
    [
      'a status that Intel does not define',
      'malformed-collateral',
      (body) => Object.assign(firstLevel(body), { tcbStatus: 'Fine' }),
    ],
    ['our own status', 'malformed-collateral', (body) => Object.assign(firstLevel(body), { tcbStatus: 'Unknown' })],
    [
      'advisories that are no texts',
      'malformed-collateral',
      (body) => Object.assign(firstLevel(body), { advisoryIDs: [1] }),
    ],
    [
      '15 components',
      'malformed-collateral',
      (body) => (firstLevel(body).tcb as { sgxtcbcomponents: unknown[] }).sgxtcbcomponents.pop(),
    ],
    ['no TDX components', 'malformed-collateral', (body) => delete (firstLevel(body).tcb as Body).tdxtcbcomponents],
    [
      'a component of 256',
      'malformed-collateral',
      (body) => (firstLevel(body).tcb as { sgxtcbcomponents: object[] }).sgxtcbcomponents.splice(0, 1, { svn: 256 }),
    ],
    ['a date that is none', 'malformed-collateral', (body) => Object.assign(body, { issueDate: '2026-05-31' })],
    [
      'a date that does not exist',
      'malformed-collateral',
      (body) => Object.assign(body, { nextUpdate: '2027-13-01T00:00:00Z' }),
    ],
    ['no evaluation number', 'malformed-collateral', (body) => delete body.tcbEvaluationDataNumber],
    [
      '200 levels',
      'malformed-collateral',
      (body) => Object.assign(body, { tcbLevels: new Array(200).fill(firstLevel(body)) }),
    ],
    ['no module identities', 'tdx-module-mismatch', (body) => delete body.tdxModuleIdentities],
    ['identities of other modules', 'tdx-module-mismatch', (body) => Object.assign(moduleOf(body), { id: 'TDX_03' })],
    [
      'a module of another signer',
      'tdx-module-mismatch',
      (body) => Object.assign(moduleOf(body), { mrsigner: 'AA'.repeat(48) }),
    ],
    [
      'a module with other attributes',
      'tdx-module-mismatch',
      (body) => Object.assign(moduleOf(body), { attributes: '01'.padEnd(16, '0') }),
    ],
    [
      'a module older than any level',
      'tcb-level-not-found',
      (body) => Object.assign(moduleOf(body), { tcbLevels: [level('UpToDate', { isvsvn: 6 })] }),
    ],
    ['no module signer', 'malformed-collateral', (body) => delete body.tdxModule],
  ])('TCB info: %s: %s', async (_, code, tcbInfo) => {
    expect(await judge({ tcbInfo: (body) => void tcbInfo(body) })).toBe(code)
  })

  it.each<[string, string, Body]>([
    ['of SGX', 'collateral-mismatch', { id: 'QE' }],
    ['of version 1', 'malformed-collateral', { version: 1 }],
    ['of another signer', 'qe-identity-mismatch', { mrsigner: 'AB'.repeat(32) }],
    ['of another product', 'qe-identity-mismatch', { isvprodid: 1 }],
    ['with other attributes', 'qe-identity-mismatch', { attributes: '13'.padEnd(32, '0') }],
    ['with other miscellaneous selections', 'qe-identity-mismatch', { miscselect: '00000001' }],
    ['with a mask that is too short', 'malformed-collateral', { attributesMask: 'FF' }],
    ['of later versions alone', 'tcb-level-not-found', { tcbLevels: [level('UpToDate', { isvsvn: 5 })] }],
    ['with attributes masked', 'UpToDate', { attributes: '13'.padEnd(32, '0'), attributesMask: 'FD'.padEnd(32, 'F') }],
    [
      'that is outdated',
      'OutOfDate INTEL-SA-1',
      { tcbLevels: [level('UpToDate', { isvsvn: 5 }), level('OutOfDate', { isvsvn: 4 }, 'INTEL-SA-1')] },
    ],
    ['that is revoked', 'Revoked', { tcbLevels: [level('Revoked', { isvsvn: 1 })] }],
  ])('QE identity: %s: %s', async (_, expected, change) => {
    expect(await judge({ qeIdentity: (body) => void Object.assign(body, change) })).toBe(expected)
  })

  it('takes the first level that every version reaches', async () => {
    const sgxtcbcomponents = components(2, 2, 2, 2, 3, 1, 0, 5)
    const levels = (...tcbs: readonly object[]): IntelDeviation => ({
      tcbInfo: (body) => {
        body.tcbLevels = tcbs.map((tcb, index) =>
          level(
            index === 0 ? 'UpToDate' : 'OutOfDate',
            { sgxtcbcomponents, pcesvn: 11, tdxtcbcomponents: components(), ...tcb },
            `SA-${index}`,
          ),
        )
      },
    })
    expect(await judge(levels({}))).toBe('UpToDate SA-0')
    expect(await judge(levels({ pcesvn: 12 }, {}))).toBe('OutOfDate SA-1')
    expect(await judge(levels({ sgxtcbcomponents: components(2, 2, 2, 2, 3, 1, 1) }, {}))).toBe('OutOfDate SA-1')
    expect(await judge(levels({ tdxtcbcomponents: components(0, 0, 3) }, {}))).toBe('OutOfDate SA-1')
    expect(await judge(levels({ pcesvn: 12 }))).toBe('tcb-level-not-found')
  })

  it('judges components 0 and 1 by the module’s identity from version 1 on, and by the level before', async () => {
    const high: IntelDeviation['tcbInfo'] = (body) => {
      ;(firstLevel(body).tcb as Body).tdxtcbcomponents = components(9, 9, 2)
    }
    expect(await judge({ tcbInfo: high })).toBe('UpToDate')
    const first = (bytes: Uint8Array) => bytes.set([9, 0], 0)
    const below = (bytes: Uint8Array) => bytes.set([8, 0], 0)
    const nine: IntelDeviation['tcbInfo'] = (body) => {
      ;(firstLevel(body).tcb as Body).tdxtcbcomponents = components(9, 0, 2)
    }
    expect(await judge({ tcbInfo: nine, body: first })).toBe('UpToDate')
    expect(await judge({ tcbInfo: nine, body: below })).toBe('tcb-level-not-found')
    const signed: IntelDeviation['tcbInfo'] = (body) => {
      body.tdxModule = { ...(body.tdxModule as Body), mrsigner: 'AA'.repeat(48) }
    }
    expect(await judge({ tcbInfo: signed, body: first })).toBe('tdx-module-mismatch')
    expect(await judge({ body: (bytes) => bytes.fill(1, 64, 65) })).toBe('tdx-module-mismatch')
    expect(await judge({ body: (bytes) => bytes.fill(1, 112, 113) })).toBe('tdx-module-mismatch')
  })

  it('an outdated module makes the whole outdated, with its advisories', async () => {
    const outdated: IntelDeviation['tcbInfo'] = (body) => {
      moduleOf(body).tcbLevels = [level('UpToDate', { isvsvn: 6 }), level('OutOfDate', { isvsvn: 4 }, 'INTEL-SA-01036')]
      Object.assign(firstLevel(body), {
        tcbStatus: 'ConfigurationNeeded',
        advisoryIDs: ['INTEL-SA-01036', 'INTEL-SA-2'],
      })
    }
    expect(await judge({ tcbInfo: outdated })).toBe('OutOfDateConfigurationNeeded INTEL-SA-01036 INTEL-SA-2')
  })

  it('SGX: levels without TDX, in the forms of versions 2 and 3', async () => {
    expect(await judge({}, sgx)).toBe('UpToDate')
    const legacy: IntelDeviation['tcbInfo'] = (body) => {
      const tcb = firstLevel(body).tcb as { sgxtcbcomponents: { svn: number }[]; pcesvn: number }
      const named = tcb.sgxtcbcomponents.map(({ svn }, at) => [`sgxtcbcomp${String(at + 1).padStart(2, '0')}svn`, svn])
      Object.assign(body, {
        version: 2,
        tcbLevels: [level('SWHardeningNeeded', { ...Object.fromEntries(named), pcesvn: 11 })],
      })
      delete body.id
    }
    expect(await judge({ tcbInfo: legacy }, sgx)).toBe('SWHardeningNeeded')
    expect(await judge({ tcbInfo: legacy }, tdx)).toBe('collateral-mismatch')
    expect(await judge({ tcbInfo: (body) => void Object.assign(body, { id: 'TDX' }) }, sgx)).toBe('collateral-mismatch')
  })

  it('converges statuses as Intel’s library does: a part’s need is the whole’s', () => {
    const table: readonly [TcbStatus, TcbStatus, TcbStatus][] = [
      ['UpToDate', 'UpToDate', 'UpToDate'],
      ['UpToDate', 'OutOfDate', 'OutOfDate'],
      ['SWHardeningNeeded', 'UpToDate', 'SWHardeningNeeded'],
      ['SWHardeningNeeded', 'OutOfDate', 'OutOfDate'],
      ['ConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
      ['ConfigurationAndSWHardeningNeeded', 'UpToDate', 'ConfigurationAndSWHardeningNeeded'],
      ['ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
      ['OutOfDate', 'UpToDate', 'OutOfDate'],
      ['OutOfDateConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
      ['ConfigurationNeeded', 'SWHardeningNeeded', 'ConfigurationAndSWHardeningNeeded'],
      ['UpToDate', 'Revoked', 'Revoked'],
      ['Revoked', 'OutOfDate', 'Revoked'],
      ['UpToDate', 'Unknown', 'Unknown'],
    ]
    for (const [left, right, whole] of table) {
      expect(convergeStatus([left, right])).toBe(whole)
      expect(convergeStatus([right, left])).toBe(whole)
    }
  })

  it('a PCK certificate says its platform in full, or is none', async () => {
    const { sgxExtension } = await import('../../../../src/attestation/simulated/intelPki.ts')
    const usual = tdx.intel.platform
    const extension = (platform: typeof usual | undefined): IntelDeviation => ({
      certificate: (request, role) => {
        if (role !== 'pck') return request
        const others = request.extensions.slice(0, 2)
        return { ...request, extensions: platform === undefined ? others : [...others, sgxExtension(platform)] }
      },
    })
    expect(await judge(extension(usual))).toBe('UpToDate')
    expect(await judge(extension(undefined))).toBe('malformed-certificate')
    expect(await judge(extension({ ...usual, ppid: new Uint8Array(15) }))).toBe('malformed-certificate')
    expect(await judge(extension({ ...usual, fmspc: new Uint8Array(7) }))).toBe('malformed-certificate')
    expect(await judge(extension({ ...usual, components: usual.components.slice(1) }))).toBe('malformed-certificate')
    expect(await judge(extension({ ...usual, components: [...usual.components, 0] }))).toBe('malformed-certificate')
    expect(await judge(extension({ ...usual, components: [256, ...usual.components.slice(1)] }))).toBe(
      'malformed-certificate',
    )
    expect(await judge(extension({ ...usual, pcesvn: 12 }))).toBe('UpToDate')
    expect(await judge(extension({ ...usual, pcesvn: 10 }))).toBe('tcb-level-not-found')
    expect(await judge(extension({ ...usual, components: [1, ...usual.components.slice(1)] }))).toBe(
      'tcb-level-not-found',
    )
  })
})
