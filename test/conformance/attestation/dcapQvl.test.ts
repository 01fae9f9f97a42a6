import { QuoteVerifier, verify as theirVerify } from '@phala/dcap-qvl'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type EvidencePolicy,
  encodeCollateral,
  parseCollateral,
  productionPolicy,
  TCB_STATUSES,
  vendorRoots,
  verifyEvidence,
} from '../../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../../src/node/attestationCrypto.ts'
import { createIntelMint, DAY, type IntelDeviation, type IntelMint, NOW } from '../../support/intelMint.ts'
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
const policy: EvidencePolicy = {
  ...productionPolicy(),
  assurances: ['hardware-intel', 'simulated'],
  measurements: 'any',
  allowUnbound: true,
  tcbStatuses: [...TCB_STATUSES],
}

interface Case {
  readonly kind: 'tdx' | 'sgx'
  readonly document: Uint8Array
  readonly collateral: LibraryCollateral
  readonly now: number
}

/** Status and advisories in one line, or the code. */
async function ours({ kind, document, collateral, now }: Case, trustRoots = vendorRoots()): Promise<string> {
  const verdict = await verifyEvidence(
    { kind, document, collateral: bundleOf(collateral) },
    { now, trustRoots, policy, crypto },
  )
  if (!verdict.ok) return verdict.error.code
  return [verdict.value.tcbStatus, ...[...verdict.value.advisories].sort()].join(' ')
}

/** The same of the library, or its message. */
function theirs({ document, collateral, now }: Case, root?: Uint8Array): string {
  const verifier = root === undefined ? { verify: theirVerify } : QuoteVerifier.newWithRootCa(Buffer.from(root))
  try {
    const { status, advisory_ids: advisories } = verifier.verify(
      Buffer.from(document),
      collateral as never,
      Math.floor(now / 1_000),
    )
    return [status, ...[...advisories].sort()].join(' ')
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`
  }
}

needVectors('the same verdicts as @phala/dcap-qvl')

/** A second opinion by other people's code; where it fails open (0.3.9), the verdicts differ, and the tests say so. */
describe.runIf(VECTORS !== undefined)('the same verdicts as @phala/dcap-qvl', () => {
  let june: LibraryCollateral
  let february: LibraryCollateral
  let sgx: LibraryCollateral
  let october: LibraryCollateral
  let legacy: LibraryCollateral
  beforeAll(async () => {
    ;({ june, february, sgx } = await readCollateralSets())
    const [info, identity, list] = await Promise.all([
      readResponse('tdx/automata-1025-tcb_info.json'),
      readResponse('tdx/automata-1025-identity.json'),
      readVector('tee/tdx/automata-1025-pck_crl.der'),
    ])
    october = { ...with_(june, info, identity), pck_crl: Buffer.from(list).toString('hex') }
    legacy = with_(
      june,
      await readResponse('tdx/automata-0625-tcbinfov3_00806f050000.json'),
      await readResponse('tdx/automata-0625-qe_td.json'),
    )
  })

  type Signed = Awaited<ReturnType<typeof readResponse>>
  const with_ = (collateral: LibraryCollateral, info: Signed, identity: Signed): LibraryCollateral => ({
    ...collateral,
    tcb_info: info.body,
    tcb_info_signature: info.signature,
    qe_identity: identity.body,
    qe_identity_signature: identity.signature,
  })
  const caseOf = async (path: string, collateral: LibraryCollateral, at: string): Promise<Case> => ({
    kind: path.startsWith('sgx') ? 'sgx' : 'tdx',
    document: await readQuote(path),
    collateral,
    now: Date.parse(at),
  })

  it('on every good quote whose collateral we have', async () => {
    const cases = [
      await caseOf('tdx/phala-tdx_quote.bin', june, '2025-06-20T00:00:00Z'),
      await caseOf('sgx/phala-sgx_quote.bin', sgx, '2025-06-20T12:00:00Z'),
      await caseOf('tdx/dstack-quote-report.json', february, '2026-02-25T00:00:00Z'),
      await caseOf('tdx/automata-quotev4.hex', october, '2025-10-25T00:00:00Z'),
      await caseOf('tdx/automata-quotev4.hex', legacy, '2025-06-20T00:00:00Z'),
      await caseOf('tdx/automata-quote_tdx.bin', october, '2025-10-25T00:00:00Z'),
    ]
    const [mine, other] = [await Promise.all(cases.map((each) => ours(each))), cases.map((each) => theirs(each))]
    expect(mine).toEqual(other)
    for (const verdict of mine) expect(verdict).toMatch(/^(UpToDate|OutOfDate|Configuration)/)
  })

  it('but for modules from version 1 on, whose components 0 and 1 Intel’s rule leaves to the module’s identity', async () => {
    const advised = 'OutOfDate INTEL-SA-00960 INTEL-SA-00982 INTEL-SA-00986'
    for (const [collateral, at] of [
      [october, '2025-10-25T00:00:00Z'],
      [legacy, '2025-06-20T00:00:00Z'],
    ] as const) {
      const each = await caseOf('tdx/google-ccel-cos-113-tdx-quote.dat', collateral, at)
      expect([await ours(each), theirs(each)]).toEqual(['UpToDate', advised])
    }
  })

  it('on quotes that both refuse', async () => {
    const cases: readonly [Case, string, string][] = [
      [
        await caseOf('tdx/phala-tdx_quote_outdated.bin', february, '2026-02-25T00:00:00Z'),
        'tcb-level-not-found',
        'No matching TCB level',
      ],
      [
        await caseOf('tdx/phala-quote-from-tappd.hex', june, '2025-06-20T00:00:00Z'),
        'tcb-level-not-found',
        'No matching TCB level',
      ],
      [
        await caseOf('tdx/automata-quotev5.dat', february, '2026-02-25T00:00:00Z'),
        'service-td',
        'Invalid mr service td',
      ],
      [await caseOf('tdx/phala-tdx_quote.bin', june, '2025-07-20T00:00:00Z'), 'collateral-expired', 'expired'],
      [
        await caseOf('tdx/phala-tdx_quote.bin', february, '2026-02-25T00:00:00Z'),
        'collateral-mismatch',
        'Fmspc mismatch',
      ],
    ]
    for (const [each, code, message] of cases) {
      expect(await ours(each)).toBe(code)
      expect(theirs(each)).toContain(message)
    }
  })

  describe('differs by design', () => {
    let good: Case
    beforeAll(async () => {
      good = await caseOf('tdx/phala-tdx_quote.bin', june, '2025-06-20T12:00:00Z')
    })
    const changed = (change: Partial<LibraryCollateral>): Case => ({ ...good, collateral: { ...june, ...change } })
    const flipLast = (hex: string): string => `${hex.slice(0, -1)}${hex.endsWith('0') ? '1' : '0'}`

    it('garbage in place of the revocation lists: the library passes over what it cannot parse', async () => {
      const garbage = { root_ca_crl: '3003020101', pck_crl: '3003020101' }
      expect(await ours(changed(garbage))).toBe('malformed-crl')
      expect(theirs(changed(garbage))).toBe('UpToDate')
    })

    it('a list whose signature was changed: the library looks at no signature of a list', async () => {
      for (const name of ['root_ca_crl', 'pck_crl'] as const) {
        const forged = changed({ [name]: flipLast(june[name]) })
        expect(await ours(forged)).toBe('bad-crl-signature')
        expect(theirs(forged)).toBe('UpToDate')
      }
    })

    it('the list of another CA, and one that ran out: the library looks at neither issuer nor dates', async () => {
      const another = changed({ pck_crl: sgx.pck_crl })
      expect(await ours(another)).toBe('crl-issuer-mismatch')
      expect(theirs(another)).toBe('UpToDate')
      const stale: Case = { ...(await caseOf('tdx/dstack-quote-report.json', february, '2026-02-25T00:00:00Z')) }
      const old: Case = { ...stale, collateral: { ...february, pck_crl: june.pck_crl } }
      expect(await ours(old)).toBe('crl-expired')
      expect(theirs(old)).toBe('UpToDate')
    })
  })

  describe('differs by design on minted quotes', () => {
    let mint: IntelMint
    beforeAll(async () => {
      mint = await createIntelMint('tdx')
    })
    const both = async (deviation: IntelDeviation): Promise<[string, string]> => {
      const { document, collateral } = await mint.mint(deviation)
      const parsed = parseCollateral(collateral)
      if (!parsed.ok) throw parsed.error
      const library = libraryForm(new Map(parsed.value))
      const each: Case = { kind: 'tdx', document, collateral: library, now: NOW }
      expect(encodeCollateral(itemsOf(library))).toEqual(collateral)
      return [await ours(each, [mint.root]), theirs(each, mint.certificates.root)]
    }
    /** The map of a bundle back in the library's form. */
    function libraryForm(items: ReadonlyMap<string, Uint8Array>): LibraryCollateral {
      const text = (item: string): string => new TextDecoder().decode(items.get(item))
      const hex = (item: string): string => Buffer.from(items.get(item) ?? []).toString('hex')
      const signed = (item: string): { body: string; signature: string } => {
        const match = /^\{"\w+":(.*),"signature":"(\w+)"\}$/s.exec(text(item))
        return { body: match?.[1] ?? '', signature: match?.[2] ?? '' }
      }
      const [info, identity] = [signed('intel/tcb-info'), signed('intel/qe-identity')]
      return {
        pck_crl_issuer_chain: text('intel/pck-crl-chain'),
        root_ca_crl: hex('intel/root-crl'),
        pck_crl: hex('intel/pck-crl'),
        tcb_info_issuer_chain: text('intel/tcb-info-chain'),
        tcb_info: info.body,
        tcb_info_signature: info.signature,
        qe_identity_issuer_chain: text('intel/qe-identity-chain'),
        qe_identity: identity.body,
        qe_identity_signature: identity.signature,
      }
    }

    it('agrees on a good one', async () => {
      expect(await both({})).toEqual(['UpToDate', 'UpToDate'])
    })

    it('a TDX module of another signer: the library ignores the module’s identity', async () => {
      expect(await both({ body: (bytes) => bytes.fill(1, 64, 65) })).toEqual(['tdx-module-mismatch', 'UpToDate'])
    })

    it('a TDX module that is outdated: the library ignores its levels', async () => {
      const outdated: IntelDeviation['tcbInfo'] = (body) => {
        const [identity] = body.tdxModuleIdentities as Record<string, unknown>[]
        Object.assign(identity ?? {}, {
          tcbLevels: [{ tcb: { isvsvn: 2 }, tcbDate: '2023-08-09T00:00:00Z', tcbStatus: 'OutOfDate' }],
        })
      }
      expect(await both({ tcbInfo: outdated })).toEqual(['OutOfDate', 'UpToDate'])
    })

    it('collateral of another PCE: the library compares the FMSPC alone', async () => {
      const [mine, other] = await both({ tcbInfo: (body) => void Object.assign(body, { pceId: '0001' }) })
      expect([mine, other]).toEqual(['collateral-mismatch', 'UpToDate'])
    })

    it('a quoting enclave of another vendor: the library does not look', async () => {
      expect(await both({ header: (bytes) => bytes.fill(0, 12, 28) })).toEqual(['bad-field', 'UpToDate'])
    })

    it('lists that ran out: the library does not look', async () => {
      const stale: IntelDeviation['list'] = (request) => ({ ...request, nextUpdate: NOW - DAY / 2 })
      expect(await both({ list: stale })).toEqual(['crl-expired', 'UpToDate'])
    })
  })
})
