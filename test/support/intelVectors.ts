import { type Collateral, type CollateralItem, encodeCollateral } from '../../src/attestation/index.ts'
import { intelItems } from '../../src/node/intelCollateral.ts'
import { utf8 } from '../../src/protocol/index.ts'
import { readVector } from './vectors.ts'

/** The members of a verification library's collateral, texts all; lists and signatures in hex. */
export interface LibraryCollateral {
  readonly pck_crl_issuer_chain: string
  readonly root_ca_crl: string
  readonly pck_crl: string
  readonly tcb_info_issuer_chain: string
  readonly tcb_info: string
  readonly tcb_info_signature: string
  readonly qe_identity_issuer_chain: string
  readonly qe_identity: string
  readonly qe_identity_signature: string
}

const textAt = async (path: string): Promise<string> => new TextDecoder().decode(await readVector(`tee/${path}`))

export const readLibraryCollateral = async (path: string): Promise<LibraryCollateral> => JSON.parse(await textAt(path))

interface IntelCollateralSets {
  /** TDX in June 2025 and in February 2026, SGX in June 2025. */
  readonly june: LibraryCollateral
  readonly february: LibraryCollateral
  readonly sgx: LibraryCollateral
}

export async function readCollateralSets(): Promise<IntelCollateralSets> {
  const [june, february, sgx] = await Promise.all([
    readLibraryCollateral('tdx/phala-tdx_quote_collateral.json'),
    readLibraryCollateral('tdx/phala-tdx_quote_outdated_collateral.json'),
    readLibraryCollateral('sgx/phala-sgx_quote_collateral.json'),
  ])
  return { june, february, sgx }
}

/** The same as a bundle holds it. */
export function itemsOf(collateral: LibraryCollateral): Map<CollateralItem, Uint8Array> {
  const items: Collateral | undefined = intelItems({ ...collateral }, utf8(JSON.stringify(collateral)))
  if (items === undefined) throw new RangeError('expected Intel collateral')
  return new Map(items)
}

export const bundleOf = (collateral: LibraryCollateral): Uint8Array => encodeCollateral(itemsOf(collateral))

/** Body, as it was served, and signature of a response of Intel's service. */
export async function readResponse(path: string): Promise<{ readonly body: string; readonly signature: string }> {
  const text = await textAt(path)
  const match = /^\{"(?:tcbInfo|enclaveIdentity)":(.*),"signature":"([0-9a-f]{128})"\}\s*$/s.exec(text)
  if (match?.[1] === undefined || match[2] === undefined) throw new RangeError(`expected a signed response in ${path}`)
  return { body: match[1], signature: match[2] }
}

/** Raw quotes, quotes in hex, and quotes inside a guest agent's answer. */
export async function readQuote(path: string): Promise<Uint8Array> {
  const bytes = await readVector(`tee/${path}`)
  if (path.endsWith('.hex')) return fromHex(new TextDecoder().decode(bytes).trim())
  if (path.endsWith('.json')) return fromHex((JSON.parse(new TextDecoder().decode(bytes)) as { quote: string }).quote)
  return bytes
}

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/^0x/, ''), 'hex'))
