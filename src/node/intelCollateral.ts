import type { Collateral, CollateralItem } from '../attestation/index.ts'
import { utf8 } from '../protocol/index.ts'
import { encodedBytes, isRecord, pemBlocks } from './attestationForms.ts'

type Json = Readonly<Record<string, unknown>>

/** Members of the collateral that quote verification libraries hand around as one JSON object. */
const CHAINS: readonly (readonly [member: string, item: CollateralItem])[] = [
  ['pck_crl_issuer_chain', 'intel/pck-crl-chain'],
  ['tcb_info_issuer_chain', 'intel/tcb-info-chain'],
  ['qe_identity_issuer_chain', 'intel/qe-identity-chain'],
  ['pck_certificate_chain', 'intel/pck-chain'],
]
const LISTS: readonly (readonly [member: string, item: CollateralItem])[] = [
  ['root_ca_crl', 'intel/root-crl'],
  ['pck_crl', 'intel/pck-crl'],
]
/** Signed texts: the signature is over the text as it stands, so it is put together again without parsing it. */
const SIGNED: readonly (readonly [member: string, item: CollateralItem, name: string])[] = [
  ['tcb_info', 'intel/tcb-info', 'tcbInfo'],
  ['qe_identity', 'intel/qe-identity', 'enclaveIdentity'],
]

/** What Intel's provisioning service says, from one of its responses or a library's object of all; undefined for other JSON. */
export function intelItems(json: Json, bytes: Uint8Array): Collateral | undefined {
  if (typeof json.signature === 'string') {
    if (isRecord(json.tcbInfo)) return new Map([['intel/tcb-info', bytes]])
    if (isRecord(json.enclaveIdentity)) return new Map([['intel/qe-identity', bytes]])
  }
  if (typeof json.tcb_info !== 'string' && typeof json.qe_identity !== 'string') return undefined
  const items = new Map<CollateralItem, Uint8Array>()
  for (const [member, item] of CHAINS) {
    const chain = json[member]
    if (typeof chain === 'string' && pemBlocks(chain).length > 0) items.set(item, utf8(chain))
  }
  for (const [member, item] of LISTS) {
    const list = json[member]
    const der = typeof list === 'string' ? encodedBytes(list) : undefined
    if (der !== undefined) items.set(item, der)
  }
  for (const [member, item, name] of SIGNED) {
    const [text, signature] = [json[member], json[`${member}_signature`]]
    if (typeof text === 'string' && typeof signature === 'string') {
      items.set(item, utf8(`{"${name}":${text},"signature":"${signature}"}`))
    }
  }
  return items
}
