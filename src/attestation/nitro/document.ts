import { encode } from 'cborg'
import { ok, type Result } from '../../protocol/index.ts'
import { decodeCbor, describe } from '../cbor.ts'
import {
  MAX_NITRO_CA_CERTIFICATES,
  MAX_NITRO_CERTIFICATE_BYTES,
  MAX_NITRO_FIELD_BYTES,
  MAX_NITRO_MODULE_ID,
  MAX_TIME_MS,
  NITRO_PCR_BYTES,
  NITRO_PCR_COUNT,
} from '../constants.ts'
import { type AttestationError, refuse } from '../errors.ts'

/** The payload of a Nitro attestation (AWS attestation format), shape checked, nothing authenticated. */
export interface NitroDocument {
  readonly moduleId: string
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** Index to 48 bytes. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  /** DER of the leaf. */
  readonly certificate: Uint8Array
  /** DER, root first. */
  readonly cabundle: readonly Uint8Array[]
  readonly publicKey: Uint8Array | undefined
  readonly userData: Uint8Array | undefined
  readonly nonce: Uint8Array | undefined
}

const KEYS = new Set([
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
])

/** Enclaves always measure their image, kernel and application. */
const REQUIRED_PCRS = [0, 1, 2]

export function parseNitroDocument(payload: Uint8Array): Result<NitroDocument, AttestationError> {
  const decoded = decodeCbor(payload, { malformed: 'malformed-payload', lenient: true })
  if (!decoded.ok) return decoded
  if (!(decoded.value instanceof Map)) return refuse('malformed-payload', 'a map', describe(decoded.value))
  const map: Map<unknown, unknown> = decoded.value
  for (const key of map.keys())
    if (typeof key !== 'string' || !KEYS.has(key))
      return refuse('unknown-payload-key', [...KEYS].join(', '), describe(key))

  const digest = map.get('digest')
  if (digest !== 'SHA384') return refuse('wrong-digest-algorithm', 'SHA384', describe(digest))

  const moduleId = map.get('module_id')
  if (typeof moduleId !== 'string' || moduleId.length === 0 || moduleId.length > MAX_NITRO_MODULE_ID)
    return refuse('bad-field', `module_id of 1 to ${MAX_NITRO_MODULE_ID} characters`, describe(moduleId))
  const timestamp = map.get('timestamp')
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp) || timestamp <= 0 || timestamp > MAX_TIME_MS)
    return refuse('bad-field', 'timestamp in milliseconds since 1970', describe(timestamp))

  const pcrs = parsePcrs(map.get('pcrs'))
  if (!pcrs.ok) return pcrs

  const cabundle = map.get('cabundle')
  if (!Array.isArray(cabundle) || cabundle.length === 0 || cabundle.length > MAX_NITRO_CA_CERTIFICATES)
    return refuse('bad-field', `cabundle of 1 to ${MAX_NITRO_CA_CERTIFICATES} certificates`, describe(cabundle))
  const certificate = map.get('certificate')
  for (const der of [...cabundle, certificate])
    if (!(der instanceof Uint8Array) || der.length === 0 || der.length > MAX_NITRO_CERTIFICATE_BYTES)
      return refuse('bad-field', `certificates of 1 to ${MAX_NITRO_CERTIFICATE_BYTES} bytes`, describe(der))

  for (const name of ['public_key', 'user_data', 'nonce']) {
    const field = map.get(name) ?? undefined
    if (field !== undefined && !(field instanceof Uint8Array && field.length <= MAX_NITRO_FIELD_BYTES))
      return refuse('bad-field', `${name} null or at most ${MAX_NITRO_FIELD_BYTES} bytes`, describe(field))
  }
  return ok({
    moduleId,
    timestamp,
    pcrs: pcrs.value,
    certificate: certificate as Uint8Array,
    cabundle: cabundle as Uint8Array[],
    publicKey: (map.get('public_key') ?? undefined) as Uint8Array | undefined,
    userData: (map.get('user_data') ?? undefined) as Uint8Array | undefined,
    nonce: (map.get('nonce') ?? undefined) as Uint8Array | undefined,
  })
}

function parsePcrs(value: unknown): Result<ReadonlyMap<number, Uint8Array>, AttestationError> {
  if (!(value instanceof Map) || value.size === 0 || value.size > NITRO_PCR_COUNT)
    return refuse('bad-pcr', `1 to ${NITRO_PCR_COUNT} registers`, describe(value))
  for (const [index, register] of value as Map<unknown, unknown>) {
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= NITRO_PCR_COUNT)
      return refuse('bad-pcr', `an index below ${NITRO_PCR_COUNT}`, describe(index))
    if (!(register instanceof Uint8Array) || register.length !== NITRO_PCR_BYTES)
      return refuse('bad-pcr', `${NITRO_PCR_BYTES} bytes in PCR${index}`, describe(register))
  }
  for (const index of REQUIRED_PCRS)
    if (!value.has(index)) return refuse('bad-pcr', 'PCR0, PCR1 and PCR2', `no PCR${index}`)
  return ok(value as ReadonlyMap<number, Uint8Array>)
}

/** The payload's bytes, with absent fields as null, as AWS writes them. */
export function encodeNitroDocument(document: NitroDocument): Uint8Array {
  return encode(
    new Map<string, unknown>([
      ['module_id', document.moduleId],
      ['digest', 'SHA384'],
      ['timestamp', document.timestamp],
      ['pcrs', new Map(document.pcrs)],
      ['certificate', document.certificate],
      ['cabundle', [...document.cabundle]],
      ['public_key', document.publicKey ?? null],
      ['user_data', document.userData ?? null],
      ['nonce', document.nonce ?? null],
    ]),
  )
}
