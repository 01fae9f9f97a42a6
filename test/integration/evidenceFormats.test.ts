import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Devnet, startDevnet } from '../../devnet/supervisor.ts'
import { type AllowedMeasurements, parseCollateral } from '../../src/attestation/index.ts'
import { codeMeasurement } from '../../src/node/codeMeasurement.ts'
import { SIMULATED_FORMATS, type SimulatedFormat } from '../../src/node/config.ts'
import { appraiseEvidence, readEvidence } from '../../src/node/evidenceAppraisal.ts'
import { readModelFolder } from '../../src/node/modelFolder.ts'
import { nodePorts, type OpgNode } from '../../src/node/node.ts'
import { listOffers } from '../../src/node/offerList.ts'
import { verifyReceipt } from '../../src/node/receiptVerification.ts'
import { receiptPath } from '../../src/node/requesterJournal.ts'
import {
  ASSURANCE,
  bytesToHex,
  encodeTensors,
  MODE,
  NOT_CHECKED,
  PRIVACY,
  parseReceiptFile,
  type ReceiptFile,
  type RequestFailure,
  type Result,
  TIER,
} from '../../src/protocol/index.ts'
import type { RequestAnswer } from '../../src/roles/index.ts'
import { opg, resultOf } from '../support/opg.ts'

const FORMATS = SIMULATED_FORMATS
const MODEL = new URL('../../devnet/models/classifier', import.meta.url).pathname
const TIMEOUT_MS = 90_000

/** What each format measures the running code in. */
const REGISTERS: Readonly<Record<SimulatedFormat, string>> = { nitro: 'pcr0', tdx: 'mrtd', 'sev-snp': 'measurement' }
const allowing = (program: Uint8Array): AllowedMeasurements[] =>
  FORMATS.map((kind) => ({ kind, values: { [REGISTERS[kind]]: bytesToHex(program) } }))

/** Requesters by what they accept: any program, the one that runs here, another one. */
const ANY = 0
const OURS = 1
const ANOTHER = 2

let directory: string
let devnet: Devnet
let requesters: readonly OpgNode[] = []
const answers = new Map<string, RequestAnswer>()

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-formats-'))
  const policies = [undefined, allowing(await codeMeasurement()), allowing(new Uint8Array(48).fill(7))]
  devnet = await startDevnet({
    directory,
    seed: 'formats',
    formats: FORMATS,
    providers: FORMATS.length,
    verifiers: 0,
    settlers: 0,
    requesters: policies.length,
    models: [MODEL],
    configure: (name) => {
      const measurements = name.startsWith('requester-') ? policies[Number(name.split('-')[1])] : undefined
      return measurements === undefined
        ? {}
        : { evidence: { assurances: ['simulated'], measurements, requireSnpFloor: false } }
    },
  })
  requesters = await Promise.all(policies.map((_, index) => devnet.requester(index)))
}, 300_000)

afterAll(async () => {
  await Promise.all(requesters.map((each) => each.stop()))
  await devnet?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
})

const providerOf = (format: SimulatedFormat) => devnet.node(`provider-${FORMATS.indexOf(format)}`).operator

/** A local job for the provider of that format alone. */
async function ask(requester: number, format: SimulatedFormat): Promise<Result<RequestAnswer, RequestFailure>> {
  const { id } = await readModelFolder(MODEL)
  const image = { dtype: 'F32', shape: [1, 8, 8], data: new Float32Array(64).fill(0.5) } as const
  const node = requesters[requester]?.requester
  if (node === undefined) throw new Error('expected a requester')
  return await node.request({
    model: id,
    input: encodeTensors({ image }),
    parameters: {},
    only: [providerOf(format)],
    tier: TIER['tee+replay'],
    privacy: PRIVACY.open,
    mode: MODE.local,
    maxOutputUnits: 1,
    timeoutMs: TIMEOUT_MS,
  })
}

async function answered(requester: number, format: SimulatedFormat): Promise<RequestAnswer> {
  const name = `${requester} ${format}`
  const known = answers.get(name)
  if (known !== undefined) return known
  const result = await ask(requester, format)
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  answers.set(name, result.value)
  return result.value
}

async function receiptOf(requester: number, format: SimulatedFormat): Promise<{ path: string; file: ReceiptFile }> {
  const { jobId } = await answered(requester, format)
  const path = receiptPath(devnet.requesterHome(requester).receipts, jobId)
  const file = parseReceiptFile(await readFile(path))
  if (!file.ok) throw file.error
  return { path, file: file.value }
}

const admits = ({ notChecked }: RequestAnswer, what: keyof typeof NOT_CHECKED): boolean =>
  (notChecked & NOT_CHECKED[what]) !== 0

const verify = (file: ReceiptFile): ReturnType<typeof verifyReceipt> =>
  verifyReceipt(nodePorts(), file, { network: devnet.network })

describe('a devnet with providers of every simulated format', { timeout: 300_000 }, () => {
  test.each(FORMATS)('answers with evidence of format %s, worth simulated (R5, R6)', async (format) => {
    const { assurance, grant } = await answered(ANY, format)
    expect(grant.evidence?.kind).toBe(format)
    expect(assurance).toBe(ASSURANCE.simulated)
  })

  test('names each authority as the root of its vendor, and its providers’ assurance in offers', async () => {
    expect(devnet.network.trustRoots.map(({ vendor, name }) => [vendor, /simulated/i.test(name)])).toEqual([
      ['aws', true],
      ['intel', true],
      ['amd', true],
    ])
    const client = requesters[ANY]
    if (client === undefined) throw new Error('expected a requester')
    await expect.poll(() => client.parts.offers.live().length, { timeout: TIMEOUT_MS }).toBe(FORMATS.length)
    const found = await listOffers(client.parts, devnet.requesterHome())
    expect(found.map(({ assurance }) => assurance)).toEqual(FORMATS.map(() => 'simulated'))

    const home = devnet.requesterHome().directory
    const { offers } = resultOf('offers', await opg(['offers', '--wait', '30', '--home', home, '--json']))
    expect(new Set(offers.map(({ assurance }) => assurance))).toEqual(new Set(['simulated']))
  })

  test.each(FORMATS)('%s: an allow-list takes the program that runs and refuses another (R14)', async (format) => {
    const taken = await answered(OURS, format)
    expect(admits(taken, 'measurements')).toBe(false)
    expect(admits(await answered(ANY, format), 'measurements')).toBe(true)
    const refused = await ask(ANOTHER, format)
    expect(refused).toMatchObject({ ok: false, error: { code: 'evidence-refused', cause: 'measurement-refused' } })
  })

  test.each([
    ['nitro', true],
    ['tdx', false],
    ['sev-snp', true],
  ] as const)('%s: what the vendor publishes was not all at hand: %s (R6)', async (format, missing) => {
    expect(admits(await answered(OURS, format), 'evidence-collateral')).toBe(missing)
  })

  test.each(FORMATS)('%s: the receipt file verifies offline, with what travelled with the grant', async (format) => {
    const { path, file } = await receiptOf(ANY, format)
    expect(file.evidence.kind).toBe(format)
    const verdict = await verify(file)
    if (!verdict.ok) throw verdict.error
    const { assurance, evidenceNotChecked } = verdict.value
    expect(assurance).toBe(ASSURANCE.simulated)
    expect(evidenceNotChecked).toContain('hardware')
    expect(evidenceNotChecked.includes('certificate-revocation')).toBe(format !== 'tdx')
    expect(evidenceNotChecked.includes('tcb')).toBe(format === 'sev-snp')

    const source = readEvidence(await readFile(path), [])
    if (!source.ok) throw source.error
    const judged = await appraiseEvidence(source.value, { network: devnet.network, now: 0 })
    if (!judged.ok) throw judged.error
    expect(judged.value.verdict).toMatchObject({
      assurance: 'simulated',
      keyBinding: { reportData: 'matched' },
      measurements: { [REGISTERS[format]]: bytesToHex(await codeMeasurement()) },
      tcbStatus: format === 'tdx' ? 'UpToDate' : undefined,
    })
  })

  test('tdx: opg receipt verify needs no vendor and no chain', async () => {
    const { path } = await receiptOf(ANY, 'tdx')
    const ran = await opg(['receipt', 'verify', path, '--network', join(directory, 'network.json'), '--json'])
    const { assurance, notChecked } = resultOf('receipt verify', ran)
    expect(assurance).toBe('simulated')
    expect(notChecked.filter((name) => name.startsWith('evidence: ')).sort()).toEqual([
      'evidence: freshness',
      'evidence: hardware',
      'evidence: measurements',
    ])
  })

  test('tdx: the receipt of a grant whose collateral was taken away is refused', async () => {
    const { file } = await receiptOf(ANY, 'tdx')
    const items = parseCollateral(file.evidence.collateral)
    expect(items.ok && [...items.value.keys()]).toEqual(
      expect.arrayContaining(['intel/root-crl', 'intel/pck-crl', 'intel/tcb-info', 'intel/qe-identity']),
    )
    const refused = await verify({ ...file, evidence: { ...file.evidence, collateral: new Uint8Array(0) } })
    expect(refused).toMatchObject({ ok: false, error: { code: 'evidence-refused' } })
    expect(!refused.ok && refused.error.message).toContain('collateral-missing')
  })
})
