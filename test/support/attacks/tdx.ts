import { devnetPolicy, TCB_STATUSES, vendorRoots } from '../../../src/attestation/index.ts'
import { intelAttacks } from '../intelAttacks.ts'
import { contextFor, type IntelDeviation, judgeIntel, LENIENT } from '../intelMint.ts'
import { bundleOf, readLibraryCollateral } from '../intelVectors.ts'
import { readVector, VECTORS } from '../vectors.ts'
import type { AttackSuite } from './suite.ts'

const QUOTE = 'tee/tdx/phala-tdx_quote.bin'
const QUOTE_TIME = Date.parse('2025-06-20T00:00:00Z')

export async function tdxAttacks(): Promise<AttackSuite> {
  const { cast, attacks } = await intelAttacks('tdx')
  const { mint } = cast
  const minted = (deviation: IntelDeviation) => async () => judgeIntel(await mint.mint(deviation), contextFor(mint))
  const module = (change: object): IntelDeviation => ({
    tcbInfo: (body) => {
      const [identity] = body.tdxModuleIdentities as Record<string, unknown>[]
      Object.assign(identity ?? {}, change)
    },
  })
  attacks.push(
    { name: 'debug mode', expected: 'debug', run: minted({ body: (bytes) => bytes.fill(1, 120, 121) }) },
    {
      name: 'a domain that another host may take over',
      expected: 'td-attributes',
      run: minted({ body: (bytes) => bytes.fill(0x30, 123, 124) }),
    },
    {
      name: 'a host that may raise #VE (SEPT_VE_DISABLE clear)',
      expected: 'td-attributes',
      run: minted({ body: (bytes) => bytes.fill(0, 123, 124) }),
    },
    {
      name: 'a service TD bound to the domain',
      expected: 'service-td',
      run: minted({ version: 5, body: (bytes) => bytes.fill(1, 600, 601) }),
    },
    {
      name: 'a TDX module of another signer',
      expected: 'tdx-module-mismatch',
      run: minted({ body: (bytes) => bytes.fill(1, 64, 65) }),
    },
    { name: 'a TDX module nobody describes', expected: 'tdx-module-mismatch', run: minted(module({ id: 'TDX_03' })) },
    {
      name: 'a TDX module older than any level',
      expected: 'tcb-level-not-found',
      run: minted(module({ tcbLevels: [] })),
    },
    {
      name: 'an SGX quote as TDX',
      expected: 'bad-field',
      run: minted({ header: (bytes) => bytes.fill(0, 4, 5) }),
    },
    {
      name: 'a body of 1.0 called one of 1.5',
      expected: 'bad-field',
      run: minted({ version: 5, layout: 'td10', descriptor: (bytes) => bytes.fill(3, 0, 1) }),
    },
  )
  if (VECTORS === undefined) {
    const good = await mint.mint()
    const judge = (document: Uint8Array) => judgeIntel({ ...good, document }, contextFor(mint))
    return { kind: 'tdx', document: 'minted', flips: { bytes: good.document, unsigned: [], judge }, attacks }
  }
  const bytes = await readVector(QUOTE)
  const collateral = bundleOf(await readLibraryCollateral('tdx/phala-tdx_quote_collateral.json'))
  const context = contextFor(mint, {
    now: QUOTE_TIME,
    trustRoots: vendorRoots(),
    policy: { ...devnetPolicy(), ...LENIENT, allowUnbound: true, tcbStatuses: [...TCB_STATUSES] },
  })
  const { expectedReportData: _, ...unbound } = context
  return {
    kind: 'tdx',
    document: 'real',
    flips: {
      bytes,
      unsigned: [{ from: 4936, to: bytes.length, why: 'zeros with which the quoting service pads' }],
      judge: (document) => judgeIntel({ kind: 'tdx', document, collateral }, unbound),
    },
    attacks,
  }
}
