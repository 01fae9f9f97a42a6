import { describe, expect, it } from 'vitest'
import { CodedError, fail, ok, toError } from '../../../src/protocol/index.ts'

class StorageError extends CodedError<{ readonly code: 'disk-full'; readonly free: number }> {}

describe('coded errors', () => {
  it('carry their code and data, their class name, and their cause', () => {
    const cause = new Error('ENOSPC')
    const error = new StorageError({ code: 'disk-full', free: 3 }, 'expected 10 bytes free, got 3', { cause })
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.code, error.detail.free, error.cause]).toEqual(['StorageError', 'disk-full', 3, cause])
  })

  it('have results as twins for failures that are expected', () => {
    expect(ok(1)).toEqual({ ok: true, value: 1 })
    expect(fail('late')).toEqual({ ok: false, error: 'late' })
  })
})

describe('toError', () => {
  it('keeps errors and unwraps the error of an event', () => {
    const error = new Error('reset')
    expect(toError(error)).toBe(error)
    expect(toError({ type: 'error', error })).toBe(error)
  })

  it('makes an error of anything else that is thrown', () => {
    expect(toError({ type: 'close' }).message).toBe('close')
    expect(toError('text').message).toBe('text')
    expect(toError(undefined).message).toBe('undefined')
    expect(toError(null).message).toBe('null')
  })
})
