import { devnetPolicy, vendorRoots } from '../../src/attestation/index.ts'
import { intelList, intelPem } from '../../src/attestation/simulated/intelPki.ts'
import { issueRevocationList, roleExtensions } from '../../src/attestation/x509/issue.ts'
import type { Attack } from './attacks/suite.ts'
import {
  contextFor,
  createIntelMint,
  DAY,
  type IntelDeviation,
  type IntelMint,
  judgeIntel,
  NOW,
  subtle,
} from './intelMint.ts'

/** A second platform and authority of the same names, and the other TEE of the same keys' kind. */
interface Cast {
  readonly mint: IntelMint
  readonly other: IntelMint
}

const certificate = (role: string, change: NonNullable<IntelDeviation['certificate']>): IntelDeviation => ({
  certificate: (request, at) => (at === role ? change(request, at) : request),
})
const list = (role: 'root' | 'ca', change: object): IntelDeviation => ({
  list: (request, at) => (at === role ? { ...request, ...change } : request),
})
const floor = { ...devnetPolicy(), tcbFloors: { tcbEvaluationDataNumber: 2, snp: {} } }

/** What an attacker may try on any Intel quote, each on a minted one. */
export async function intelAttacks(tee: 'tdx' | 'sgx'): Promise<{ readonly cast: Cast; readonly attacks: Attack[] }> {
  const [mint, other] = await Promise.all([createIntelMint(tee), createIntelMint(tee)])
  const minted =
    (deviation: IntelDeviation, over: Parameters<typeof contextFor>[1] = {}) =>
    async () =>
      judgeIntel(await mint.mint(deviation), contextFor(mint, over))
  const swappedList = await issueRevocationList(intelList('root', mint.intel), subtle)
  const otherId = tee === 'tdx' ? 'QE' : 'TD_QE'
  const attacks: Attack[] = [
    {
      name: 'a quote under another root of the same name',
      expected: 'untrusted-root',
      run: async () => judgeIntel(await other.mint(), contextFor(mint)),
    },
    {
      name: 'a quote of a devnet where vendor roots alone count',
      expected: 'untrusted-root',
      run: minted({}, { trustRoots: vendorRoots() }),
    },
    {
      name: 'an expired PCK certificate',
      expected: 'certificate-expired',
      run: minted(certificate('pck', (request) => ({ ...request, notAfter: NOW - 1_000 }))),
    },
    {
      name: 'a CA used as PCK certificate',
      expected: 'leaf-is-ca',
      run: minted(
        certificate('pck', (request) => ({
          ...request,
          extensions: [...roleExtensions({ ca: true, pathLength: undefined }), ...request.extensions.slice(2)],
        })),
      ),
    },
    {
      name: 'an end entity used as CA of platforms',
      expected: 'not-a-ca',
      run: minted(certificate('ca', (request) => ({ ...request, extensions: roleExtensions({ ca: false }) }))),
    },
    {
      name: 'a PCK certificate signed by another CA of the same name',
      expected: 'bad-certificate-signature',
      run: minted(certificate('pck', (request) => ({ ...request, signingKey: other.intel.keys.ca.privateKey }))),
    },
    {
      name: 'a revoked PCK certificate',
      expected: 'certificate-revoked',
      run: minted(list('ca', { revoked: [mint.intel.serials.pck] })),
    },
    {
      name: 'a revoked CA of platforms',
      expected: 'certificate-revoked',
      run: minted(list('root', { revoked: [mint.intel.serials.ca] })),
    },
    {
      name: 'a revoked signer of collateral',
      expected: 'certificate-revoked',
      run: minted(list('root', { revoked: [mint.intel.serials.signer] })),
    },
    {
      name: 'garbage in place of a revocation list',
      expected: 'malformed-crl',
      run: minted({ items: (items) => items.set('intel/pck-crl', Uint8Array.of(0x30, 3, 2, 1, 1)) }),
    },
    { name: 'a stale revocation list', expected: 'crl-expired', run: minted(list('ca', { nextUpdate: NOW - 1_000 })) },
    {
      name: 'a revocation list signed by another key',
      expected: 'bad-crl-signature',
      run: minted(list('ca', { signingKey: other.intel.keys.ca.privateKey })),
    },
    {
      name: 'the revocation list of another CA',
      expected: 'crl-issuer-mismatch',
      run: minted({ items: (items) => items.set('intel/pck-crl', swappedList) }),
    },
    {
      name: 'collateral left out where the status counts',
      expected: 'collateral-missing',
      run: async () => judgeIntel({ kind: tee, document: (await mint.mint()).document }, contextFor(mint)),
    },
    {
      name: 'a bundle without its revocation list',
      expected: 'collateral-missing',
      run: minted({ items: (items) => items.delete('intel/pck-crl') }),
    },
    {
      name: 'TCB info with a level of the attacker’s own',
      expected: 'bad-collateral-signature',
      run: minted({ jsonKey: other.intel.keys.signer.privateKey }),
    },
    {
      name: 'TCB info of another family of platforms',
      expected: 'collateral-mismatch',
      run: minted({ tcbInfo: (body) => void Object.assign(body, { fmspc: '00806F050000' }) }),
    },
    {
      name: 'a swapped QE identity: of the other TEE',
      expected: 'collateral-mismatch',
      run: minted({ qeIdentity: (body) => void Object.assign(body, { id: otherId }) }),
    },
    {
      name: 'a swapped QE identity: of another signer',
      expected: 'qe-identity-mismatch',
      run: minted({ qeIdentity: (body) => void Object.assign(body, { mrsigner: 'AB'.repeat(32) }) }),
    },
    {
      name: 'collateral replayed after its time',
      expected: 'collateral-expired',
      run: minted({}, { now: NOW + 31 * DAY }),
    },
    {
      name: 'old but valid collateral below the floor',
      expected: 'collateral-below-floor',
      run: minted({}, { policy: floor }),
    },
    {
      name: 'a platform older than any level',
      expected: 'tcb-level-not-found',
      run: minted({ tcbInfo: (body) => void Object.assign(body, { tcbLevels: [] }) }),
    },
    {
      name: 'a revoked TCB level',
      expected: 'tcb-status-refused',
      run: minted({
        qeIdentity: (body) => {
          const [level] = body.tcbLevels as Record<string, unknown>[]
          Object.assign(level ?? {}, { tcbStatus: 'Revoked' })
        },
      }),
    },
    {
      name: 'an attestation key of the attacker’s own',
      expected: 'bad-signature',
      run: minted({ quote: (request) => ({ ...request, pckKey: other.intel.keys.pck.privateKey }) }),
    },
    {
      name: 'an attestation key the QE report does not name',
      expected: 'attestation-key-mismatch',
      run: minted({ qeReport: (bytes) => bytes.fill(0, 320, 352) }),
    },
    {
      name: 'a quoting enclave of another vendor',
      expected: 'bad-field',
      run: minted({ header: (bytes) => bytes.fill(0, 12, 28) }),
    },
    {
      name: 'replayed: report data of another session',
      expected: 'report-data-mismatch',
      run: minted({}, { expectedReportData: new Uint8Array(32).fill(1) }),
    },
    {
      name: 'truncated by a byte',
      expected: 'malformed-evidence',
      run: minted({ document: (bytes) => bytes.slice(0, -1) }),
    },
    {
      name: '10 MB of it',
      expected: 'evidence-too-large',
      run: minted({ document: () => new Uint8Array(10_000_000).fill(4) }),
    },
    {
      name: 'a member of the TCB info twice',
      expected: 'duplicate-key',
      run: minted({
        items: (items) => {
          const served = new TextDecoder().decode(items.get('intel/tcb-info'))
          items.set(
            'intel/tcb-info',
            new TextEncoder().encode(served.replace('"version":3', '"version":3,"version":3')),
          )
        },
      }),
    },
    {
      name: 'the signer’s chain of another authority',
      expected: 'untrusted-root',
      run: minted({
        items: (items) =>
          items.set('intel/tcb-info-chain', intelPem(other.certificates.signer, other.certificates.root)),
      }),
    },
  ]
  return { cast: { mint, other }, attacks }
}
