import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Attester,
  type Collateral,
  devnetPolicy,
  encodeCollateral,
  parseCollateral,
  type VerifierContext,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { type CollateralSource, createCollateralSource, supplied } from '../../src/node/collateral/source.ts'
import { fetchCollateral, type VendorUrls } from '../../src/node/collateral/vendors.ts'
import { createLogger } from '../../src/node/logger.ts'
import { hexToBytes, utf8 } from '../../src/protocol/index.ts'
import { crypto, HOUR, NOW, REPORT_DATA } from '../support/nitroMint.ts'
import { type SimulatedAnswer, type SimulatedVendors, startSimulatedVendors } from '../support/simulatedVendors.ts'
import { createSnpMint, type MintedSnp, type SnpMint } from '../support/snpMint.ts'

const none = new Uint8Array(0)
const itemOf = (collateral: Collateral, name: Parameters<Collateral['get']>[0]): Uint8Array => {
  const bytes = collateral.get(name)
  if (bytes === undefined) throw new Error(`expected ${name}`)
  return bytes
}

let folder: string
let vendors: SimulatedVendors | undefined
let waits: number[]
let now: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opg-collateral-'))
  waits = []
  now = NOW
})
afterEach(async () => {
  await vendors?.stop()
  vendors = undefined
  await rm(folder, { recursive: true, force: true })
})

const http = {
  fetch,
  sleep: async (ms: number) => {
    waits.push(ms)
  },
  jitter: () => 0,
  crypto,
}
const sourceAt = (urls: VendorUrls): CollateralSource =>
  createCollateralSource({ ...http, clock: () => now, logger: createLogger('silent') }, { urls, folder })

/** A machine that gives a minted document and nothing beside it, as most hosts do. */
const bare = (kind: Attester['kind'], document: Uint8Array): Attester => ({
  kind,
  attest: async () => ({ document, collateral: none }),
})
const contextOf = (over: Partial<VerifierContext>): VerifierContext => ({
  now: NOW,
  trustRoots: [],
  expectedReportData: REPORT_DATA,
  policy: devnetPolicy(),
  crypto,
  ...over,
})

describe('collateral of an SEV-SNP chip', () => {
  let mint: SnpMint
  let minted: MintedSnp
  beforeAll(async () => {
    mint = await createSnpMint('Genoa')
    minted = await mint.mint()
  })

  const serve = (path: string): SimulatedAnswer => {
    if (path.startsWith('/amd/vcek/v1/Genoa/cert_chain')) return { bytes: itemOf(minted.collateral, 'amd/chain') }
    if (path.startsWith('/amd/vcek/v1/Genoa/crl')) return { bytes: none }
    if (path.startsWith('/amd/vcek/v1/Genoa/')) return { bytes: itemOf(minted.collateral, 'amd/vek') }
    return 404
  }
  const verdictWith = async (collateral: Uint8Array): Promise<string> => {
    const verdict = await verifyEvidence(
      { kind: 'sev-snp', document: minted.document, collateral },
      contextOf({ trustRoots: [mint.root] }),
    )
    return verdict.ok ? verdict.value.assurance : verdict.error.code
  }

  it('is asked of the key service by chip and versions, and makes a bare document checkable', async () => {
    vendors = await startSimulatedVendors(serve)
    expect(await verdictWith(none)).toBe('collateral-missing')
    const attester = supplied(bare('sev-snp', minted.document), sourceAt(vendors.urls))
    const { collateral } = await attester.attest(REPORT_DATA, NOW)
    expect(await verdictWith(collateral)).toBe('simulated')
    const key = vendors.asked.find((each) => each.includes('blSPL'))
    expect(key).toMatch(/^GET \/amd\/vcek\/v1\/Genoa\/[0-9a-f]{128}\?blSPL=\d\d&teeSPL=\d\d&snpSPL=\d\d&ucodeSPL=\d\d$/)
  })

  it('is asked once while it is fresh, again after hours, and survives a restart without the vendor', async () => {
    vendors = await startSimulatedVendors(serve)
    const { urls, asked } = vendors
    const source = sourceAt(urls)
    const evidence = { kind: 'sev-snp', document: minted.document } as const
    await source.collateralFor(evidence)
    await source.collateralFor(evidence)
    expect(asked).toHaveLength(3)
    now += 7 * HOUR
    await source.collateralFor(evidence)
    expect(asked).toHaveLength(6)
    await vendors.stop()
    vendors = undefined
    const kept = await sourceAt(urls).collateralFor(evidence)
    expect(await verdictWith(encodeCollateral(kept))).toBe('simulated')
  })

  it('is tried again while the service is busy, waiting longer each time', async () => {
    let failures = 2
    vendors = await startSimulatedVendors((path) => {
      if (!path.includes('cert_chain') || failures === 0) return serve(path)
      failures -= 1
      return failures === 1 ? 503 : 429
    })
    const collateral = await sourceAt(vendors.urls).collateralFor({ kind: 'sev-snp', document: minted.document })
    expect(collateral.has('amd/chain')).toBe(true)
    expect(waits).toEqual([500, 1_000])
  })

  it.each([
    ['a refusal', (): SimulatedAnswer => 403, 0],
    ['a redirection', (): SimulatedAnswer => 302, 3],
    ['endless bytes', (): SimulatedAnswer => ({ bytes: new Uint8Array(100_000) }), 0],
  ] as const)('is left out after %s, and the document goes without', async (_, answer, retries) => {
    vendors = await startSimulatedVendors((path) => (path.includes('cert_chain') ? answer() : serve(path)))
    const attester = supplied(bare('sev-snp', minted.document), sourceAt(vendors.urls))
    const { collateral } = await attester.attest(REPORT_DATA, NOW)
    expect(collateral).toEqual(none)
    expect(waits.length).toBeLessThanOrEqual(retries)
  })
})

describe('collateral of Intel platforms', () => {
  const chain = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
  const need = { vendor: 'intel', tee: 'tdx', fmspc: '90c06f000000', ca: 'platform' } as const

  it('is asked of the provisioning service by platform, issuers’ chains from its headers', async () => {
    const header = encodeURIComponent(chain)
    vendors = await startSimulatedVendors((path) => {
      const named = (name: string): SimulatedAnswer => ({ bytes: utf8(path), headers: { [name]: header } })
      if (path === '/root.der') return { bytes: hexToBytes('0x3000') }
      if (path.startsWith('/intel/sgx/certification/v4/pckcrl')) return named('SGX-PCK-CRL-Issuer-Chain')
      if (path.startsWith('/intel/tdx/certification/v4/tcb')) return named('TCB-Info-Issuer-Chain')
      if (path === '/intel/tdx/certification/v4/qe/identity') return named('SGX-Enclave-Identity-Issuer-Chain')
      return 404
    })
    const collateral = await fetchCollateral(http, vendors.urls, need)
    const texts = Object.fromEntries([...collateral].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]))
    expect(texts).toMatchObject({
      'intel/pck-crl': '/intel/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      'intel/pck-crl-chain': chain,
      'intel/tcb-info': '/intel/tdx/certification/v4/tcb?fmspc=90c06f000000',
      'intel/tcb-info-chain': chain,
      'intel/qe-identity': '/intel/tdx/certification/v4/qe/identity',
      'intel/qe-identity-chain': chain,
    })
    expect(parseCollateral(encodeCollateral(collateral)).ok).toBe(true)
  })
})
