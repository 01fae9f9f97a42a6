import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MODELS_DIRECTORY } from '../devnet/models/build.ts'
import { type LocalModel, onnxEngine, readInputFile } from '../src/inference/index.ts'
import {
  bytesToHex,
  ChunkChain,
  type Digest,
  decodeTensors,
  encodeTensors,
  H,
  inputHashOf,
  MANIFEST_PATH,
  manifestId,
  parseManifest,
  tagDigest,
} from '../src/protocol/index.ts'

export const VOLATILITY_PATH = fileURLToPath(new URL('../test/golden/volatility.golden.json', import.meta.url))

const SEED = 'opg-volatility/1'
const RANDOM_FLOATS = 240
/** Zeros, the least and greatest of each kind, ones, halves, what rounds to nothing in 18 decimals. */
const CHOSEN_FLOATS = [
  0x00000000, 0x80000000, 0x00000001, 0x007fffff, 0x00800000, 0x00800001, 0x7f7fffff, 0x3f800000, 0x3f800001,
  0x3f7fffff, 0x3f000000, 0x34000000, 0x4b000000, 0x4b7fffff, 0x4b800000, 0x21ed3d1d, 0x219392ef,
]
const DECIMALS = 10n ** 18n

const wordOf = (name: string, index = 0): Digest => H(SEED, tagDigest(name), index)

/** The float as the double that equals it, read from the double's own bits: another layout than the contract's. */
function fixed18(bits: number): bigint {
  const float = new DataView(new ArrayBuffer(4))
  float.setUint32(0, bits)
  const double = new DataView(new ArrayBuffer(8))
  double.setFloat64(0, float.getFloat32(0))
  const word = double.getBigUint64(0)
  const exponent = (word >> 52n) & 0x7ffn
  if (exponent === 0n) return 0n
  const numerator = ((word & ((1n << 52n) - 1n)) | (1n << 52n)) * DECIMALS
  const power = exponent - 1075n
  return power < 0n ? numerator / 2n ** -power : numerator * 2n ** power
}

function goldenFloats() {
  const random = Array.from({ length: RANDOM_FLOATS }, (_, at) => {
    const bits = Number(BigInt(wordOf('float', at)) & 0x7fff_ffffn)
    return (bits & 0x7f80_0000) === 0x7f80_0000 ? bits & 0x7f7f_ffff : bits
  })
  const bits = [...CHOSEN_FLOATS, ...random]
  return { bits: bits.map(String), fixed18: bits.map((each) => String(fixed18(each))) }
}

async function readVolatility(): Promise<LocalModel> {
  const directory = join(MODELS_DIRECTORY, 'volatility')
  const manifest = parseManifest(await readFile(join(directory, MANIFEST_PATH)))
  if (!manifest.ok) throw manifest.error
  return { id: manifestId(manifest.value), manifest: manifest.value, directory }
}

/** What the engine answers to the model's example: `rows` windows of it. */
async function answerOf(model: LocalModel, rows: number): Promise<{ input: Uint8Array; output: Uint8Array }> {
  const tensors = await readInputFile(join(model.directory, 'example.csv'), model.manifest, { windows: rows })
  if (!tensors.ok) throw tensors.error
  const input = encodeTensors(tensors.value)
  const engine = onnxEngine()({ clock: Date.now })
  await engine.start()
  try {
    await engine.load(model)
    const run = await engine.run({
      model: model.id,
      input,
      parameters: {},
      deadline: Date.now() + 60_000,
      trace: true,
    })
    if (!run.ok) throw run.error
    return { input, output: run.value.output }
  } finally {
    await engine.stop()
  }
}

/** The answer cut into `sizes`, chained as a provider chains it. */
function streamed(name: string, output: Uint8Array, sizes: readonly number[]) {
  const jobId = wordOf(name)
  const chain = new ChunkChain(jobId)
  let at = 0
  const chunks = sizes.map((size, index) => {
    const chunk = { index: index + 1, data: output.subarray(at, at + size), salt: wordOf(`${name} salt`, index) }
    at += size
    if (!chain.accept(chunk)) throw new RangeError(`chunk ${chunk.index} is not the next one`)
    return chunk
  })
  return {
    jobId,
    data: chunks.map(({ data }) => bytesToHex(data)),
    salts: chunks.map(({ salt }) => salt),
    outputHead: chain.head,
  }
}

/** Every vector of test/golden/volatility.golden.json: an answer of the committed model and conversions of floats. */
export async function buildVolatilityGolden() {
  const model = await readVolatility()
  const one = await answerOf(model, 1)
  const two = await answerOf(model, 2)
  const forecast = decodeTensors(one.output)
  if (!forecast.ok) throw forecast.error
  const value = forecast.value.volatility?.data[0]
  if (typeof value !== 'number') throw new TypeError('expected one forecast')
  const view = new DataView(one.output.buffer, one.output.byteOffset)
  const bits = view.getUint32(one.output.length - 4, true)
  return {
    model: model.id,
    inputHash: inputHashOf(wordOf('input salt'), one.input),
    output: bytesToHex(one.output),
    bits: String(bits),
    decimal: String(value),
    fixed18: String(fixed18(bits)),
    /** As a provider streams it: an answer of this length is one chunk. */
    streamed: streamed('job', one.output, [one.output.length]),
    /** The same bytes in three chunks. */
    split: streamed('split job', one.output, [8, one.output.length - 12, 4]),
    /** The canonical answer to a batch of two, which is another encoding. */
    twoRows: bytesToHex(two.output),
    floats: goldenFloats(),
  }
}

export const renderVolatilityGolden = async (): Promise<string> =>
  `${JSON.stringify(await buildVolatilityGolden(), null, 2)}\n`

if (import.meta.main) await writeFile(VOLATILITY_PATH, await renderVolatilityGolden())
