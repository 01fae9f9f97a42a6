import { bytesToHex, ok, type Result } from '../../protocol/index.ts'
import { equalBytes } from '../bytes.ts'
import { DerError, DerReader, TAG } from '../der/reader.ts'
import { smallInteger } from '../der/values.ts'
import { type AttestationError, refuseCertificate } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'

/** Intel SGX extension of PCK certificates (PCK Certificate and CRL Profile Specification, 1.3.5). */
export const SGX_EXTENSION = '1.2.840.113741.1.13.1'
/** The same in DER, and the extension's second member below it. */
export const SGX_EXTENSION_DER = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01)
const TCB_PREFIX = Uint8Array.of(...SGX_EXTENSION_DER, 2)
const TCB_COMPONENTS = 16
const PCESVN = 17
const CPUSVN = 18

/** The platform a PCK certificate is for, as Intel certified it. */
export interface PckPlatform {
  /** 16 bytes that stand for the processor package. */
  readonly ppid: Uint8Array
  /** Security versions of the platform's 16 components, and of its provisioning certification enclave. */
  readonly components: readonly number[]
  readonly pcesvn: number
  /** Lower-case hex, without 0x. */
  readonly fmspc: string
  readonly pceid: string
}

/** Reads the platform of a PCK certificate: `malformed-certificate`. */
export function pckPlatform(certificate: Certificate): Result<PckPlatform, AttestationError> {
  const extension = certificate.extensions.get(SGX_EXTENSION)
  const { position } = certificate
  if (extension === undefined)
    return refuseCertificate('malformed-certificate', position, `the SGX extension ${SGX_EXTENSION}`, 'none')
  try {
    return ok(readPlatform(extension.value))
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return refuseCertificate('malformed-certificate', position, 'a readable SGX extension', cause.message, cause)
  }
}

function readPlatform(value: Uint8Array): PckPlatform {
  const entries = readEntries(new DerReader(value), SGX_EXTENSION_DER)
  const tcb = readEntries(memberOf(entries, 2), TCB_PREFIX)
  const number = (index: number, most: number): number => {
    const reader = memberOf(tcb, index)
    const found = smallInteger(reader.expect(TAG.integer).content)
    reader.end()
    if (found > most) throw new DerError(`a security version of ${found}`)
    return found
  }
  octets(tcb, CPUSVN, 16)
  return {
    ppid: octets(entries, 1, 16),
    components: Array.from({ length: TCB_COMPONENTS }, (_, index) => number(index + 1, 255)),
    pcesvn: number(PCESVN, 65_535),
    pceid: bytesToHex(octets(entries, 3, 2)).slice(2),
    fmspc: bytesToHex(octets(entries, 4, 6)).slice(2),
  }
}

/** A sequence of pairs of an object identifier below `parent` and a value, by the identifier's last arc, each once. */
function readEntries(reader: DerReader, parent: Uint8Array): ReadonlyMap<number, DerReader> {
  const list = reader.enter(TAG.sequence)
  reader.end()
  const entries = new Map<number, DerReader>()
  while (!list.done) {
    const entry = list.enter(TAG.sequence)
    const { content } = entry.expect(TAG.oid)
    const arc = content[parent.length] ?? 0
    const below = content.length === parent.length + 1 && arc < 0x80 && equalBytes(content.subarray(0, -1), parent)
    if (!below || entries.has(arc)) throw new DerError(`entry ${arc} once more, or of another extension`)
    entries.set(arc, entry)
  }
  return entries
}

function memberOf(entries: ReadonlyMap<number, DerReader>, index: number): DerReader {
  const entry = entries.get(index)
  if (entry === undefined) throw new DerError(`no entry ${index}`)
  return entry
}

function octets(entries: ReadonlyMap<number, DerReader>, index: number, length: number): Uint8Array {
  const entry = memberOf(entries, index)
  const { content } = entry.expect(TAG.octetString)
  entry.end()
  if (content.length !== length) throw new DerError(`${content.length} bytes in entry ${index}`)
  return content
}
