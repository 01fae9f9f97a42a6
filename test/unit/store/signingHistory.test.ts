import { describe, expect, it } from 'vitest'
import { canonicalBytes, ZERO_DIGEST } from '../../../src/protocol/index.ts'
import { SIGNING_KIND, type Signed, type SigningKind } from '../../../src/store/index.ts'
import { codeOf, digestOf, RecordingLogger, temporaryDirectory, temporaryStore } from './support.ts'

const signed = (kind: SigningKind, scope: number, sequence: number, digest: number): Signed => ({
  kind,
  scope: digestOf(scope),
  sequence,
  digest: digestOf(digest),
})
const sign = (entry: Signed) => [{ type: 'sign', ...entry }] as const

const history = (entries: readonly unknown[], version = 1): Uint8Array =>
  canonicalBytes({ version, exportedAt: 1, entries: entries as never })

describe('signing history (R27)', () => {
  it('refuses to sign at or below what was signed', async () => {
    const store = await temporaryStore()
    await store.commit(sign(signed('checkpoint', 0, 7, 1)))
    expect(await codeOf(store.commit(sign(signed('checkpoint', 0, 7, 2))))).toBe('signed-before')
    expect(await codeOf(store.commit(sign(signed('checkpoint', 0, 6, 3))))).toBe('signed-before')
    expect(await codeOf(store.commit(sign(signed('checkpoint', 0, 7, 1))))).toBeUndefined()
    expect(await codeOf(store.commit(sign(signed('checkpoint', 0, 8, 4))))).toBeUndefined()
    expect(await store.lastSigned('checkpoint', ZERO_DIGEST)).toEqual(signed('checkpoint', 0, 8, 4))
  })

  it('never lets two votes for one checkpoint and round through, even when they race', async () => {
    const store = await temporaryStore()
    const votes = Array.from({ length: 20 }, (_, index) => codeOf(store.commit(sign(signed('vote', 5, 0, index)))))
    const outcomes = await Promise.all(votes)
    expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(1)
    expect(new Set(outcomes.slice(1))).toEqual(new Set(['signed-before']))
    expect(await codeOf(store.commit(sign(signed('vote', 5, 1, 99))))).toBeUndefined()
  })

  it('counts kinds and scopes apart', async () => {
    const store = await temporaryStore()
    for (const kind of Object.keys(SIGNING_KIND) as SigningKind[]) {
      for (const scope of [1, 2]) await store.commit(sign(signed(kind, scope, 3, 1)))
    }
    expect(await codeOf(store.commit(sign(signed('receipt', 3, 0, 1))))).toBeUndefined()
  })

  it('takes nothing of a commit whose signature is refused', async () => {
    const store = await temporaryStore()
    await store.commit(sign(signed('receipt', 1, 1, 1)))
    const write = { type: 'put', table: 'records', key: [digestOf(9)], value: Uint8Array.of(1) } as const
    expect(await codeOf(store.commit([write, ...sign(signed('receipt', 1, 1, 2))]))).toBe('signed-before')
    expect(await store.get('records', [digestOf(9)])).toBeUndefined()
  })

  it('survives a restart', async () => {
    const directory = await temporaryDirectory()
    const first = await temporaryStore(directory)
    await first.commit(sign(signed('offer', 0, 4, 1)))
    await first.close()
    const second = await temporaryStore(directory)
    expect(await codeOf(second.commit(sign(signed('offer', 0, 4, 2))))).toBe('signed-before')
  })

  it('exports canonical JSON that another store imports', async () => {
    const store = await temporaryStore()
    const entries = [signed('grant', 0, 1, 1), signed('receipt', 1, 9, 2), signed('vote', 3, 0, 4)]
    await store.commit(entries.map((entry) => ({ type: 'sign', ...entry })))
    const bytes = await store.exportSigningHistory()
    const parsed = JSON.parse(new TextDecoder().decode(bytes))
    expect(parsed).toEqual({ version: 1, exportedAt: 1_732_000_000_000, entries })
    expect(canonicalBytes(parsed)).toEqual(bytes)
    const other = await temporaryStore()
    expect(await other.importSigningHistory(bytes)).toEqual({ raised: 3, kept: 0, conflicts: [] })
    expect(await other.exportSigningHistory()).toEqual(bytes)
    expect(await codeOf(other.commit(sign(signed('receipt', 1, 9, 3))))).toBe('signed-before')
  })

  it('imports without ever lowering, and says where a twin has signed', async () => {
    const logger = new RecordingLogger()
    const store = await temporaryStore(undefined, logger)
    await store.commit([...sign(signed('offer', 0, 10, 1)), ...sign(signed('load', 0, 5, 1))])
    const imported = await store.importSigningHistory(
      history([
        signed('offer', 0, 9, 2),
        signed('load', 0, 5, 2),
        signed('checkpoint', 0, 3, 1),
        signed('checkpoint', 0, 2, 1),
      ]),
    )
    expect(imported).toEqual({ raised: 1, kept: 3, conflicts: [signed('load', 0, 5, 2)] })
    expect(await store.lastSigned('offer', ZERO_DIGEST)).toEqual(signed('offer', 0, 10, 1))
    expect(await store.lastSigned('load', ZERO_DIGEST)).toEqual(signed('load', 0, 5, 1))
    expect(await store.lastSigned('checkpoint', ZERO_DIGEST)).toEqual(signed('checkpoint', 0, 3, 1))
    expect(logger.lines).toContainEqual({ level: 'error', message: 'another node has signed with this key' })
  })

  it.each<[string, Uint8Array]>([
    ['no JSON', new TextEncoder().encode('{')],
    ['another version', history([], 2)],
    ['an unknown kind', history([{ ...signed('offer', 0, 1, 1), kind: 'toString' }])],
    ['a sequence below 0', history([{ ...signed('offer', 0, 1, 1), sequence: -1 }])],
    ['no scope', history([{ kind: 'offer', sequence: 1, digest: digestOf(1) }])],
    ['a list of numbers', history([1])],
    ['an array', canonicalBytes([])],
  ])('refuses a file with %s and changes nothing', async (_, bytes) => {
    const store = await temporaryStore()
    const before = await store.exportSigningHistory()
    expect(await codeOf(store.importSigningHistory(bytes))).toBe('invalid-history')
    expect(await store.exportSigningHistory()).toEqual(before)
  })
})
