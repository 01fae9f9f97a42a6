import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as limits from '../../../../src/attestation/attesters/constants.ts'
import { WIRE_LIMITS } from '../../../../src/wire/index.ts'

const document = readFileSync(new URL('../../../../docs/limits.md', import.meta.url), 'utf8')

describe('limits on what attesters are answered', () => {
  test('stand in docs/limits.md as they are', () => {
    const [, section = ''] = /^## Attesters\n(.*?)(?=^## )/ms.exec(document) ?? []
    const rows = section
      .split('\n')
      .flatMap((line) => [...line.matchAll(/^\| `([A-Z_]+)` \| ([0-9 ]+) \|/g)])
      .map(([, name, value]) => [name, Number(value?.replaceAll(' ', ''))])
    expect(Object.fromEntries(rows)).toEqual({ ...limits })
  })

  test('let nothing through that could not be sent', () => {
    expect(limits.MAX_TSM_OUTBLOB_BYTES).toBe(WIRE_LIMITS.evidenceDocument.value)
    expect(limits.MAX_DSTACK_ANSWER_BYTES).toBe(WIRE_LIMITS.evidenceDocument.value)
    expect(limits.MAX_GPU_DOCUMENT_BYTES).toBe(WIRE_LIMITS.gpuDocument.value)
  })
})
