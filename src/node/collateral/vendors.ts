import {
  type AttestationCrypto,
  type Certificate,
  type Collateral,
  type CollateralItem,
  type CollateralNeed,
  encodeOcspBundle,
  manifestChain,
  ocspRequest,
  vcekPath,
} from '../../attestation/index.ts'
import { base64ToBytes, bytesToHex, utf8 } from '../../protocol/index.ts'
import { ask, type HttpComponents, SupplyError } from './http.ts'

/** Where the vendors' services are: configured, never taken from evidence. Without a slash at the end. */
export interface VendorUrls {
  /** Provisioning Certification Service, or a caching service with the same interface. */
  readonly intel: string
  /** CRL of Intel's SGX root, DER. */
  readonly intelRootCrl: string
  /** Key Distribution System. */
  readonly amd: string
  /** Reference Integrity Manifest service. */
  readonly nvidiaRim: string
  readonly nvidiaOcsp: string
}

export interface VendorComponents extends HttpComponents {
  readonly crypto: AttestationCrypto
}

type Need<V extends CollateralNeed['vendor']> = Extract<CollateralNeed, { readonly vendor: V }>

const MAX_CRL_BYTES = 65_536
const MAX_JSON_BYTES = 131_072
const MAX_CERTIFICATE_BYTES = 16_384
const MAX_MANIFEST_BYTES = 524_288
const MAX_OCSP_BYTES = 16_384

/** Everything a need asks for, as the services serve it; nothing is verified. Throws SupplyError. */
export function fetchCollateral(
  components: VendorComponents,
  urls: VendorUrls,
  need: CollateralNeed,
): Promise<Collateral> {
  switch (need.vendor) {
    case 'intel':
      return fetchIntel(components, urls, need)
    case 'amd':
      return fetchAmd(components, urls, need)
    case 'nvidia':
      return fetchNvidia(components, urls, need)
  }
}

/** PCS API v4: the issuers' chains come in headers, as PEM in percent encoding. */
async function fetchIntel(components: VendorComponents, urls: VendorUrls, need: Need<'intel'>): Promise<Collateral> {
  const of = (tee: string) => `${urls.intel}/${tee}/certification/v4`
  const signed = async (url: string, header: string, maxBytes: number) => {
    const { bytes, headers } = await ask(components, { url, maxBytes })
    return { bytes, chain: utf8(decodeURIComponent(headers.get(header) ?? '')) }
  }
  const [rootCrl, pckCrl, tcbInfo, identity] = await Promise.all([
    ask(components, { url: urls.intelRootCrl, maxBytes: MAX_CRL_BYTES }),
    signed(`${of('sgx')}/pckcrl?ca=${need.ca}&encoding=der`, 'sgx-pck-crl-issuer-chain', MAX_CRL_BYTES),
    signed(`${of(need.tee)}/tcb?fmspc=${need.fmspc}`, 'tcb-info-issuer-chain', MAX_JSON_BYTES),
    signed(`${of(need.tee)}/qe/identity`, 'sgx-enclave-identity-issuer-chain', MAX_JSON_BYTES),
  ])
  return present([
    ['intel/root-crl', rootCrl.bytes],
    ['intel/pck-crl', pckCrl.bytes],
    ['intel/pck-crl-chain', pckCrl.chain],
    ['intel/tcb-info', tcbInfo.bytes],
    ['intel/tcb-info-chain', tcbInfo.chain],
    ['intel/qe-identity', identity.bytes],
    ['intel/qe-identity-chain', identity.chain],
  ])
}

async function fetchAmd(components: VendorComponents, urls: VendorUrls, need: Need<'amd'>): Promise<Collateral> {
  for (const [index, product] of need.products.entries()) {
    try {
      const [vek, chain, crl] = await Promise.all([
        need.vcek &&
          ask(components, { url: `${urls.amd}/${vcekPath(product, need.vcek)}`, maxBytes: MAX_CERTIFICATE_BYTES }),
        need.vcek &&
          ask(components, { url: `${urls.amd}/vcek/v1/${product}/cert_chain`, maxBytes: MAX_CERTIFICATE_BYTES }),
        ask(components, { url: `${urls.amd}/vcek/v1/${product}/crl`, maxBytes: MAX_CRL_BYTES }),
      ])
      return present([
        ['amd/vek', vek?.bytes],
        ['amd/chain', chain?.bytes],
        ['amd/crl', crl.bytes],
      ])
    } catch (thrown) {
      // A chip of another product is not known under this one's name.
      const isOther = thrown instanceof SupplyError && (thrown.status === 404 || thrown.status === 400)
      if (!isOther || index === need.products.length - 1) throw thrown
    }
  }
  return new Map()
}

async function fetchNvidia(components: VendorComponents, urls: VendorUrls, need: Need<'nvidia'>): Promise<Collateral> {
  const [driver, vbios] = await Promise.all([
    fetchManifest(components, urls, need.driverManifest),
    fetchManifest(components, urls, need.vbiosManifest),
  ])
  const chains = [...need.chains, chainOf(driver), chainOf(vbios)]
  const responses: Uint8Array[] = []
  for (const { certificate, issuer } of pairsOf(chains)) {
    const bytes = new Uint8Array(ocspRequest(certificate, issuer, components.crypto))
    const body = { type: 'application/ocsp-request', bytes }
    const answer = await ask(components, { url: urls.nvidiaOcsp, maxBytes: MAX_OCSP_BYTES, body })
    responses.push(answer.bytes)
  }
  return present([
    ['nvidia/driver-rim', driver],
    ['nvidia/vbios-rim', vbios],
    ['nvidia/ocsp', encodeOcspBundle(responses)],
  ])
}

async function fetchManifest(components: VendorComponents, { nvidiaRim }: VendorUrls, id: string): Promise<Uint8Array> {
  const url = `${nvidiaRim}/v1/rim/${encodeURIComponent(id)}`
  const { bytes } = await ask(components, { url, maxBytes: MAX_MANIFEST_BYTES, accept: 'application/json' })
  const rim = readRim(bytes)
  const manifest = rim === undefined ? undefined : base64ToBytes(rim)
  if (manifest === undefined) throw new SupplyError(`${url}: expected a manifest in base64 as rim, got something else`)
  return manifest
}

function readRim(bytes: Uint8Array): string | undefined {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const rim = typeof json === 'object' && json !== null && 'rim' in json ? json.rim : undefined
    return typeof rim === 'string' ? rim : undefined
  } catch {
    return undefined
  }
}

function chainOf(manifest: Uint8Array): readonly Certificate[] {
  const chain = manifestChain(manifest)
  if (!chain.ok) throw new SupplyError(`expected a manifest with its chain: ${chain.error.message}`)
  return chain.value
}

/** Every certificate below a root with its issuer, each once: devices of one host share all but the last. */
function pairsOf(chains: readonly (readonly Certificate[])[]) {
  const pairs = new Map<string, { readonly certificate: Certificate; readonly issuer: Certificate }>()
  for (const chain of chains) {
    for (const [above, certificate] of chain.slice(1).entries()) {
      const issuer = chain[above]
      if (issuer !== undefined) pairs.set(bytesToHex(certificate.der), { certificate, issuer })
    }
  }
  return pairs.values()
}

const present = (items: readonly (readonly [CollateralItem, Uint8Array | undefined])[]): Collateral =>
  new Map(items.flatMap(([item, bytes]) => (bytes === undefined || bytes.length === 0 ? [] : [[item, bytes] as const])))
