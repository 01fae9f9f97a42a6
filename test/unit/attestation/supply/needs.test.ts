import { describe, expect, it } from 'vitest'
import { collateralNeedOf } from '../../../../src/attestation/index.ts'
import { utf8 } from '../../../../src/protocol/index.ts'
import { BOOT, createDstackMint } from '../../../support/dstackMint.ts'
import { createIntelMint } from '../../../support/intelMint.ts'

describe('what a document needs from its vendor', () => {
  it('Intel: the platform’s kind and its CA, for quotes and for those inside dstack’s answers alike', async () => {
    const tdx = await (await createIntelMint('tdx')).mint()
    const { answer } = await (await createDstackMint()).mint(BOOT)
    const quote = collateralNeedOf({ kind: 'tdx', document: tdx.document })
    const inside = collateralNeedOf({ kind: 'tdx-dstack', document: utf8(JSON.stringify(answer)) })
    if (!quote.ok) throw quote.error
    expect(quote.value).toMatchObject({
      vendor: 'intel',
      tee: 'tdx',
      fmspc: expect.stringMatching(/^[0-9A-Fa-f]{12}$/),
    })
    expect(inside).toEqual(quote)
  })

  it('nobody is asked for documents that carry all there is, and nothing is asked for rubbish', () => {
    expect(collateralNeedOf({ kind: 'nitro', document: new Uint8Array(0) })).toMatchObject({
      ok: true,
      value: undefined,
    })
    for (const kind of ['tdx', 'sgx', 'tdx-dstack', 'sev-snp', 'azure-tdx-vtpm', 'nvidia-gpu'] as const)
      expect(collateralNeedOf({ kind, document: new Uint8Array([1, 2, 3]) }).ok).toBe(false)
  })
})
