import 'reflect-metadata'
import { PemConverter } from '@peculiar/x509'
import { bytesToHex } from '../../protocol/index.ts'
import type { Collateral, CollateralItem } from '../collateral.ts'
import { MAX_SNP_TABLE_BYTES, MAX_SNP_TABLE_ENTRIES } from './constants.ts'
import { attesterError } from './errors.ts'

/** u8 guid[16]; u32 offset; u32 length, little-endian; an entry of zeros ends the table. */
const ENTRY_BYTES = 24
const GUID_BYTES = 16

type Certificate = 'vek' | 'ask' | 'ark' | 'crl'

/** GUIDs of the GHCB specification, publication 56421, 4.1.8.1: VCEK, VLEK, ASK (or ASVK), ARK, CRL. */
const GUIDS: Readonly<Record<string, Certificate>> = {
  '63da758de6644564adc5f4b93be8accd': 'vek',
  a8074bc2a25a483eaae639c045a0b8a1: 'vek',
  '4ab7b379bbac4fe4a02f05aef327c782': 'ask',
  c0b406a4a803495297433fb6014cd0ae: 'ark',
  '92f81bc358114d3d97ffd19f88dc67ea': 'crl',
}

/**
 * The certificates a host puts beside a report (SNP extended guest request), as collateral. Hosts may provision none, and
 * entries of other GUIDs, which are theirs. Throws AttesterError `attester-answer-invalid` for a table that is none.
 */
export function certificateTable(table: Uint8Array): Collateral {
  const found = new Map<Certificate, Uint8Array>()
  if (table.length > MAX_SNP_TABLE_BYTES) throw invalid(`at most ${MAX_SNP_TABLE_BYTES} bytes`, `${table.length}`)
  if (table.every((byte) => byte === 0)) return new Map()
  for (const { guid, bytes } of entries(table)) {
    const kind = GUIDS[bytesToHex(guid).slice(2)] ?? GUIDS[bytesToHex(mixedEndian(guid)).slice(2)]
    if (kind === undefined) continue
    if (found.has(kind)) throw invalid('each certificate once', `${kind} twice`)
    found.set(kind, derOf(bytes))
  }
  const collateral = new Map<CollateralItem, Uint8Array>()
  const [vek, ask, ark, crl] = (['vek', 'ask', 'ark', 'crl'] as const).map((kind) => found.get(kind))
  if (vek !== undefined) collateral.set('amd/vek', vek)
  if (ask !== undefined && ark !== undefined) collateral.set('amd/chain', new TextEncoder().encode(pemOf([ask, ark])))
  if (crl !== undefined) collateral.set('amd/crl', crl)
  return collateral
}

interface Entry {
  readonly guid: Uint8Array
  readonly bytes: Uint8Array
}

function entries(table: Uint8Array): Entry[] {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const read: (Entry & { readonly offset: number })[] = []
  for (let at = 0; ; at += ENTRY_BYTES) {
    if (at + ENTRY_BYTES > table.length) throw invalid('an entry of zeros at the end of the table', 'none')
    const guid = table.subarray(at, at + GUID_BYTES)
    const offset = view.getUint32(at + GUID_BYTES, true)
    const length = view.getUint32(at + GUID_BYTES + 4, true)
    if (guid.every((byte) => byte === 0)) {
      if (offset !== 0 || length !== 0) throw invalid('an entry of zeros at the end of the table', 'a nameless entry')
      const start = at + ENTRY_BYTES
      const early = read.find((entry) => entry.offset < start)
      if (early !== undefined) throw invalid(`certificates from byte ${start} on`, `one at byte ${early.offset}`)
      return read
    }
    if (read.length === MAX_SNP_TABLE_ENTRIES) throw invalid(`at most ${MAX_SNP_TABLE_ENTRIES} entries`, 'more')
    if (length === 0 || offset + length > table.length)
      throw invalid(`a certificate within ${table.length} bytes`, `${length} bytes at ${offset}`)
    read.push({ guid, offset, bytes: table.slice(offset, offset + length) })
  }
}

/** Hosts write the first three fields of a GUID in either byte order. */
function mixedEndian(guid: Uint8Array): Uint8Array {
  const at = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
  return Uint8Array.from(at, (index) => guid[index] ?? 0)
}

const PEM_START = new TextEncoder().encode('-----BEGIN ')

/** Some hosts provision PEM where the specification has DER. */
function derOf(bytes: Uint8Array): Uint8Array {
  if (!PEM_START.every((byte, index) => bytes[index] === byte)) return bytes
  const [der, ...more] = pemBlocks(bytes)
  if (der === undefined || more.length > 0)
    throw invalid('one certificate', `${more.length + (der ? 1 : 0)} PEM blocks`)
  return der
}

function pemBlocks(bytes: Uint8Array): Uint8Array[] {
  try {
    return PemConverter.decode(new TextDecoder().decode(bytes)).map((block) => new Uint8Array(block))
  } catch {
    return []
  }
}

const pemOf = (certificates: readonly Uint8Array[]): string =>
  certificates.map((der) => `${PemConverter.encode(new Uint8Array(der), PemConverter.CertificateTag)}\n`).join('')

const invalid = (expected: string, got: string): Error =>
  attesterError('attester-answer-invalid', 'configfs-tsm', expected, got)
