import { describe, expect, it } from 'vitest'
import {
  canonicalBytes,
  checkTensors,
  GRAPH_PATH,
  type Json,
  type Manifest,
  manifestBytes,
  manifestFromJson,
  manifestId,
  manifestToJson,
  modelCid,
  parseManifest,
  parseModelId,
  type Tensor,
  type TensorSpec,
  unitsOf,
} from '../../../src/protocol/index.ts'

const DIGEST = `0x${'ab'.repeat(32)}` as const

const manifest: Manifest = {
  version: 1,
  name: 'opg/example',
  kind: 'tensor',
  description: 'An example.',
  licence: 'Apache-2.0',
  opset: 17,
  ir: 8,
  files: [{ path: GRAPH_PATH, sha256: DIGEST, bytes: 10 }],
  inputs: [{ name: 'x', dtype: 'F32', shape: ['batch', 'time', 2], nan: 'refuse', min: 0 }],
  outputs: [{ name: 'y', dtype: 'F32', shape: ['batch', 'time'], nan: 'allow' }],
  macIn: 0n,
  macOut: 12n,
  memoryMB: 16,
  referenceRate: 1000,
  maxBatch: 8,
  trace: ['hidden'],
  tolerance: { atol: 1e-5, rtol: 1e-4 },
  payee: '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed',
}

function codeOf(change: { readonly [member: string]: Json | undefined }): string {
  const json: Record<string, Json | undefined> = { ...manifestToJson(manifest), ...change }
  for (const [name, value] of Object.entries(json)) if (value === undefined) delete json[name]
  const result = manifestFromJson(json)
  return result.ok ? 'ok' : result.error.code
}

const file = (path: string): Json => ({ path, sha256: DIGEST, bytes: 1 })
const graph = file(GRAPH_PATH)
const input = (change: { readonly [member: string]: Json }): Json => [
  { name: 'x', dtype: 'F32', shape: ['batch', 2], nan: 'refuse', ...change },
]

describe('a manifest', () => {
  it('R3 is RFC 8785 JSON and its id is the sha-256 of these bytes', () => {
    const text = new TextDecoder().decode(manifestBytes(manifest))
    expect(text).toBe(
      `{"description":"An example.","files":[{"bytes":10,"path":"onnx/model.onnx","sha256":"${DIGEST}"}],` +
        '"inputs":[{"dtype":"F32","min":0,"name":"x","nan":"refuse","shape":["batch","time",2]}],"ir":8,"kind":"tensor",' +
        '"licence":"Apache-2.0","macIn":"0","macOut":"12","maxBatch":8,"memoryMB":16,"name":"opg/example","opset":17,' +
        '"outputs":[{"dtype":"F32","name":"y","nan":"allow","shape":["batch","time"]}],' +
        '"payee":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed","referenceRate":1000,' +
        '"tolerance":{"atol":0.00001,"rtol":0.0001},"trace":["hidden"],"version":1}',
    )
    expect(manifestId(manifest)).toBe('0x2d7b7d7567a5f3262bf2f183bc7c9eaaaf5d11fb4c3036167aad71a0b485d9f1')
    expect(parseManifest(manifestBytes(manifest))).toEqual({ ok: true, value: manifest })
  })

  it('R3 has its id also as a CIDv1 of raw bytes', () => {
    const id = manifestId(manifest)
    expect(modelCid(id)).toBe('bafkreibnpn6xkz5f6mtcx4xrqo6hzhvkv5ord62mga3bm6vnogqljboz6e')
    expect(parseModelId(modelCid(id))).toBe(id)
    expect(parseModelId(id)).toBe(id)
    expect(parseModelId('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi')).toBeUndefined()
    expect(parseModelId('QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG')).toBeUndefined()
    expect(parseModelId('nonsense')).toBeUndefined()
  })

  it('R3 is refused in any other bytes', () => {
    const parse = (text: string): string => {
      const result = parseManifest(new TextEncoder().encode(text))
      return result.ok ? 'ok' : result.error.code
    }
    const text = new TextDecoder().decode(manifestBytes(manifest))
    expect(parse(text)).toBe('ok')
    expect(parse(`${text}\n`)).toBe('manifest-not-canonical')
    expect(parse(text.replace('"ir":8', '"ir": 8'))).toBe('manifest-not-canonical')
    expect(parse(text.replace('"ir":8', '"ir":7,"ir":8'))).toBe('manifest-not-canonical')
    expect(parse(text.replace('0.00001', '1e-5'))).toBe('manifest-not-canonical')
    expect(parse(text.replace('"min":0', '"min":-0'))).toBe('manifest-not-canonical')
    expect(parse('{')).toBe('manifest-not-json')
    expect(parse(`"${'x'.repeat(1024 * 1024)}"`)).toBe('manifest-too-large')
  })
})

describe('a manifest is refused', () => {
  it.each<[string, { readonly [member: string]: Json | undefined }, string]>([
    ['an unknown version', { version: 2 }, 'manifest-version-unknown'],
    ['an unknown member', { extra: 1 }, 'manifest-member-unknown'],
    ['a missing member', { payee: undefined }, 'manifest-member-missing'],
    ['an unknown member of an input', { inputs: input({ extra: 1 }) }, 'manifest-member-unknown'],
    ['an unknown kind', { kind: 'picture' }, 'manifest-member-invalid'],
    ['a name with capitals', { name: 'Example' }, 'manifest-member-invalid'],
    ['a control character', { description: 'a\u0007' }, 'manifest-member-invalid'],
    ['a lone surrogate', { description: '\ud800' }, 'manifest-member-invalid'],
    ['a long description', { description: 'x'.repeat(2049) }, 'manifest-limit-exceeded'],
    ['a number for macOut', { macOut: 12 }, 'manifest-member-invalid'],
    ['a leading zero', { macOut: '012' }, 'manifest-member-invalid'],
    ['a negative macIn', { macIn: '-1' }, 'manifest-member-invalid'],
    ['macOut beyond uint128', { macOut: (2n ** 128n).toString() }, 'manifest-limit-exceeded'],
    ['a rate of 0', { referenceRate: 0 }, 'manifest-limit-exceeded'],
    ['half a megabyte', { memoryMB: 0.5 }, 'manifest-member-invalid'],
    ['a batch of 0', { maxBatch: 0 }, 'manifest-limit-exceeded'],
    ['no inputs', { inputs: [] }, 'manifest-member-invalid'],
    ['an unknown type', { inputs: input({ dtype: 'F16' }) }, 'manifest-member-invalid'],
    ['an unknown NaN policy', { inputs: input({ nan: 'maybe' }) }, 'manifest-member-invalid'],
    ['the batch as a later axis', { inputs: input({ shape: [2, 'batch'] }) }, 'manifest-member-invalid'],
    ['a dimension of 0', { inputs: input({ shape: [0] }) }, 'manifest-limit-exceeded'],
    ['a badly named dimension', { inputs: input({ shape: ['Batch!'] }) }, 'manifest-member-invalid'],
    ['min above max', { inputs: input({ min: 2, max: 1 }) }, 'manifest-member-invalid'],
    ['an output as trace', { trace: ['y'] }, 'manifest-member-invalid'],
    ['a trace named twice', { trace: ['a', 'a'] }, 'manifest-member-invalid'],
    ['a negative tolerance', { tolerance: { atol: -1, rtol: 0 } }, 'manifest-member-invalid'],
    ['a payee without checksum', { payee: manifest.payee }, 'manifest-member-invalid'],
    ['no graph', { files: [file('a')] }, 'manifest-member-invalid'],
    [
      'an upper-case digest',
      { files: [{ path: GRAPH_PATH, sha256: DIGEST.toUpperCase(), bytes: 1 }] },
      'manifest-member-invalid',
    ],
    ['a negative length', { files: [{ path: GRAPH_PATH, sha256: DIGEST, bytes: -1 }] }, 'manifest-limit-exceeded'],
  ])('for %s', (_, change, code) => {
    expect(codeOf({})).toBe('ok')
    expect(codeOf(change)).toBe(code)
  })

  it.each([
    '../a',
    'a/../b',
    './a',
    '/etc/passwd',
    'a//b',
    'a/',
    '',
    '.hidden',
    'a\\b',
    'C:a',
    'a\u0000b',
    'a/.',
    'a.',
    'é',
    '~root',
    '-rf',
    'manifest.json',
    'Manifest.JSON',
    'x'.repeat(256),
  ])('for the path %j', (path) => {
    const files = [file(path), graph].sort((a, b) =>
      (a as { path: string }).path < (b as { path: string }).path ? -1 : 1,
    )
    expect(codeOf({ files })).toBe('manifest-path-invalid')
  })

  it('for files out of order, twice, alike but for case, or also a folder', () => {
    expect(codeOf({ files: [file('a'), graph] })).toBe('ok')
    expect(codeOf({ files: [graph, file('a')] })).toBe('manifest-path-invalid')
    expect(codeOf({ files: [graph, graph] })).toBe('manifest-path-invalid')
    expect(codeOf({ files: [file('A'), file('a'), graph] })).toBe('manifest-path-invalid')
    expect(codeOf({ files: [file('onnx'), graph] })).toBe('manifest-path-invalid')
  })

  it('language models are reserved and need no graph', () => {
    expect(codeOf({ kind: 'language', files: [file('config.txt')] })).toBe('ok')
  })
})

describe('tensors against specs', () => {
  const tensor = (shape: readonly number[], fill = 1): Tensor => ({
    dtype: 'F32',
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
  })
  const code = (
    specs: readonly TensorSpec[],
    tensors: Record<string, Tensor>,
    known?: ReadonlyMap<string, number>,
  ): string => {
    const result = checkTensors(specs, tensors, manifest.maxBatch, known)
    return result.ok ? 'ok' : result.error.code
  }

  it('bind named dimensions, and outputs to those of inputs', () => {
    const inputs = checkTensors(manifest.inputs, { x: tensor([3, 5, 2]) }, manifest.maxBatch)
    if (!inputs.ok) throw inputs.error
    expect([...inputs.value]).toEqual([
      ['batch', 3],
      ['time', 5],
    ])
    expect(unitsOf(inputs.value)).toBe(3)
    expect(code(manifest.outputs, { y: tensor([3, 5]) }, inputs.value)).toBe('ok')
    expect(code(manifest.outputs, { y: tensor([3, 4]) }, inputs.value)).toBe('tensor-shape-mismatch')
    expect(code(manifest.outputs, { y: tensor([2, 5]) }, inputs.value)).toBe('tensor-shape-mismatch')
    expect(unitsOf(new Map())).toBe(1)
  })

  it('have the NaN policy and bounds of the spec, and the batch of the manifest', () => {
    expect(code(manifest.inputs, { x: tensor([1, 1, 2], Number.NaN) })).toBe('tensor-not-finite')
    expect(code(manifest.outputs, { y: tensor([1, 1], Number.NaN) })).toBe('ok')
    expect(code(manifest.inputs, { x: tensor([1, 1, 2], -1) })).toBe('tensor-out-of-range')
    expect(code(manifest.inputs, { x: tensor([9, 1, 2]) })).toBe('tensor-batch-exceeded')
    expect(code(manifest.inputs, { x: tensor([1, 0, 2]) })).toBe('tensor-shape-mismatch')
    expect(code(manifest.inputs, { x: tensor([1, 1, 2]), z: tensor([1]) })).toBe('tensor-unexpected')
    expect(code([{ ...manifest.inputs[0]!, name: 'toString' }], {})).toBe('tensor-missing')
  })

  it('canonical bytes of a manifest are those of its JSON', () => {
    expect(canonicalBytes(manifestToJson(manifest))).toEqual(manifestBytes(manifest))
  })
})
