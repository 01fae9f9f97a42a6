import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { canonicalBytes, type Json } from './canonical.ts'
import { CodedError, fail, ok, type Result } from './errors.ts'
import { sha256, toChecksumAddress } from './hash.ts'
import { type Address, bytesToHex, type Digest, hexToBytes, isDigest } from './hex.ts'
import { type Dtype, isDtype, isTensorName, type TensorError, type Tensors, tensorError } from './tensors.ts'

/** Bounds of a manifest. Each keeps one parse small; none is near what a real model needs. */
export const MANIFEST_LIMITS = {
  /** Canonical bytes; a manifest travels whole in one frame. */
  bytes: 1024 * 1024,
  files: 4096,
  pathLength: 255,
  tensors: 256,
  rank: 8,
  dimension: 2 ** 31 - 1,
  nameLength: 96,
  descriptionLength: 2048,
  licenceLength: 64,
  /** Bytes of one file: 1 TiB. */
  fileBytes: 2 ** 40,
  /** `macIn` and `macOut` are uint128 on the wire. */
  mac: 2n ** 128n - 1n,
  memoryMB: 2 ** 32 - 1,
  referenceRate: 2 ** 32 - 1,
  batch: 65_536,
} as const

export const MANIFEST_VERSION = 1

/** The dimension whose rows are units: one row, one inference. Always the first axis. */
export const BATCH_DIMENSION = 'batch'

/** Where the graph of a `tensor` model lies in its folder, as in published ONNX repositories. */
export const GRAPH_PATH = 'onnx/model.onnx'

/** The manifest itself lies beside the files it names. */
export const MANIFEST_PATH = 'manifest.json'

/** `language` is reserved: parsed, never served by the tensor engine. */
export const MODEL_KINDS = ['tensor', 'language'] as const
export type ModelKind = (typeof MODEL_KINDS)[number]

export interface ModelFile {
  /** POSIX path inside the model's folder. */
  readonly path: string
  readonly sha256: Digest
  readonly bytes: number
}

export interface TensorSpec {
  readonly name: string
  readonly dtype: Dtype
  /** A number is fixed; a name is any size of at least 1, the same wherever it occurs. */
  readonly shape: readonly (number | string)[]
  /** `refuse`: NaN and the infinities make the tensor invalid. */
  readonly nan: 'refuse' | 'allow'
  /** Inclusive bounds of every element. */
  readonly min?: number
  readonly max?: number
}

/** A model, fixed for good: its id is the sha-256 of these fields as RFC 8785 JSON (R3). */
export interface Manifest {
  readonly version: typeof MANIFEST_VERSION
  readonly name: string
  readonly kind: ModelKind
  readonly description: string
  /** SPDX expression. */
  readonly licence: string
  /** Operator set and file format version of the graph. */
  readonly opset: number
  readonly ir: number
  /** Sorted by path. */
  readonly files: readonly ModelFile[]
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  /** Multiply-accumulates per input and per output unit; a unit of a tensor model is one row of the batch. */
  readonly macIn: bigint
  readonly macOut: bigint
  readonly memoryMB: number
  /** Units per second a reference machine sustains; caps billed time. */
  readonly referenceRate: number
  readonly maxBatch: number
  /** Inner tensors run as extra outputs (R17). Empty: the model offers no work proof. */
  readonly trace: readonly string[]
  /** `|a - b| <= atol + rtol * |b|` between runtime classes (R16). */
  readonly tolerance: { readonly atol: number; readonly rtol: number }
  /** Receives the host's share; the zero address leaves it to the treasury. */
  readonly payee: Address
}

export const MANIFEST_ERROR_CODES = [
  'manifest-too-large',
  'manifest-not-json',
  'manifest-not-canonical',
  'manifest-version-unknown',
  'manifest-member-unknown',
  'manifest-member-missing',
  'manifest-member-invalid',
  'manifest-path-invalid',
  'manifest-limit-exceeded',
] as const
export type ManifestErrorCode = (typeof MANIFEST_ERROR_CODES)[number]

export interface ManifestErrorDetail {
  readonly code: ManifestErrorCode
  /** Where in the manifest, as `files[0].path`; empty for the whole. */
  readonly at: string
  readonly expected: string
  readonly got: string
}

export class ManifestError extends CodedError<ManifestErrorDetail> {}

function manifestError(code: ManifestErrorCode, at: string, expected: string, got: unknown): ManifestError {
  const shown = (typeof got === 'string' ? got : (JSON.stringify(got) ?? 'nothing')).slice(0, 200)
  return new ManifestError({ code, at, expected, got: shown }, `manifest ${at}: expected ${expected}, got ${shown}`)
}

/** The JSON form: amounts as decimal strings, the payee with its EIP-55 checksum, absent bounds left out. */
export function manifestToJson(manifest: Manifest): { readonly [member: string]: Json } {
  return {
    version: manifest.version,
    name: manifest.name,
    kind: manifest.kind,
    description: manifest.description,
    licence: manifest.licence,
    opset: manifest.opset,
    ir: manifest.ir,
    files: manifest.files.map(({ path, sha256: digest, bytes }) => ({ path, sha256: digest, bytes })),
    inputs: manifest.inputs.map(specToJson),
    outputs: manifest.outputs.map(specToJson),
    macIn: manifest.macIn.toString(),
    macOut: manifest.macOut.toString(),
    memoryMB: manifest.memoryMB,
    referenceRate: manifest.referenceRate,
    maxBatch: manifest.maxBatch,
    trace: manifest.trace,
    tolerance: { atol: manifest.tolerance.atol, rtol: manifest.tolerance.rtol },
    payee: toChecksumAddress(manifest.payee),
  }
}

const specToJson = ({ name, dtype, shape, nan, min, max }: TensorSpec): Json => ({
  name,
  dtype,
  shape,
  nan,
  ...(min === undefined ? {} : { min }),
  ...(max === undefined ? {} : { max }),
})

export const manifestBytes = (manifest: Manifest): Uint8Array => canonicalBytes(manifestToJson(manifest))

/** sha-256 of the canonical bytes (R3). */
export const manifestId = (manifest: Manifest): Digest => sha256(manifestBytes(manifest))

const RAW_CODEC = 0x55
const SHA2_256 = 0x12

/** The id as a CIDv1 (raw, sha2-256) in base32, for people and content-addressed stores. */
export const modelCid = (id: Digest): string =>
  CID.createV1(RAW_CODEC, createMultihash(SHA2_256, hexToBytes(id))).toString()

/** The id named by 0x-hex or by a CIDv1 of raw sha2-256; undefined for anything else. */
export function parseModelId(text: string): Digest | undefined {
  if (isDigest(text)) return text
  try {
    const cid = CID.parse(text)
    const plain = cid.version === 1 && cid.code === RAW_CODEC && cid.multihash.code === SHA2_256
    return plain && cid.multihash.digest.length === 32 ? bytesToHex(cid.multihash.digest) : undefined
  } catch {
    return undefined
  }
}

/** Strict: the canonical bytes of a valid manifest and nothing else, so bytes and meaning have one id. */
export function parseManifest(bytes: Uint8Array): Result<Manifest, ManifestError> {
  if (bytes.length > MANIFEST_LIMITS.bytes) {
    return fail(manifestError('manifest-too-large', '', `at most ${MANIFEST_LIMITS.bytes} bytes`, `${bytes.length}`))
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (error) {
    return fail(manifestError('manifest-not-json', '', 'JSON in UTF-8', (error as Error).message))
  }
  const manifest = manifestFromJson(json)
  if (!manifest.ok) return manifest
  const canonical = manifestBytes(manifest.value)
  if (canonical.length !== bytes.length || !canonical.every((byte, at) => byte === bytes[at])) {
    return fail(
      manifestError('manifest-not-canonical', '', 'RFC 8785 JSON (no spaces, sorted members)', `${bytes.length} bytes`),
    )
  }
  return manifest
}

/** A manifest from parsed JSON in any member order, for authors. Unknown members are refused. */
export function manifestFromJson(json: unknown): Result<Manifest, ManifestError> {
  try {
    return ok(readManifest(json))
  } catch (error) {
    if (error instanceof ManifestError) return fail(error)
    throw error
  }
}

type Members = { readonly [name: string]: unknown }

function members(value: unknown, at: string, required: readonly string[], optional: readonly string[] = []): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw manifestError('manifest-member-invalid', at, 'an object', value)
  }
  for (const name of Object.keys(value)) {
    if (!required.includes(name) && !optional.includes(name)) {
      throw manifestError('manifest-member-unknown', at, `only ${[...required, ...optional].join(', ')}`, name)
    }
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) throw manifestError('manifest-member-missing', at, `member ${name}`, 'nothing')
  }
  return value as Members
}

function list<T>(value: unknown, at: string, most: number, read: (item: unknown, at: string) => T): T[] {
  if (!Array.isArray(value)) throw manifestError('manifest-member-invalid', at, 'a list', value)
  if (value.length > most)
    throw manifestError('manifest-limit-exceeded', at, `at most ${most} items`, `${value.length}`)
  return value.map((item, index) => read(item, `${at}[${index}]`))
}

function integer(value: unknown, at: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw manifestError('manifest-member-invalid', at, 'a whole number', value)
  }
  if (value < least || value > most) {
    throw manifestError('manifest-limit-exceeded', at, `${least} to ${most}`, value)
  }
  return value
}

function finite(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw manifestError('manifest-member-invalid', at, 'a finite number', value)
  }
  return Object.is(value, -0) ? 0 : value
}

const CONTROL = /[\p{Cc}\p{Cs}]/u

function text(value: unknown, at: string, most: number, pattern?: RegExp): string {
  if (typeof value !== 'string') throw manifestError('manifest-member-invalid', at, 'text', value)
  if (value.length > most)
    throw manifestError('manifest-limit-exceeded', at, `at most ${most} characters`, `${value.length}`)
  if (CONTROL.test(value) || (pattern !== undefined && !pattern.test(value))) {
    throw manifestError(
      'manifest-member-invalid',
      at,
      pattern === undefined ? 'text without controls' : `${pattern}`,
      value,
    )
  }
  return value
}

function multiplyAccumulates(value: unknown, at: string): bigint {
  if (typeof value !== 'string' || !/^(?:0|[1-9]\d{0,38})$/.test(value)) {
    throw manifestError('manifest-member-invalid', at, 'a decimal string', value)
  }
  const amount = BigInt(value)
  if (amount > MANIFEST_LIMITS.mac) throw manifestError('manifest-limit-exceeded', at, 'at most 2^128 - 1', value)
  return amount
}

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/

function path(value: unknown, at: string): string {
  const good =
    typeof value === 'string' &&
    value.length <= MANIFEST_LIMITS.pathLength &&
    value.split('/').every((segment) => SEGMENT.test(segment) && !segment.endsWith('.')) &&
    value.toLowerCase() !== MANIFEST_PATH
  if (!good) {
    const expected = `a relative path of at most ${MANIFEST_LIMITS.pathLength} characters, segments ${SEGMENT}, not ${MANIFEST_PATH}`
    throw manifestError('manifest-path-invalid', at, expected, value)
  }
  return value
}

function readFiles(value: unknown): ModelFile[] {
  const files = list(value, 'files', MANIFEST_LIMITS.files, (item, at) => {
    const file = members(item, at, ['path', 'sha256', 'bytes'])
    if (!isDigest(file.sha256)) {
      throw manifestError('manifest-member-invalid', `${at}.sha256`, '0x and 64 lower-case hex digits', file.sha256)
    }
    return {
      path: path(file.path, `${at}.path`),
      sha256: file.sha256,
      bytes: integer(file.bytes, `${at}.bytes`, 0, MANIFEST_LIMITS.fileBytes),
    }
  })
  const taken = new Set<string>()
  for (const [index, file] of files.entries()) {
    const previous = files[index - 1]
    if (previous !== undefined && previous.path >= file.path) {
      throw manifestError(
        'manifest-path-invalid',
        `files[${index}].path`,
        `a path sorted after ${previous.path}`,
        file.path,
      )
    }
    // Two names that one file system holds apart and another does not would make a model that cannot be stored.
    const folded = file.path.toLowerCase()
    if (taken.has(folded)) {
      throw manifestError(
        'manifest-path-invalid',
        `files[${index}].path`,
        'paths distinct in any letter case',
        file.path,
      )
    }
    taken.add(folded)
  }
  for (const file of taken) {
    for (let at = file.indexOf('/'); at >= 0; at = file.indexOf('/', at + 1)) {
      if (taken.has(file.slice(0, at))) {
        throw manifestError('manifest-path-invalid', 'files', 'no file that is also a folder', file.slice(0, at))
      }
    }
  }
  return files
}

const DIMENSION = /^[a-z][a-z0-9_]{0,31}$/

function readSpec(value: unknown, at: string): TensorSpec {
  const spec = members(value, at, ['name', 'dtype', 'shape', 'nan'], ['min', 'max'])
  if (!isTensorName(spec.name)) throw manifestError('manifest-member-invalid', `${at}.name`, 'a tensor name', spec.name)
  if (!isDtype(spec.dtype)) throw manifestError('manifest-member-invalid', `${at}.dtype`, 'an element type', spec.dtype)
  if (spec.nan !== 'refuse' && spec.nan !== 'allow') {
    throw manifestError('manifest-member-invalid', `${at}.nan`, 'refuse or allow', spec.nan)
  }
  const shape = list(spec.shape, `${at}.shape`, MANIFEST_LIMITS.rank, (dim, where) =>
    typeof dim === 'string'
      ? text(dim, where, MANIFEST_LIMITS.nameLength, DIMENSION)
      : integer(dim, where, 1, MANIFEST_LIMITS.dimension),
  )
  if (shape.lastIndexOf(BATCH_DIMENSION) > 0) {
    throw manifestError('manifest-member-invalid', `${at}.shape`, `${BATCH_DIMENSION} as the first axis only`, shape)
  }
  const min = spec.min === undefined ? undefined : finite(spec.min, `${at}.min`)
  const max = spec.max === undefined ? undefined : finite(spec.max, `${at}.max`)
  if (min !== undefined && max !== undefined && min > max) {
    throw manifestError('manifest-member-invalid', `${at}.min`, `at most max ${max}`, min)
  }
  return {
    name: spec.name,
    dtype: spec.dtype,
    shape,
    nan: spec.nan,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

function readSpecs(value: unknown, at: string): TensorSpec[] {
  const specs = list(value, at, MANIFEST_LIMITS.tensors, readSpec)
  if (specs.length === 0) throw manifestError('manifest-member-invalid', at, 'at least one tensor', 'none')
  distinct(
    specs.map(({ name }) => name),
    at,
  )
  return specs
}

function distinct(names: readonly string[], at: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw manifestError('manifest-member-invalid', at, 'distinct names', twice)
}

const NAME = /^[a-z0-9]+(?:[._/-][a-z0-9]+)*$/
const LICENCE = /^[A-Za-z0-9.+()-]+(?: [A-Za-z0-9.+()-]+)*$/
const CHECKSUMMED = /^0x[0-9a-fA-F]{40}$/

const MEMBERS = [
  'version',
  'name',
  'kind',
  'description',
  'licence',
  'opset',
  'ir',
  'files',
  'inputs',
  'outputs',
  'macIn',
  'macOut',
  'memoryMB',
  'referenceRate',
  'maxBatch',
  'trace',
  'tolerance',
  'payee',
] as const

function readManifest(json: unknown): Manifest {
  if (typeof json === 'object' && json !== null && 'version' in json && json.version !== MANIFEST_VERSION) {
    throw manifestError('manifest-version-unknown', 'version', `${MANIFEST_VERSION}`, json.version)
  }
  const value = members(json, '', MEMBERS)
  const kind = MODEL_KINDS.find((known) => known === value.kind)
  if (kind === undefined) throw manifestError('manifest-member-invalid', 'kind', MODEL_KINDS.join(' or '), value.kind)
  const files = readFiles(value.files)
  if (kind === 'tensor' && !files.some((file) => file.path === GRAPH_PATH)) {
    throw manifestError('manifest-member-invalid', 'files', `a file ${GRAPH_PATH}`, 'none')
  }
  const outputs = readSpecs(value.outputs, 'outputs')
  const trace = list(value.trace, 'trace', MANIFEST_LIMITS.tensors, (name, at) => {
    if (!isTensorName(name)) throw manifestError('manifest-member-invalid', at, 'a tensor name', name)
    if (outputs.some((output) => output.name === name)) {
      throw manifestError('manifest-member-invalid', at, 'an inner tensor', `output ${name}`)
    }
    return name
  })
  distinct(trace, 'trace')
  const tolerance = members(value.tolerance, 'tolerance', ['atol', 'rtol'])
  const atol = finite(tolerance.atol, 'tolerance.atol')
  const rtol = finite(tolerance.rtol, 'tolerance.rtol')
  if (atol < 0 || rtol < 0)
    throw manifestError('manifest-member-invalid', 'tolerance', 'bounds of at least 0', tolerance)
  const payee = value.payee
  if (typeof payee !== 'string' || !CHECKSUMMED.test(payee)) {
    throw manifestError('manifest-member-invalid', 'payee', 'an address', payee)
  }
  const account = payee.toLowerCase() as Address
  if (toChecksumAddress(account) !== payee) {
    throw manifestError('manifest-member-invalid', 'payee', `EIP-55 ${toChecksumAddress(account)}`, payee)
  }
  return {
    version: MANIFEST_VERSION,
    name: text(value.name, 'name', MANIFEST_LIMITS.nameLength, NAME),
    kind,
    description: text(value.description, 'description', MANIFEST_LIMITS.descriptionLength),
    licence: text(value.licence, 'licence', MANIFEST_LIMITS.licenceLength, LICENCE),
    opset: integer(value.opset, 'opset', 1, 1000),
    ir: integer(value.ir, 'ir', 1, 1000),
    files,
    inputs: readSpecs(value.inputs, 'inputs'),
    outputs,
    macIn: multiplyAccumulates(value.macIn, 'macIn'),
    macOut: multiplyAccumulates(value.macOut, 'macOut'),
    memoryMB: integer(value.memoryMB, 'memoryMB', 1, MANIFEST_LIMITS.memoryMB),
    referenceRate: integer(value.referenceRate, 'referenceRate', 1, MANIFEST_LIMITS.referenceRate),
    maxBatch: integer(value.maxBatch, 'maxBatch', 1, MANIFEST_LIMITS.batch),
    trace,
    tolerance: { atol, rtol },
    payee: account,
  }
}

/** Sizes of the named dimensions of a job. */
export type Dimensions = ReadonlyMap<string, number>

/**
 * Checks tensors against specs: names, element types, shapes, NaN policy, bounds. Named dimensions must agree with each
 * other and with `known`; the answer is all sizes found.
 */
export function checkTensors(
  specs: readonly TensorSpec[],
  tensors: Tensors,
  maxBatch: number,
  known: Dimensions = new Map(),
): Result<Dimensions, TensorError> {
  const dimensions = new Map(known)
  for (const name of Object.keys(tensors)) {
    if (!specs.some((spec) => spec.name === name)) {
      return fail(tensorError('tensor-unexpected', `only ${specs.map((spec) => spec.name).join(', ')}`, name))
    }
  }
  for (const spec of specs) {
    const error = checkTensor(spec, tensors, maxBatch, dimensions)
    if (error !== undefined) return fail(error)
  }
  return ok(dimensions)
}

/** Units of a job: rows of the batch dimension; 1 for models without one. */
export const unitsOf = (dimensions: Dimensions): number => dimensions.get(BATCH_DIMENSION) ?? 1

function checkTensor(
  spec: TensorSpec,
  tensors: Tensors,
  maxBatch: number,
  dimensions: Map<string, number>,
): TensorError | undefined {
  const { name } = spec
  const shown = `${spec.dtype} [${spec.shape.join(', ')}]`
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined
  if (tensor === undefined) return tensorError('tensor-missing', shown, 'no such tensor', name)
  const got = `${tensor.dtype} [${tensor.shape.join(', ')}]`
  if (tensor.dtype !== spec.dtype) return tensorError('tensor-dtype-mismatch', shown, got, name)
  if (tensor.shape.length !== spec.shape.length) return tensorError('tensor-shape-mismatch', shown, got, name)
  for (const [axis, wanted] of spec.shape.entries()) {
    const size = tensor.shape[axis] ?? 0
    const expected = typeof wanted === 'number' ? wanted : dimensions.get(wanted)
    if (expected !== undefined && size !== expected) {
      const reason = typeof wanted === 'string' ? ` with ${wanted} = ${expected}` : ''
      return tensorError('tensor-shape-mismatch', shown + reason, got, name)
    }
    if (typeof wanted !== 'string') continue
    if (size < 1) return tensorError('tensor-shape-mismatch', `${shown} with ${wanted} of at least 1`, got, name)
    if (wanted === BATCH_DIMENSION && size > maxBatch) {
      return tensorError('tensor-batch-exceeded', `at most ${maxBatch} rows`, `${size}`, name)
    }
    dimensions.set(wanted, size)
  }
  return checkValues(spec, tensor.data)
}

function checkValues(spec: TensorSpec, data: ArrayLike<number | bigint>): TensorError | undefined {
  const refuse = spec.nan === 'refuse' && (spec.dtype === 'F32' || spec.dtype === 'F64')
  const min = spec.min ?? Number.NEGATIVE_INFINITY
  const max = spec.max ?? Number.POSITIVE_INFINITY
  if (!refuse && spec.min === undefined && spec.max === undefined) return undefined
  for (let at = 0; at < data.length; at += 1) {
    const element = data[at] ?? 0
    if (refuse && !Number.isFinite(element)) {
      return tensorError('tensor-not-finite', 'finite numbers', `${element} at element ${at}`, spec.name)
    }
    if (element < min || element > max) {
      return tensorError('tensor-out-of-range', `${min} to ${max}`, `${element} at element ${at}`, spec.name)
    }
  }
  return undefined
}
