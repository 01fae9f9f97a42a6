import { beforeAll, describe, expect, test } from 'vitest'
import { base64ToBytes, bytesToBase64 } from '../../../src/protocol/base64.ts'
import {
  formatReceiptFile,
  parseReceiptFile,
  type ReceiptFile,
  utf8,
  verifyReceiptFile,
} from '../../../src/protocol/index.ts'
import { evidencePort, makeReceiptFixture, type ReceiptFixture } from '../../support/receiptFixture.ts'

let fixture: ReceiptFixture
let text: string

beforeAll(async () => {
  fixture = await makeReceiptFixture()
  text = new TextDecoder().decode(formatReceiptFile(fixture.file))
})

const parseCode = (changed: string): string => {
  const parsed = parseReceiptFile(utf8(changed))
  return parsed.ok ? 'ok' : parsed.error.code
}

const verifyCode = async (file: ReceiptFile, context = fixture.context): Promise<string> => {
  const verdict = await verifyReceiptFile(file, context)
  return verdict.ok ? 'ok' : verdict.error.code
}

describe('base64', () => {
  test('agrees with the platform on every length', () => {
    for (let length = 0; length < 20; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + length * 7) % 256)
      expect(bytesToBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      expect(base64ToBytes(bytesToBase64(bytes))).toEqual(bytes)
    }
  })

  test('has one spelling of each string of bytes', () => {
    for (const other of ['YQ', 'YR==', 'YQ=', 'Y Q=', '=YQ=', 'YWI_', '====', 'YWJ=', 'YQ==YQ==']) {
      expect([other, base64ToBytes(other)]).toEqual([other, undefined])
    }
  })
})

describe('a receipt file is read', () => {
  test('as it was written, to the byte', () => {
    const parsed = parseReceiptFile(utf8(text))
    expect(parsed).toEqual({ ok: true, value: fixture.file })
  })

  test('with the collateral its evidence was checked with, and a GPU’s evidence, where there are any (R5)', async () => {
    const gpu = { document: utf8('gpu'), collateral: utf8('answers') }
    const evidence = { ...fixture.file.evidence, collateral: utf8('lists'), gpu }
    const file = { ...fixture.file, evidence }
    expect(parseReceiptFile(formatReceiptFile(file))).toEqual({ ok: true, value: file })
    const bare = { ...file, evidence: { ...evidence, gpu: { ...gpu, collateral: new Uint8Array(0) } } }
    expect(parseReceiptFile(formatReceiptFile(bare))).toEqual({ ok: true, value: bare })
    expect(text).not.toContain('"collateral"')
    expect(parseCode(text.replace('"evidence":{', '"evidence":{"collateral":"",'))).toBe('receipt-file-member-invalid')
    expect(await verifyCode(file)).toBe('evidence-refused')
  })

  test('in its canonical bytes only', () => {
    expect(parseCode(`${text}\n`)).toBe('receipt-file-not-canonical')
    expect(parseCode(text.replace('{"batchProof"', '{ "batchProof"'))).toBe('receipt-file-not-canonical')
    expect(parseCode(text.replace('"version":1', '"version":1,"version":1'))).toBe('receipt-file-not-canonical')
    expect(parseCode(text.slice(1))).toBe('receipt-file-not-json')
  })

  test('without unknown members, missing ones or other versions', () => {
    expect(parseCode(text.replace('"version":1', '"version":1,"virtue":1'))).toBe('receipt-file-member-unknown')
    expect(parseCode(text.replace(',"version":1', ''))).toBe('receipt-file-member-missing')
    expect(parseCode(text.replace('"version":1', '"version":2'))).toBe('receipt-file-member-invalid')
  })

  test('with EIP-55 addresses and decimal strings only', () => {
    const mixed = /"requester":"(0x[0-9a-fA-F]{40})"/.exec(text)?.[1] ?? ''
    expect(parseCode(text.replaceAll(mixed, mixed.toLowerCase()))).toBe('receipt-file-member-invalid')
    expect(parseCode(text.replace(/"maxFee":"([0-9]+)"/, '"maxFee":$1'))).toBe('receipt-file-member-invalid')
    expect(parseCode(text.replace(/"maxFee":"([0-9]+)"/, '"maxFee":"0$1"'))).toBe('receipt-file-member-invalid')
  })
})

describe('a receipt file proves', () => {
  test('a rejection as well as an acceptance', async () => {
    const rejected = await makeReceiptFixture('rejected')
    const verdict = await verifyReceiptFile(rejected.file, rejected.context)
    expect(verdict).toMatchObject({ ok: true, value: { committee: { decision: 'rejected', reason: 1, votes: 7 } } })
  })

  test('less without its optional parts, and says so', async () => {
    const { transcript: _, batchProof: __, ...bare } = fixture.file
    const verdict = await verifyReceiptFile(bare, fixture.context)
    expect(verdict.ok && verdict.value.notChecked).toEqual([
      'output',
      'input',
      'evidence-block',
      'verification',
      'anchor',
    ])
  })

  test('nothing under another trust root (R6)', async () => {
    const stranger = await makeReceiptFixture()
    const context = { ...fixture.context, verifyEvidence: evidencePort(stranger.authority) }
    expect(await verifyCode(fixture.file, context)).toBe('evidence-refused')
  })

  test('nothing when the chain drew another committee (R14)', async () => {
    const { committee } = fixture
    expect(await verifyCode(fixture.file, { ...fixture.context, committee })).toBe('ok')
    const [first, ...others] = committee
    const moved = [{ ...first!, seat: first!.seat + 1 }, ...others]
    expect(await verifyCode(fixture.file, { ...fixture.context, committee: moved })).toBe('committee-mismatch')
    expect(await verifyCode(fixture.file, { ...fixture.context, committee: others })).toBe('committee-mismatch')
  })

  test('nothing from a session key without its grant (R4)', async () => {
    const { grant, ...rest } = fixture.file
    const swapped = { ...rest, grant: { ...grant, grant: { ...grant.grant, policyEpoch: 99 } } }
    expect(await verifyCode(swapped)).toBe('grant-mismatch')
  })

  test('nothing with a vote left out of its certificate', async () => {
    const proof = fixture.file.batchProof!
    const fewer = { ...fixture.file, batchProof: { ...proof, votes: proof.votes.slice(1) } }
    expect(await verifyCode(fewer)).toBe('certificate-mismatch')
  })
})
