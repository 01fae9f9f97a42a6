import { encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DerError, DerReader } from '../../src/attestation/der/reader.ts'
import {
  COLLATERAL_ITEMS,
  type CollateralItem,
  devnetPolicy,
  encodeCollateral,
  parseCollateral,
  verifyEvidence,
} from '../../src/attestation/index.ts'
import { parseCertificate } from '../../src/attestation/x509/certificate.ts'
import { parseRevocationList } from '../../src/attestation/x509/crl.ts'
import { gullibleCrypto } from '../support/fuzz/target.ts'
import { createMint, crypto, NOW } from '../support/nitroMint.ts'

const mint = await createMint()
const policy = { ...devnetPolicy(), allowUnbound: true }

const anything = fc.oneof(
  { maxDepth: 3 },
  fc.uint8Array({ maxLength: 64 }),
  fc.integer(),
  fc.string({ maxLength: 16 }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.uint8Array({ maxLength: 16 }), { maxLength: 4 }),
  fc
    .array(fc.tuple(fc.nat(40), fc.uint8Array({ minLength: 48, maxLength: 48 })), { maxLength: 20 })
    .map((pairs) => new Map(pairs)),
)
const nitroKeys = [
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
]

/** Definite-length DER of any tags, nested. */
const { element } = fc.letrec<{ element: Uint8Array }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc
      .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 10, 12, 19, 22, 23, 24), fc.uint8Array({ maxLength: 40 }))
      .map(([tag, content]) => der(tag, content)),
    fc
      .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa1, 0xa2, 0xa3), fc.array(tie('element'), { maxLength: 6 }))
      .map(([tag, parts]) => der(tag, new Uint8Array(Buffer.concat(parts)))),
  ),
}))

function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.of(tag, ...header, ...content)
}

describe('verifiers under structured rubbish', () => {
  it('Nitro: any values under the known keys are answered with a code, signed as they are', async () => {
    const fields = fc.array(fc.tuple(fc.constantFrom(...nitroKeys), anything), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fields, async (changes) => {
        const document = await mint.mint({
          fields: (payload) => {
            for (const [key, value] of changes) payload.set(key, value)
          },
        })
        const verdict = await verifyEvidence(
          { kind: 'nitro', document },
          { now: NOW, trustRoots: [mint.root], policy, crypto: gullibleCrypto },
        )
        if (!verdict.ok) expect(verdict.error.message).toContain(verdict.error.code)
      }),
      { numRuns: 300 },
    )
  })

  it('DER: certificates and lists of any elements are refused, never thrown at', () => {
    fc.assert(
      fc.property(element, (bytes) => {
        expect(parseCertificate(bytes, 0).ok).toBe(false)
        expect(parseRevocationList(bytes).ok).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })

  it('DER: what the reader reads is all of the input, in order', () => {
    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), (parts) => {
        const bytes = new Uint8Array(Buffer.concat(parts))
        const reader = new DerReader(bytes)
        const seen: Uint8Array[] = []
        while (!reader.done) seen.push(reader.next().whole)
        expect(seen).toEqual(parts)
      }),
    )
  })

  it('DER: lengths in more bytes than needed, indefinite ones and ends too soon are refused', () => {
    for (const bytes of [
      [0x30, 0x80, 0, 0],
      [0x04, 0x81, 0x01, 0],
      [0x04, 0x82, 0, 0x80],
      [0x04, 0x02, 0],
      [0x1f, 0x01, 0],
    ])
      expect(() => new DerReader(Uint8Array.from(bytes)).next()).toThrow(DerError)
  })

  it('collateral: bundles are read back as they were, and one bundle has one encoding', () => {
    const bundle = fc.uniqueArray(
      fc.tuple(fc.constantFrom(...COLLATERAL_ITEMS), fc.uint8Array({ minLength: 1, maxLength: 300 })),
      { selector: ([name]) => name, minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(bundle, (items) => {
        const bytes = encodeCollateral(new Map<CollateralItem, Uint8Array>(items))
        expect(encodeCollateral(new Map<CollateralItem, Uint8Array>([...items].reverse()))).toEqual(bytes)
        const parsed = parseCollateral(bytes)
        if (!parsed.ok) throw parsed.error
        expect(new Map(parsed.value)).toEqual(new Map(items))
        expect(crypto.digest('sha256', bytes)).toHaveLength(32)
      }),
    )
  })

  it('collateral: anything else is refused with a code', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 100 }),
          anything.map((value) => encode(value)),
        ),
        (bytes) => {
          const parsed = parseCollateral(bytes)
          expect(parsed.ok).toBe(false)
        },
      ),
    )
  })
})
