import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BROWSER_ROOMS, browserBundle, main } from '../../scripts/browserBundle.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opg-bundle-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const fixture = async (name: string, code: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, code)
  return path
}

describe('R28: browser bundles', () => {
  it.each(BROWSER_ROOMS)('%s imports nothing a browser lacks', async (room) => {
    const result = await browserBundle(room)
    expect(result.ok ? [] : result.offending).toEqual([])
  })

  it('verifies evidence and opens sealed inputs from the bundle alone', async () => {
    const result = await browserBundle('src/attestation/index.ts')
    if (!result.ok) throw new Error('expected a bundle')
    const path = await fixture('attestation.mjs', result.bundle.code)
    const room: typeof import('../../src/attestation/index.ts') = await import(pathToFileURL(path).href)
    const { subtle } = globalThis.crypto
    const random = (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length))
    const now = Date.UTC(2026, 0, 1)
    const authority = await room.createSimulatedAuthority({ subtle, random }, { label: 'bundle', now })
    const measured = { bytes: new Uint8Array([1]) }
    const attester = room.simulatedAttester(
      { authority, subtle },
      { instanceId: 'i-1', measurements: { code: measured, configuration: measured, models: measured } },
    )
    const expectedReportData = random(32)
    const { document } = await attester.attest(expectedReportData, now)
    const context = {
      now,
      trustRoots: [authority.trustRoot],
      expectedReportData,
      crypto: room.webAttestationCrypto(subtle),
    }
    const accepted = await room.verifyEvidence({ kind: 'nitro', document }, { ...context, policy: room.devnetPolicy() })
    expect(accepted.ok && accepted.value.assurance).toBe('simulated')
    const refused = await room.verifyEvidence(
      { kind: 'nitro', document },
      { ...context, policy: room.productionPolicy() },
    )
    expect(refused.ok ? undefined : refused.error.code).toBe('assurance-refused')

    const sealing = room.createSealing({ subtle, random }, { networkId: `0x${'11'.repeat(32)}` })
    const key = await sealing.generateEncryptionKey()
    const sealed = await sealing.sealInput(key.publicKey, new Uint8Array([1, 2]), new Uint8Array())
    if (!sealed.ok) throw sealed.error
    const opened = await sealing.openInput(key, sealed.value.sealed, new Uint8Array())
    expect(opened.ok && [...opened.value.plaintext]).toEqual([1, 2])
  })

  it('names a Node module and who imports it, however deep', async () => {
    await fixture('deep.mjs', "import { readFileSync } from 'node:fs'\nexport const read = readFileSync\n")
    const entry = await fixture('entry.mjs', "export { read } from './deep.mjs'\n")
    const result = await browserBundle(entry)
    expect(result).toEqual({ ok: false, offending: [{ id: 'node:fs', importer: join(folder, 'deep.mjs') }] })
  })

  it('refuses builtins without prefix, dynamic imports of them, and what resolves to nothing', async () => {
    const bare = await fixture('bare.mjs', "import { createHash } from 'crypto'\nexport const hash = createHash\n")
    const dynamic = await fixture('dynamic.mjs', "export const load = () => import('node:os')\n")
    const missing = await fixture('missing.mjs', "export { nothing } from 'opg-no-such-package'\n")
    for (const [entry, id] of [
      [bare, 'crypto'],
      [dynamic, 'node:os'],
      [missing, 'opg-no-such-package'],
    ] as const)
      expect(await browserBundle(entry)).toEqual({ ok: false, offending: [{ id, importer: entry }] })
  })

  it('prints sizes and exits 0, or the offending import and exits 1', async () => {
    const bad = await fixture('bad.mjs', "import 'node:net'\n")
    const good = await fixture('good.mjs', 'export const answer = 42\n')
    const lines: string[] = []
    expect(await main([good], (line) => lines.push(line))).toBe(0)
    expect(await main([good, bad], (line) => lines.push(line))).toBe(1)
    expect(lines[0]).toMatch(/: \d+ bytes, \d+ gzipped$/)
    expect(lines.at(-1)).toContain("got import 'node:net'")
  })
})
