import { describe, expect, test } from 'vitest'
import * as limits from '../../../../src/attestation/attesters/constants.ts'
import { WIRE_LIMITS } from '../../../../src/wire/index.ts'
import { limitRows } from '../../../support/limitRows.ts'

describe('limits on what attesters are answered', () => {
  test('stand in docs/limits.md as they are', () => {
    expect(limitRows('Attesters')).toEqual({ ...limits })
  })

  test('let nothing through that could not be sent', () => {
    expect(limits.MAX_TSM_OUTBLOB_BYTES).toBe(WIRE_LIMITS.evidenceDocument.value)
    expect(limits.MAX_DSTACK_ANSWER_BYTES).toBe(WIRE_LIMITS.evidenceDocument.value)
    expect(limits.MAX_GPU_DOCUMENT_BYTES).toBe(WIRE_LIMITS.gpuDocument.value)
  })
})
