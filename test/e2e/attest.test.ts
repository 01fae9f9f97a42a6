import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMint, NOW } from '../support/nitroMint.ts'
import { codeOf, opg, resultOf } from '../support/opg.ts'

let directory: string
let document: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-attest-'))
  document = join(directory, 'document.hex')
  const bytes = await (await createMint()).mint()
  await writeFile(document, Buffer.from(bytes).toString('hex'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('opg attest as a program of its own', () => {
  test('shows a document without believing it', async () => {
    const ran = await opg(['attest', 'show', document, '--json'])
    expect([ran.exit, ran.stderr]).toEqual([0, ''])
    expect(resultOf('attest show', ran)).toMatchObject({ kind: 'nitro', verified: false })
  })

  test('R6: ends with 3 for a root that is no vendor’s, and prints no verdict', async () => {
    const asOf = new Date(NOW).toISOString()
    const refused = await opg(['attest', 'verify', document, '--as-of', asOf, '--json'])
    expect([refused.exit, codeOf(refused)]).toEqual([3, 'untrusted-root'])
    const words = await opg(['attest', 'verify', document, '--as-of', asOf])
    expect([words.exit, words.stdout]).toEqual([3, ''])
  })

  test('ends with 2 for a file that is no evidence', async () => {
    const none = join(directory, 'none')
    await writeFile(none, 'none')
    const ran = await opg(['attest', 'verify', none, '--json'])
    expect([ran.exit, codeOf(ran)]).toEqual([2, 'evidence-unrecognised'])
  })
})
