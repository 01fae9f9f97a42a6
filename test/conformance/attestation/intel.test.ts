import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type CollateralItem,
  type EvidencePolicy,
  encodeCollateral,
  productionPolicy,
  TCB_STATUSES,
  type VerifierContext,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import {
  bundleOf,
  itemsOf,
  type LibraryCollateral,
  readCollateralSets,
  readQuote,
  readResponse,
} from '../../support/intelVectors.ts'
import { needVectors } from '../../support/needVectors.ts'
import { readVector, VECTORS } from '../../support/vectors.ts'

const crypto = nodeAttestationCrypto()
const AT = Date.parse('2026-06-20T00:00:00Z')
const DAY = 86_400_000

/** The vectors are of any program, bound to report data of their own and of any status; all else is as in production. */
const policy: EvidencePolicy = {
  ...productionPolicy(),
  measurements: 'any',
  allowUnbound: true,
  tcbStatuses: [...TCB_STATUSES],
}

interface Found {
  readonly code: string
  readonly status: string | undefined
  readonly advisories: readonly string[]
  readonly expiresAt: number
  readonly notChecked: readonly string[]
}

async function judge(
  kind: 'tdx' | 'sgx',
  document: Uint8Array,
  over: Partial<VerifierContext> & { readonly collateral?: Uint8Array } = {},
): Promise<Found> {
  const { collateral, ...context } = over
  const verdict = await verifyEvidence(collateral === undefined ? { kind, document } : { kind, document, collateral }, {
    now: AT,
    trustRoots: vendorRoots(),
    policy,
    crypto,
    ...context,
  })
  if (!verdict.ok) return { code: verdict.error.code, status: undefined, advisories: [], expiresAt: 0, notChecked: [] }
  const { assurance, tcbStatus, advisories, expiresAt, notChecked } = verdict.value
  return {
    code: assurance === 'hardware-intel' ? 'accept' : assurance,
    status: tcbStatus,
    advisories,
    expiresAt,
    notChecked,
  }
}

/** Domains without SEPT_VE_DISABLE: no rule of Intel's forbids it, our production policy does. */
const WITHOUT_SEPT_VE_DISABLE = new Set(['tdx/google-tdx_prod_quote_SPR_E4.dat', 'azure-vtpm/az-tdx-vtpm-td-quote.bin'])

const GOOD_TDX = [
  'tdx/phala-tdx_quote.bin',
  'tdx/phala-tdx_quote_outdated.bin',
  'tdx/phala-quote-from-tappd.hex',
  'tdx/phala-tdx-quote.hex',
  'tdx/google-ccel-cos-113-tdx-quote.dat',
  'tdx/google-tdx_prod_quote_SPR_E4.dat',
  'tdx/automata-quotev4.hex',
  'tdx/automata-quote_tdx.bin',
  'tdx/coco-tdx_quote_6.dat',
  'tdx/dstack-quote-report.json',
  'tdx/dstack-tdx-lite-getquote.json',
  'azure-vtpm/az-tdx-vtpm-td-quote.bin',
]

needVectors('Intel quotes of hardware')

describe.runIf(VECTORS !== undefined)('Intel quotes of hardware', () => {
  let june: LibraryCollateral
  let february: LibraryCollateral
  let sgx: LibraryCollateral
  beforeAll(async () => {
    ;({ june, february, sgx } = await readCollateralSets())
  })

  it('R6: pins the root certificate that the vectors carry', async () => {
    const der = await readVector('tee/tdx/Intel_SGX_Provisioning_Certification_RootCA.der')
    const digest = `0x${new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase()}`
    expect(vendorRoots().find((root) => root.vendor === 'intel')?.sha256).toBe(digest)
  })

  describe('without collateral', () => {
    const tdxChecks = ['certificate-revocation', 'tcb', 'qe-identity', 'tdx-module']
    it.each(GOOD_TDX)('%s: authentic, its status not known', async (path) => {
      const document = await readQuote(path)
      const septVe = WITHOUT_SEPT_VE_DISABLE.has(path)
      expect((await judge('tdx', document)).code).toBe(septVe ? 'td-attributes' : 'accept')
      const found = await judge('tdx', document, { policy: { ...policy, allowSeptVe: septVe } })
      expect(found).toMatchObject({ code: 'accept', status: 'Unknown', notChecked: expect.arrayContaining(tdxChecks) })
      expect(
        (await judge('tdx', document, { policy: { ...policy, allowSeptVe: septVe, tcbStatuses: ['UpToDate'] } })).code,
      ).toBe('collateral-missing')
      expect((await judge('tdx', document, { now: Date.parse('2020-01-01T00:00:00Z') })).code).toBe(
        'certificate-not-yet-valid',
      )
      expect((await judge('tdx', document, { now: Date.parse('2034-01-01T00:00:00Z') })).code).toBe(
        'certificate-expired',
      )
      expect((await judge('tdx', document, { trustRoots: [] })).code).toBe('untrusted-root')
      expect((await judge('sgx', document)).code).toBe('bad-field')
    })

    it.each(['sgx/phala-sgx_quote.bin', 'sgx/automata-quotev3.hex'])(
      '%s: authentic, its status not known',
      async (path) => {
        const found = await judge('sgx', await readQuote(path))
        expect(found).toMatchObject({ code: 'accept', status: 'Unknown' })
        expect(found.notChecked).not.toContain('tdx-module')
      },
    )

    it.each<['tdx' | 'sgx', string]>([
      ['tdx', 'tdx/coco-tdx_quote_4.dat'],
      ['sgx', 'sgx/automata-quote_sgx.bin'],
      ['sgx', 'sgx/coco-occlum_quote.dat'],
    ])('%s %s: authentic, and refused for debug mode', async (kind, path) => {
      expect((await judge(kind, await readQuote(path))).code).toBe('debug')
    })

    it.each(['tdx/automata-quotev5.dat', 'tdx/automata-alibaba_quote_5.dat', 'tdx/coco-tdx_quote_5.dat'])(
      '%s: authentic, and refused for the service TD bound to it',
      async (path) => {
        expect((await judge('tdx', await readQuote(path))).code).toBe('service-td')
      },
    )

    it.each(GOOD_TDX)('%s: refused with any part of it changed', async (path) => {
      const document = await readQuote(path)
      const flip = (at: number): Uint8Array => document.map((byte, index) => (index === at ? byte ^ 1 : byte))
      const codes = new Set<string>()
      for (const at of [14, 60, 200, 600, 700, 760, 780, 900, 1_000, 1_200, 1_300, 2_000, 4_000])
        codes.add((await judge('tdx', flip(at), { policy: { ...policy, allowSeptVe: true } })).code)
      expect(codes).not.toContain('accept')
      expect(codes).toContain('bad-signature')
    })
  })

  describe('with collateral', () => {
    it('TDX, June 2025: UpToDate', async () => {
      const document = await readQuote('tdx/phala-tdx_quote.bin')
      const found = await judge('tdx', document, {
        now: Date.parse('2025-06-20T00:00:00Z'),
        collateral: bundleOf(june),
      })
      expect(found).toMatchObject({ code: 'accept', status: 'UpToDate', advisories: [] })
      expect(new Date(found.expiresAt).toISOString()).toBe('2025-07-19T10:00:35.000Z')
      expect(found.notChecked).toEqual(['measurements', 'report-data', 'freshness'])
    })

    it('TDX v5, February 2026: its platform is older than any level', async () => {
      const document = await readQuote('tdx/phala-tdx_quote_outdated.bin')
      const collateral = bundleOf(february)
      expect((await judge('tdx', document, { now: Date.parse('2026-02-25T00:00:00Z'), collateral })).code).toBe(
        'tcb-level-not-found',
      )
    })

    it('TDX of the same family, February 2026: UpToDate', async () => {
      const document = await readQuote('tdx/dstack-quote-report.json')
      const found = await judge('tdx', document, {
        now: Date.parse('2026-02-25T00:00:00Z'),
        collateral: bundleOf(february),
      })
      expect(found).toMatchObject({ code: 'accept', status: 'UpToDate' })
    })

    it('SGX, June 2025: ConfigurationAndSWHardeningNeeded', async () => {
      const document = await readQuote('sgx/phala-sgx_quote.bin')
      const found = await judge('sgx', document, { now: Date.parse('2025-06-20T12:00:00Z'), collateral: bundleOf(sgx) })
      expect(found).toMatchObject({
        code: 'accept',
        status: 'ConfigurationAndSWHardeningNeeded',
        advisories: ['INTEL-SA-00289', 'INTEL-SA-00615'],
      })
    })

    /** Each from the months it was served in; lists and signers' chains that were in force then come from June 2025. */
    const mixed = async (info: string, identity: string, list?: string): Promise<LibraryCollateral> => {
      const [tcb, qe] = await Promise.all([readResponse(info), readResponse(identity)])
      return {
        ...june,
        tcb_info: tcb.body,
        tcb_info_signature: tcb.signature,
        qe_identity: qe.body,
        qe_identity_signature: qe.signature,
        ...(list === undefined ? {} : { pck_crl: Buffer.from(await readVector(`tee/${list}`)).toString('hex') }),
      }
    }

    it.each([
      ['tdx/google-ccel-cos-113-tdx-quote.dat', 'UpToDate'],
      ['tdx/automata-quotev4.hex', 'OutOfDate'],
      ['tdx/automata-quote_tdx.bin', 'OutOfDate'],
    ])('TDX of Google’s cloud, October 2025: %s: %s', async (path, status) => {
      const october = await mixed(
        'tdx/automata-1025-tcb_info.json',
        'tdx/automata-1025-identity.json',
        'tdx/automata-1025-pck_crl.der',
      )
      const document = await readQuote(path)
      const found = await judge('tdx', document, {
        now: Date.parse('2025-10-25T00:00:00Z'),
        collateral: bundleOf(october),
      })
      expect(found).toMatchObject({ code: 'accept', status })
    })

    it('SGX by a TCB info of version 2, June 2025', async () => {
      const collateral = bundleOf(await mixed('tdx/automata-0625-tcbinfo.json', 'tdx/automata-0625-identity.json'))
      const found = await judge('sgx', await readQuote('sgx/automata-quotev3.hex'), {
        now: Date.parse('2025-06-20T00:00:00Z'),
        collateral,
      })
      expect(found).toMatchObject({ code: 'accept', status: 'SWHardeningNeeded' })
    })

    it('TDX v5 whose domain has a service TD: refused with its collateral too', async () => {
      const document = await readQuote('tdx/automata-quotev5.dat')
      const found = await judge('tdx', document, {
        now: Date.parse('2026-02-25T00:00:00Z'),
        collateral: bundleOf(february),
      })
      expect(found.code).toBe('service-td')
    })

    it('refuses collateral of another platform, another TEE and another time', async () => {
      const document = await readQuote('tdx/phala-tdx_quote.bin')
      const now = Date.parse('2025-06-20T00:00:00Z')
      const at = async (time: number): Promise<string> =>
        (await judge('tdx', document, { now: time, collateral: bundleOf(june) })).code
      expect(await at(now + 30 * DAY)).toBe('collateral-expired')
      expect(await at(now - 3 * DAY)).toBe('collateral-not-yet-valid')
      expect(
        (await judge('tdx', document, { now: Date.parse('2026-02-25T00:00:00Z'), collateral: bundleOf(february) }))
          .code,
      ).toBe('collateral-mismatch')
      expect(
        (await judge('tdx', document, { now: Date.parse('2025-06-20T12:00:00Z'), collateral: bundleOf(sgx) })).code,
      ).toBe('collateral-mismatch')
      const swapped = { ...june, qe_identity: sgx.qe_identity, qe_identity_signature: sgx.qe_identity_signature }
      expect(
        (await judge('tdx', document, { now: Date.parse('2025-06-20T12:00:00Z'), collateral: bundleOf(swapped) })).code,
      ).toBe('collateral-mismatch')
    })

    it('refuses the list of another CA, and holds to the floor', async () => {
      const document = await readQuote('tdx/phala-tdx_quote.bin')
      const now = Date.parse('2025-06-20T12:00:00Z')
      const code = async (collateral: Uint8Array, over: Partial<EvidencePolicy> = {}): Promise<string> =>
        (await judge('tdx', document, { now, collateral, policy: { ...policy, ...over } })).code
      expect(await code(bundleOf({ ...june, pck_crl: sgx.pck_crl }))).toBe('crl-issuer-mismatch')
      expect(
        await code(bundleOf({ ...june, pck_crl: sgx.pck_crl, pck_crl_issuer_chain: sgx.pck_crl_issuer_chain })),
      ).toBe('crl-issuer-mismatch')
      const floors = (tcbEvaluationDataNumber: number) => ({ tcbFloors: { tcbEvaluationDataNumber, snp: {} } })
      expect(await code(bundleOf(june), floors(17))).toBe('accept')
      expect(await code(bundleOf(june), floors(18))).toBe('collateral-below-floor')
    })

    it('refuses every byte of the bundle’s items flipped, but in text that says nothing', async () => {
      const document = await readQuote('tdx/phala-tdx_quote.bin')
      const now = Date.parse('2025-06-20T12:00:00Z')
      const items = itemsOf(june)
      const accepted: [CollateralItem, number][] = []
      for (const [name, bytes] of items)
        for (let at = 0; at < bytes.length; at += 7) {
          const changed = new Map(items).set(
            name,
            bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)),
          )
          if ((await judge('tdx', document, { now, collateral: encodeCollateral(changed) })).code === 'accept')
            accepted.push([name, at])
        }
      expect(accepted).toEqual([])
    })
  })
})
