import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { devnetPolicy, encodeCollateral, verifyEar } from '../../../src/attestation/index.ts'
import { errorSchema, resultSchemas, runProgram } from '../../../src/cli/index.ts'
import { statementOf } from '../../../src/cli/render/attest.ts'
import { bytesToHex, type Evidence, formatReceiptFile, sha256, utf8 } from '../../../src/protocol/index.ts'
import { networkFileOf } from '../../support/networkFile.ts'
import { createMint, crypto, HOUR, type Mint, NOW, REPORT_DATA } from '../../support/nitroMint.ts'
import { makeReceiptFixture } from '../../support/receiptFixture.ts'

interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  readonly json: unknown
}

let directory: string
let mint: Mint
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-attest-'))
  mint = await createMint()
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function run(...args: readonly string[]): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const terminal = {
    environment: { HOME: directory },
    workingDirectory: directory,
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
  }
  const exit = await runProgram(['node', 'opg', 'attest', ...args], {}, terminal, new AbortController().signal)
  const stdout = out.join('')
  return { exit, stdout, stderr: err.join(''), json: stdout.startsWith('{') ? JSON.parse(stdout) : {} }
}

const endOf = ({ exit, json }: Ran): readonly [number, string] => [exit, errorSchema.parse(json).error.code]

async function file(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  return path
}

const networkOf = async (name: string, trustRoots: readonly (typeof mint.root)[]): Promise<string> => {
  const { file: receipt } = await makeReceiptFixture('accepted')
  return await file(name, networkFileOf(receipt.network, trustRoots))
}

const AT = ['--as-of', new Date(NOW).toISOString()]
const BOUND = ['--report-data', bytesToHex(REPORT_DATA)]

let document: string
let network: string
beforeEach(async () => {
  document = await file('document.b64', Buffer.from(await mint.mint()).toString('base64'))
  network = await networkOf('network.json', [mint.root])
})

describe('opg attest show', () => {
  test('prints every field and the chain, as claims that nobody verified', async () => {
    const plain = await run('show', document)
    expect(plain.exit).toBe(0)
    expect(plain.stdout).toMatch(/^claims, nothing verified/)
    expect(plain.stdout).toMatch(/module_id +i-test-enc1/)
    expect(plain.stdout).toMatch(/valid 2026-06-01T11:00:00.000Z to 2026-06-01T14:00:00.000Z/)
    expect(plain.stdout).not.toMatch(/accepted/)
    const ran = await run('show', document, '--json')
    const shown = resultSchemas['attest show'].parse(ran.json)
    expect(shown).toMatchObject({ verified: false, kind: 'nitro', fields: { user_data: bytesToHex(REPORT_DATA) } })
    expect(shown.certificates.map(({ isCa }) => isCa)).toEqual([true, true, true, true, false])
    expect(shown.certificates[0]?.sha256).toBe(mint.root.sha256)
  })

  test('keeps the words of a document on their line, and from the terminal', async () => {
    const words = 'i-1\u001b[2K\r\nverdict  accepted\u202e'
    const bytes = await mint.mint({ fields: (payload) => payload.set('module_id', words) })
    const { stdout } = await run('show', await file('words.bin', bytes))
    expect(stdout).toContain('i-1\ufffd[2K\ufffd\ufffdverdict  accepted\ufffd')
    expect(stdout).not.toMatch(/^verdict/m)
  })

  test('shows what goes with a document, and believes an altered one no less', async () => {
    const root = await file('root.der', await mint.rootDer())
    const bytes = await mint.mint({ fields: (payload) => payload.set('module_id', 'i-forged') })
    bytes[bytes.length - 1] = 255 - (bytes.at(-1) ?? 0)
    const forged = await file('forged.bin', bytes)
    const bundle = await file('bundle', encodeCollateral(new Map([['jwks', utf8('{"keys":[]}')]])))
    const { stdout, exit } = await run('show', forged, '--with', root, bundle)
    expect([exit, stdout]).toEqual([0, expect.stringContaining('i-forged')])
    expect(stdout).toContain('with it  jwks, 11 bytes')
  })
})

describe('opg attest verify', () => {
  test('R6: says on whose root it rests, what was checked and what was not', async () => {
    const ran = await run('verify', document, '--network', network, ...AT, ...BOUND, '--json')
    const verdict = resultSchemas['attest verify'].parse(ran.json)
    expect([ran.exit, ran.stderr]).toEqual([0, ''])
    expect(verdict).toMatchObject({
      assurance: 'simulated',
      root: mint.root,
      keyBinding: { reportData: 'matched' },
      freshness: { basis: 'signed-time', at: NOW, ageMs: 0 },
      at: NOW,
      expiresAt: NOW + 2 * HOUR,
      collateral: null,
    })
    expect(verdict.statement).toBe(
      `accepted as SIMULATED, which is no TEE; NOT checked: ${verdict.notChecked.join(', ')}`,
    )
    expect(verdict.notChecked).toEqual(expect.arrayContaining(['certificate-revocation', 'measurements', 'hardware']))
    const plain = await run('verify', document, '--network', network, ...AT)
    expect(plain.stdout).toMatch(/^verdict +accepted as SIMULATED, which is no TEE; NOT checked: /)
    expect(plain.stdout).toMatch(/report data +not-checked/)
  })

  test('ends with 3 and the code of the rule for what it refuses', async () => {
    const other = await networkOf('other.json', [])
    expect(endOf(await run('verify', document, ...AT, '--json'))).toEqual([3, 'untrusted-root'])
    expect(endOf(await run('verify', document, '--network', other, ...AT, '--json'))).toEqual([3, 'untrusted-root'])
    const line = ['verify', document, '--network', network, '--json']
    expect(endOf(await run(...line))).toEqual([3, 'evidence-too-old'])
    expect(endOf(await run(...line, '--as-of', String(NOW - HOUR)))).toEqual([3, 'evidence-from-the-future'])
    const stranger = `0x${'00'.repeat(32)}`
    expect(endOf(await run(...line, ...AT, '--report-data', stranger))).toEqual([3, 'report-data-mismatch'])
    expect(endOf(await run(...line, ...AT, '--kind', 'sev-snp'))).toEqual([3, 'evidence-too-large'])
    const leaf = await file('leaf.bin', await mint.mint({ signer: 3 }))
    expect(endOf(await run('verify', leaf, '--network', network, ...AT, '--json'))).toEqual([3, 'bad-signature'])
    const words = await run('verify', document, ...AT)
    expect([words.exit, words.stdout]).toEqual([3, ''])
    expect(words.stderr).toMatch(/^opg: untrusted-root: [\s\S]*--network/)
  })

  test('takes a policy file as it is written', async () => {
    const line = ['verify', document, '--network', network, ...AT, '--json']
    const judged = async (policy: object, ...more: readonly string[]): Promise<Ran> =>
      await run(...line, '--policy', await file('policy.json', JSON.stringify(policy)), ...more)
    expect(endOf(await judged({ assurances: ['hardware-aws'] }))).toEqual([3, 'assurance-refused'])
    expect(endOf(await judged({ assurances: ['simulated'] }))).toEqual([3, 'measurement-refused'])
    const any = { assurances: ['simulated'], measurements: 'any' }
    expect(endOf(await judged(any))).toEqual([3, 'report-data-unbound'])
    expect((await judged(any, ...BOUND)).exit).toBe(0)
    const values = { pcr0: `0x${'07'.repeat(48)}` }
    const exact = await judged({ assurances: ['simulated'], measurements: [{ kind: 'nitro', values }] }, ...BOUND)
    expect(resultSchemas['attest verify'].parse(exact.json).checked).toContain('measurements')
    expect(endOf(await judged({ assurance: [] }))).toEqual([2, 'bad-policy'])
    expect(endOf(await judged({ ...any, source: 'chain' }))).toEqual([2, 'bad-policy'])
  })

  test('R14: one document does not meet a policy that asks for several vendors', async () => {
    const policy = { assurances: ['simulated'], measurements: 'any', minimumVendors: 2 }
    const path = await file('vendors.json', JSON.stringify(policy))
    const ran = await run('verify', document, '--network', network, ...AT, ...BOUND, '--policy', path, '--json')
    expect(endOf(ran)).toEqual([3, 'too-few-vendors'])
  })

  test('names the file at fault, and in a policy the place', async () => {
    const rubbish = await file('rubbish', 'rubbish')
    const policy = await file('wrong.json', '{"assurances": ["gold"], "source": "local"}')
    for (const [args, words] of [
      [[document, '--with', document, rubbish], `evidence-unrecognised: ${rubbish}: `],
      [[rubbish], `evidence-unrecognised: ${rubbish}: `],
      [[join(directory, 'absent')], 'absent cannot be read: there is none'],
      [[directory], `${directory} cannot be read: it is no file`],
      [[document, '--policy', policy], `bad-policy: ${policy}: bad-policy: expected one of `],
      [[document, '--policy', policy], ' at assurances.0, got '],
      [[], "missing required argument 'file'"],
    ] as const) {
      const ran = await run('verify', ...args)
      expect([ran.exit, ran.stdout]).toEqual([2, ''])
      expect(ran.stderr).toContain(words)
    }
  })

  test('is refused as a usage without a command', async () => {
    expect((await run()).stderr).toMatch(/\nopg: usage: expected a command\n/)
  })

  test('ends with 2 for what is no evidence, no policy, no time', async () => {
    const rubbish = await file('rubbish', 'rubbish')
    for (const [args, code] of [
      [[join(directory, 'absent')], 'file-unreadable'],
      [[rubbish], 'evidence-unrecognised'],
      [[document, '--with', rubbish], 'evidence-unrecognised'],
      [[document, '--policy', rubbish], 'json-invalid'],
      [[document, '--network', rubbish], 'network-file-malformed'],
      [[document, '--as-of', 'yesterday'], 'usage'],
      [[document, '--report-data', '0x12'], 'usage'],
      [[document, '--kind', 'sgx-2'], 'usage'],
      [[], 'usage'],
    ] as const) {
      expect(endOf(await run('verify', ...args, '--json'))).toEqual([2, code])
    }
  })

  test('R5: takes the evidence of a receipt, at its time and for its report data', async () => {
    const { file: receipt, authority } = await makeReceiptFixture('accepted')
    const path = await file('receipt.json', formatReceiptFile(receipt))
    const roots = await networkOf('receipt-network.json', [authority.trustRoot])
    const ran = await run('verify', path, '--network', roots, '--json')
    expect(resultSchemas['attest verify'].parse(ran.json)).toMatchObject({
      kind: receipt.evidence.kind,
      keyBinding: { reportData: 'matched' },
      at: receipt.grant.grant.notBefore,
    })
    const changed = formatReceiptFile({ ...receipt, evidence: { ...receipt.evidence, blockNumber: 1 } })
    const foreign = await file('foreign.json', changed)
    expect(endOf(await run('verify', foreign, '--network', roots, '--json'))).toEqual([3, 'report-data-mismatch'])
    const bare: Evidence = { ...receipt.evidence, kind: 'nvidia-gpu', document: utf8('[]') }
    const unbound = await file('unbound.json', formatReceiptFile({ ...receipt, evidence: bare }))
    expect(endOf(await run('verify', unbound, '--network', roots, '--json'))).toEqual([3, 'gpu-unbound'])
    const gpu = { document: utf8('[]'), collateral: new Uint8Array(0) }
    const beside = formatReceiptFile({ ...receipt, evidence: { ...receipt.evidence, gpu } })
    const withGpu = await file('with-gpu.json', beside)
    expect(endOf(await run('verify', withGpu, '--network', roots, '--json'))).toEqual([3, 'gpu-unbound'])
    const broken = await file('broken.json', ` ${new TextDecoder().decode(formatReceiptFile(receipt))}`)
    expect(endOf(await run('verify', broken, '--json'))).toEqual([3, 'receipt-file-not-canonical'])
  })

  test('never sounds better than what was checked', () => {
    expect(statementOf({ assurance: 'hardware-nvidia', notChecked: ['rim', 'ocsp'] })).toBe(
      'accepted; NOT checked: rim, ocsp',
    )
    expect(statementOf({ assurance: 'verifier-azure', notChecked: ['underlying-evidence'] })).toMatch(
      /^accepted on the word of Microsoft.*; NOT checked: underlying-evidence$/,
    )
    expect(statementOf({ assurance: 'hardware-intel', notChecked: [] })).toBe('accepted')
  })
})

describe('opg attest export', () => {
  test('writes the bundle under its content address, which verify takes again', async () => {
    const keys = await file('jwks.json', '{"keys":[]}')
    const out = join(directory, 'out.collateral')
    const ran = await run('export', document, '--with', keys, '--format', 'bundle', '--out', out, '--json')
    const exported = resultSchemas['attest export'].parse(ran.json)
    const bytes = new Uint8Array(await readFile(out))
    if (exported.format !== 'bundle') throw new Error('expected a bundle')
    expect(exported).toMatchObject({ digest: sha256(bytes), items: ['jwks'], file: out })
    const again = await run('verify', document, '--with', out, '--network', network, ...AT, '--json')
    expect(resultSchemas['attest verify'].parse(again.json).collateral).toBe(exported.digest)
  })

  test('signs a verdict, and only one: a refusal has no result', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const key = await file('key.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }))
    const line = ['export', document, '--format', 'ear', ...AT, '--json']
    const ran = await run(...line, '--network', network, '--key', key)
    const exported = resultSchemas['attest export'].parse(ran.json)
    if (exported.format !== 'ear') throw new Error('expected a result')
    const result = await verifyEar(utf8(exported.token), {
      now: NOW,
      publicKey: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
      policy: devnetPolicy(),
      crypto,
    })
    if (!result.ok) throw result.error
    expect(result.value.submods.evidence).toMatchObject({ 'ear.status': 'contraindicated', 'opg.kind': 'nitro' })
    expect(exported.statement).toMatch(/^accepted as SIMULATED/)
    expect(endOf(await run(...line, '--key', key))).toEqual([3, 'untrusted-root'])
    expect(endOf(await run(...line, '--network', network))).toEqual([2, 'usage'])
    expect(endOf(await run(...line, '--network', network, '--key', network))).toEqual([2, 'key-malformed'])
  })

  test('has nothing to write where nothing goes with the document', async () => {
    expect(endOf(await run('export', document, '--format', 'bundle', '--json'))).toEqual([2, 'bundle-empty'])
  })
})
