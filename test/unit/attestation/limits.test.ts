import { describe, expect, it } from 'vitest'
import * as constants from '../../../src/attestation/constants.ts'
import { limitRows } from '../../support/limitRows.ts'

/** Limits on what a node seals itself, and the last time that a date can hold. */
const OURS = /^MAX_(?:SEALED_PLAINTEXT_BYTES|AAD_BYTES|CHUNK_PLAINTEXT_BYTES|CHUNK_INDEX|TIME_MS)$/

describe('limits on evidence', () => {
  it('stand in docs/limits.md as they are', () => {
    const limits = Object.entries(constants).filter(([name]) => name.startsWith('MAX_') && !OURS.test(name))
    expect(limitRows('Evidence')).toEqual(Object.fromEntries(limits))
  })
})
