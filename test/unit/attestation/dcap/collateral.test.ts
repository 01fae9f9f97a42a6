import { beforeAll, describe, expect, it } from 'vitest'
import {
  type CollateralItem,
  devnetPolicy,
  encodeCollateral,
  verifyEvidence,
} from '../../../../src/attestation/index.ts'
import { intelList, intelPem } from '../../../../src/attestation/simulated/intelPki.ts'
import { issueRevocationList, roleExtensions } from '../../../../src/attestation/x509/issue.ts'
import { utf8 } from '../../../../src/protocol/index.ts'
import {
  contextFor,
  createIntelMint,
  DAY,
  type IntelDeviation,
  type IntelMint,
  judgeIntel,
  LENIENT,
  NOW,
  subtle,
} from '../../../support/intelMint.ts'

const CHECKS = ['certificate-revocation', 'tcb', 'qe-identity', 'tdx-module']
const ITEMS: readonly CollateralItem[] = [
  'intel/root-crl',
  'intel/pck-crl',
  'intel/tcb-info',
  'intel/tcb-info-chain',
  'intel/qe-identity',
  'intel/qe-identity-chain',
]
const text = (item: CollateralItem, change: (served: string) => string): IntelDeviation => ({
  items: (items) => items.set(item, utf8(change(new TextDecoder().decode(items.get(item))))),
})

describe('collateral of Intel quotes', () => {
  let mint: IntelMint
  let other: IntelMint
  beforeAll(async () => {
    ;[mint, other] = await Promise.all([createIntelMint('tdx'), createIntelMint('tdx')])
  })
  const judge = async (deviation: IntelDeviation, over: Parameters<typeof contextFor>[1] = {}): Promise<string> =>
    judgeIntel(await mint.mint(deviation), contextFor(mint, over))

  it('without any, says so: the quote is authentic, its status Unknown', async () => {
    const { kind, document } = await mint.mint()
    expect(await judgeIntel({ kind, document }, contextFor(mint))).toBe('collateral-missing')
    const verdict = await verifyEvidence({ kind, document }, contextFor(mint, { policy: LENIENT }))
    if (!verdict.ok) throw verdict.error
    expect(verdict.value.tcbStatus).toBe('Unknown')
    expect(verdict.value.notChecked).toEqual(expect.arrayContaining(CHECKS))
    const debugged = await mint.mint({ body: (bytes) => bytes.fill(1, 120, 121) })
    expect(await judgeIntel({ kind, document: debugged.document }, contextFor(mint, { policy: LENIENT }))).toBe('debug')
  })

  it('with all of it, checks all of it, for as long as the shortest-lived part holds', async () => {
    const verdict = await verifyEvidence(await mint.mint(), contextFor(mint))
    if (!verdict.ok) throw verdict.error
    expect(verdict.value.tcbStatus).toBe('UpToDate')
    expect(verdict.value.checked).toEqual(expect.arrayContaining(CHECKS))
    expect(verdict.value.checked).not.toContain('tcb-floor')
    expect(verdict.value.expiresAt).toBe(NOW + 30 * DAY)
    const ends = async (deviation: IntelDeviation): Promise<number> => {
      const found = await verifyEvidence(await mint.mint(deviation), contextFor(mint))
      if (!found.ok) throw found.error
      return found.value.expiresAt
    }
    const day = { nextUpdate: NOW + DAY }
    expect(await ends({ list: (request, role) => (role === 'ca' ? { ...request, ...day } : request) })).toBe(NOW + DAY)
    expect(await ends({ list: (request, role) => (role === 'root' ? { ...request, ...day } : request) })).toBe(
      NOW + DAY,
    )
    const iso = new Date(NOW + DAY).toISOString().replace('.000', '')
    const soon = (body: Record<string, unknown>) => {
      body.nextUpdate = iso
    }
    expect(await ends({ tcbInfo: soon })).toBe(NOW + DAY)
    expect(await ends({ qeIdentity: soon })).toBe(NOW + DAY)
    const signer: IntelDeviation['certificate'] = (request, role) =>
      role === 'signer' ? { ...request, notAfter: NOW + DAY } : request
    expect(await ends({ certificate: signer })).toBe(NOW + DAY)
  })

  it.each(ITEMS)('refuses a bundle without %s: what is left out could tell against it', async (item) => {
    expect(await judge({ items: (items) => items.delete(item) }, { policy: LENIENT })).toBe('collateral-missing')
  })

  it('refuses a bundle with one item alone, even where none would do', async () => {
    const { kind, document } = await mint.mint()
    const alone = encodeCollateral(
      new Map([['intel/pck-crl-chain', intelPem(mint.certificates.ca, mint.certificates.root)]]),
    )
    expect(await judgeIntel({ kind, document, collateral: alone }, contextFor(mint, { policy: LENIENT }))).toBe(
      'collateral-missing',
    )
  })

  it('takes the list of the quote’s own CA without a chain', async () => {
    expect(await judge({ items: (items) => items.delete('intel/pck-crl-chain') })).toBe('accept')
  })

  it.each<[string, string, IntelDeviation]>([
    ['a TCB info that is no JSON', 'malformed-collateral', text('intel/tcb-info', (served) => served.slice(1))],
    [
      'a TCB info under another name',
      'malformed-collateral',
      text('intel/tcb-info', (served) => served.replace('tcbInfo', 'tcbinfo')),
    ],
    [
      'a signature cut short',
      'malformed-collateral',
      text('intel/tcb-info', (served) => served.replace(/..""?}$/, '"}')),
    ],
    [
      'a member after the signature',
      'malformed-collateral',
      text('intel/tcb-info', (served) => served.replace(/}$/, ',"a":1}')),
    ],
    [
      'white space inside what is signed',
      'bad-collateral-signature',
      text('intel/tcb-info', (served) => served.replace('"version":3', '"version": 3')),
    ],
    [
      'a changed TCB info',
      'bad-collateral-signature',
      text('intel/tcb-info', (served) => served.replace('"pcesvn":11', '"pcesvn":10')),
    ],
    [
      'a changed QE identity',
      'bad-collateral-signature',
      text('intel/qe-identity', (served) => served.replace('"isvsvn":4', '"isvsvn":3')),
    ],
    [
      'a member twice',
      'duplicate-key',
      text('intel/tcb-info', (served) => served.replace('"version":3', '"version":3,"version":3')),
    ],
    [
      'an array as body',
      'malformed-collateral',
      text('intel/tcb-info', (served) => served.replace(/:\{.*\},"signature"/, ':[],"signature"')),
    ],
    [
      '64 kB of TCB info',
      'malformed-collateral',
      text('intel/tcb-info', (served) => served.replace('{', `{${' '.repeat(65_536)}`)),
    ],
    ['a chain that is no PEM', 'malformed-collateral', text('intel/tcb-info-chain', () => 'none')],
    [
      'a chain of one',
      'malformed-collateral',
      { items: (items, { signer }) => items.set('intel/tcb-info-chain', intelPem(signer)) },
    ],
    [
      'a PCK certificate as signer',
      'issuer-mismatch',
      { items: (items, { pck, root }) => items.set('intel/tcb-info-chain', intelPem(pck, root)) },
    ],
    [
      'a CA as signer',
      'leaf-is-ca',
      { items: (items, { ca, root }) => items.set('intel/qe-identity-chain', intelPem(ca, root)) },
    ],
  ])('refuses %s', async (_, code, deviation) => {
    expect(await judge(deviation)).toBe(code)
  })

  it('keeps white space around the members, as some caches write it', async () => {
    expect(
      await judge(text('intel/tcb-info', (served) => ` ${served.replace(',"signature":', ' ,\n "signature" : ')}\n`)),
    ).toBe('accept')
  })

  it('refuses collateral under another root, or by another key', async () => {
    const { signer, root } = other.certificates
    const foreign: IntelDeviation = { items: (items) => items.set('intel/tcb-info-chain', intelPem(signer, root)) }
    expect(await judge(foreign)).toBe('untrusted-root')
    expect(
      await judgeIntel(await mint.mint(foreign), { ...contextFor(mint), trustRoots: [mint.root, other.root] }),
    ).toBe('untrusted-root')
    expect(await judge({ jsonKey: other.intel.keys.signer.privateKey })).toBe('bad-collateral-signature')
    expect(await judge({ jsonKey: mint.intel.keys.ca.privateKey })).toBe('bad-collateral-signature')
  })

  it('holds collateral to its dates', async () => {
    const at = async (now: number): Promise<string> => judge({}, { now })
    expect(await at(NOW + 30 * DAY)).toBe('accept')
    expect(await at(NOW + 30 * DAY + 1_000)).toBe('collateral-expired')
    expect(await at(NOW - DAY - 1)).toBe('certificate-not-yet-valid')
    const later = (body: Record<string, unknown>) => {
      body.issueDate = new Date(NOW + 1_000).toISOString().replace('.000', '')
    }
    expect(await judge({ tcbInfo: later })).toBe('collateral-not-yet-valid')
    expect(await judge({ qeIdentity: later })).toBe('collateral-not-yet-valid')
  })

  it('holds both statements to the floor of the policy, however valid they are', async () => {
    const floor = (tcbEvaluationDataNumber: number) => ({
      policy: { ...devnetPolicy(), tcbFloors: { tcbEvaluationDataNumber, snp: {} } },
    })
    const verdict = await verifyEvidence(await mint.mint(), contextFor(mint, floor(1)))
    expect(verdict.ok && verdict.value.checked).toContain('tcb-floor')
    expect(await judge({}, floor(2))).toBe('collateral-below-floor')
    const raise = (body: Record<string, unknown>) => {
      body.tcbEvaluationDataNumber = 2
    }
    expect(await judge({ tcbInfo: raise }, floor(2))).toBe('collateral-below-floor')
    expect(await judge({ qeIdentity: raise }, floor(2))).toBe('collateral-below-floor')
    expect(await judge({ tcbInfo: raise, qeIdentity: raise }, floor(2))).toBe('accept')
  })

  it('holds lists to issuer, dates and signature', async () => {
    const list = (role: 'root' | 'ca', change: object): IntelDeviation => ({
      list: (request, at) => (at === role ? { ...request, ...change } : request),
    })
    for (const role of ['root', 'ca'] as const) {
      expect(await judge(list(role, { nextUpdate: NOW - 1_000 }))).toBe('crl-expired')
      expect(await judge(list(role, { thisUpdate: NOW + 1_000 }))).toBe('crl-not-yet-valid')
      expect(await judge(list(role, { signingKey: mint.intel.keys.signer.privateKey }))).toBe('bad-crl-signature')
      expect(await judge(list(role, { issuer: 'CN=another' }))).toBe('crl-issuer-mismatch')
    }
    for (const item of ['intel/root-crl', 'intel/pck-crl'] as const)
      expect(await judge({ items: (items) => items.set(item, new Uint8Array(64).fill(0x30)) })).toBe('malformed-crl')
    const swapped = await issueRevocationList(intelList('root', mint.intel), subtle)
    expect(await judge({ items: (items) => items.set('intel/pck-crl', swapped) })).toBe('crl-issuer-mismatch')
  })

  it('refuses revoked certificates: PCK, its CA, the signer, the root', async () => {
    const { serials } = mint.intel
    const revoke = (list: 'root' | 'ca', serial: Uint8Array): IntelDeviation => ({
      list: (request, role) =>
        role === list ? { ...request, revoked: [new Uint8Array(16).fill(1), serial] } : request,
    })
    expect(await judge(revoke('ca', serials.pck))).toBe('certificate-revoked')
    expect(await judge(revoke('root', serials.ca))).toBe('certificate-revoked')
    expect(await judge(revoke('root', serials.signer))).toBe('certificate-revoked')
    expect(await judge(revoke('root', serials.root))).toBe('certificate-revoked')
    expect(await judge(revoke('ca', serials.signer))).toBe('accept')
  })

  it('knows the CA of platforms by name and key, whatever certificate the list’s chain shows of it', async () => {
    const { root, ca } = mint.certificates
    const chain = (...pem: readonly Uint8Array[]): IntelDeviation => ({
      items: (items) => items.set('intel/pck-crl-chain', intelPem(...pem)),
    })
    const serial = new Uint8Array(16).fill(0x55)
    const renewed = await mint.issue('ca', (request) => ({ ...request, serial }))
    expect(await judge(chain(renewed, root))).toBe('accept')
    const revoked: IntelDeviation = {
      ...chain(renewed, root),
      list: (request, role) => (role === 'root' ? { ...request, revoked: [serial] } : request),
    }
    expect(await judge(revoked)).toBe('certificate-revoked')
    const expired = await mint.issue('ca', (request) => ({ ...request, serial, notAfter: NOW - 1_000 }))
    expect(await judge(chain(expired, root))).toBe('certificate-expired')
    const forged = await mint.issue('ca', (request) => ({
      ...request,
      serial,
      signingKey: other.intel.keys.root.privateKey,
    }))
    expect(await judge(chain(forged, root))).toBe('bad-certificate-signature')
    const entity = await mint.issue('ca', (request) => ({
      ...request,
      serial,
      extensions: roleExtensions({ ca: false }),
    }))
    expect(await judge(chain(entity, root))).toBe('not-a-ca')
    expect(await judge(chain(mint.certificates.signer, root))).toBe('crl-issuer-mismatch')
    expect(await judge(chain(ca, other.certificates.root))).toBe('untrusted-root')
    expect(await judge(chain(other.certificates.ca, root))).toBe('crl-issuer-mismatch')
  })
})
