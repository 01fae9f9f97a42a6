import { devnetPolicy, TCB_STATUSES, vendorRoots } from '../../../src/attestation/index.ts'
import { intelAttacks } from '../intelAttacks.ts'
import { contextFor, type IntelDeviation, judgeIntel } from '../intelMint.ts'
import { bundleOf, readLibraryCollateral } from '../intelVectors.ts'
import { readVector, VECTORS } from '../vectors.ts'
import type { AttackSuite } from './suite.ts'

const QUOTE = 'tee/sgx/phala-sgx_quote.bin'
const QUOTE_TIME = Date.parse('2025-06-20T12:00:00Z')

export async function sgxAttacks(): Promise<AttackSuite> {
  const { cast, attacks } = await intelAttacks('sgx')
  const { mint } = cast
  const minted = (deviation: IntelDeviation) => async () => judgeIntel(await mint.mint(deviation), contextFor(mint))
  attacks.push(
    { name: 'debug mode', expected: 'debug', run: minted({ body: (bytes) => bytes.fill(7, 48, 49) }) },
    { name: 'a TDX quote as SGX', expected: 'bad-field', run: minted({ header: (bytes) => bytes.fill(0x81, 4, 5) }) },
  )
  if (VECTORS === undefined) {
    const good = await mint.mint()
    const judge = (document: Uint8Array) => judgeIntel({ ...good, document }, contextFor(mint))
    return { kind: 'sgx', document: 'minted', flips: { bytes: good.document, unsigned: [], judge }, attacks }
  }
  const collateral = bundleOf(await readLibraryCollateral('sgx/phala-sgx_quote_collateral.json'))
  const { expectedReportData: _, ...unbound } = contextFor(mint, {
    now: QUOTE_TIME,
    trustRoots: vendorRoots(),
    policy: { ...devnetPolicy(), allowUnbound: true, tcbStatuses: [...TCB_STATUSES] },
  })
  return {
    kind: 'sgx',
    document: 'real',
    flips: {
      bytes: await readVector(QUOTE),
      unsigned: [],
      judge: (document) => judgeIntel({ kind: 'sgx', document, collateral }, unbound),
    },
    attacks,
  }
}
